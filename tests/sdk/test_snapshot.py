"""`import git_datmo as datmo`: the keywords of both eras, and the Snapshot they give."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import UTC
from pathlib import Path
from typing import Any

import pytest

import git_datmo
from git_datmo import errors
from git_datmo.config import Config
from tests.kit.checks import assert_clean
from tests.kit.git import Repo

snapshot = git_datmo.snapshot


@pytest.fixture(autouse=True)
def home_is_the_current_folder() -> None:
    Config().set_home(None)


def test_positional_and_by_name(project: Repo):
    project.write("a", "1")
    one = snapshot.create("one", "first", config={"lr": 0.1}, stats={"acc": 0.5})
    two = snapshot.create(message="two", config={"lr": 0.2})
    assert (one.message, one.label, one.config, one.stats) == (
        "one", "first", {"lr": 0.1}, {"acc": 0.5},
    )  # fmt: skip
    assert [s.id for s in snapshot.ls()] == [two.id, one.id]
    assert snapshot.ls(filter="fir") == [one]
    assert snapshot.ls("default") == snapshot.ls(session_id="default") == [two, one]
    assert_clean(project)


def test_empty_dictionaries_mean_look_for_files(project: Repo):
    project.write("config.json", '{"lr": 3}')
    project.write("stats.yaml", "acc: 1\n")
    made = snapshot.create("one", config={}, stats={})
    assert (made.config, made.stats) == ({"lr": 3}, {"acc": 1})


def test_paths_filepaths_env_and_home(project: Repo, tmp_path: Path):
    (tmp_path / "out.txt").write_text("outside")
    project.write("sub/needs.txt", "numpy\n")
    os.chdir("/")
    flags: dict[str, Any] = {"home": project.path}
    one = snapshot.create("one", filepaths=[str(tmp_path / "out.txt")], **flags)
    assert "out.txt" in [file.name for file in one.files]
    two = snapshot.create("two", paths=["sub/needs.txt>q/n.txt"], env="sub/needs.txt", **flags)
    three = snapshot.create("three", env=["sub/needs.txt"], **flags)
    assert "q/n.txt" in [file.name for file in two.files]
    assert two.environment_id == three.environment_id
    assert snapshot.ls(home=project.path) == [three, two, one]
    assert snapshot.update(one.id, message="first", home=project.path).message == "first"
    assert snapshot.delete(three.id, home=project.path) == three
    os.chdir(project.path / "sub")
    four = snapshot.create("four", environment_def="needs.txt", stats={"n": 4})
    assert four.environment_id == two.environment_id


def test_update_and_delete_give_the_public_object(project: Repo):
    project.write("a", "1")
    made = snapshot.create("one", config={"a": 1})
    changed = snapshot.update(snapshot_id=made.id, config={"b": 2}, message="new", label="l")
    assert isinstance(changed, git_datmo.Snapshot)
    assert (changed.config, changed.message, changed.label) == ({"a": 1, "b": 2}, "new", "l")
    assert snapshot.delete(snapshot_id=made.id) == made
    assert snapshot.ls() == []


WRONG: list[tuple[Callable[[], object], type[errors.DatmoError]]] = [
    (lambda: snapshot.create(), errors.RequiredArgumentMissing),
    (lambda: snapshot.create(message=None), errors.RequiredArgumentMissing),
    (lambda: snapshot.create(message=3), errors.ValidationFailed),
    (lambda: snapshot.create("m", label=3), errors.ValidationFailed),
    (lambda: snapshot.create("m", config=[1]), errors.ValidationFailed),
    (lambda: snapshot.create("m", config={"a": object()}), errors.InvalidArgumentType),
    (lambda: snapshot.create("m", paths="text"), errors.ValidationFailed),
    (lambda: snapshot.create("m", paths=["nope"]), errors.PathDoesNotExist),
    (lambda: snapshot.create("m", env=3), errors.InvalidArgumentType),
    (lambda: snapshot.create("m", home="/nope"), errors.InvalidProjectPath),
    (lambda: snapshot.create("m", commit_id="nope"), errors.CommitDoesNotExist),
    (lambda: snapshot.ls(session_id="nope"), errors.SessionDoesNotExist),
    (lambda: snapshot.ls(filter=3), errors.ValidationFailed),
    (lambda: snapshot.update(), errors.RequiredArgumentMissing),
    (lambda: snapshot.update("nope", message="x"), errors.EntityNotFound),
    (lambda: snapshot.update("nope", message=3), errors.ValidationFailed),
    (lambda: snapshot.delete(), errors.RequiredArgumentMissing),
    (lambda: snapshot.delete("nope"), errors.DoesNotExist),
    (lambda: snapshot.inspect(3), errors.InvalidArgumentType),
    (lambda: git_datmo.Snapshot(), errors.InvalidArgumentType),
    (lambda: git_datmo.Snapshot("x"), errors.InvalidArgumentType),  # type: ignore[arg-type]
    (lambda: git_datmo.Snapshot(task="x"), errors.InvalidArgumentType),
]


@pytest.mark.parametrize(("call", "kind"), WRONG)
def test_wrong_arguments(project: Repo, call: Callable[[], object], kind: type[errors.DatmoError]):
    before = project.refs()
    with pytest.raises(kind) as raised:
        call()
    assert type(raised.value) is kind or kind in type(raised.value).__mro__
    assert project.refs() == before


def test_the_snapshot_object(project: Repo):
    project.write("data.csv", "1,2\n")
    made = snapshot.create("one\n\nmore", "first", config={"lr": 0.1})
    again = snapshot.inspect(made)
    assert made == again
    assert len({made, again}) == 1
    assert made != "text"
    assert made.created_at.tzinfo is UTC
    assert made.task_id is None
    assert made.session_id == snapshot.inspect("latest").session_id
    assert len(made.model_id) == len(made.code_id) == len(made.file_collection_id) == 40
    assert [file.read() for file in made.files] == ["1,2\n"]
    assert [file.read() for file in made.get_files("rb")] == [b"1,2\n"]
    with pytest.raises(errors.InvalidArgumentType):
        made.get_files("w")
    made.config["lr"] = 7
    assert made.config == {"lr": 0.1}, "what is handed out is a copy"
    for text in (made.id, "label: first", "0.1", "    more"):
        assert text in str(made)


def test_config_is_one_object_with_a_home_and_a_level(
    project: Repo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    assert Config() is Config()
    assert Config().home == str(project.path)
    os.chdir("/")
    Config().set_home(project.path)
    assert snapshot.ls() == []
    with pytest.raises(errors.InvalidProjectPath):
        Config().set_home("/nope")
    monkeypatch.setenv("LOGGING_LEVEL", "debug")
    assert Config().logging_level == "DEBUG"


def test_a_cached_setting_is_asked_for_once():
    asked = []

    @Config().cache_setting("answer", expires=60)
    def answer() -> int:
        asked.append(1)
        return 42

    assert (answer(), answer(), len(asked)) == (42, 42, 1)
