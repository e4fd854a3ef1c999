"""`datmo.run` and `datmo.task`: the keywords of both eras, and the Run they give."""

from __future__ import annotations

import os
import time
from datetime import UTC
from pathlib import Path
from typing import Any

import pytest

import git_datmo
from git_datmo import errors
from git_datmo.config import Config
from git_datmo.model.listing import Listing
from tests.kit.git import Repo

run, task = git_datmo.run, git_datmo.task


@pytest.fixture(autouse=True)
def local(project: Repo) -> Repo:
    """A project whose runs are processes of this machine."""
    Config().set_home(None)
    project.git("config", "datmo.runner", "local")
    project.write("a.txt", "one\n")
    return project


def test_words_text_and_both_names(local: Repo):
    words = run(["printf", "%s\n", "acc: 0.5"])
    text = task.run("echo acc: 0.7 | cat; exit 3")
    assert isinstance(words, git_datmo.Run)
    assert git_datmo.Task is git_datmo.Run is task.Task is run.Run
    assert (words.status, words.exit_code, words.results) == ("success", 0, {"acc": 0.5})
    assert (text.status, text.exit_code, text.results) == ("failed", 3, {"acc": 0.7})
    assert (words.logs, text.text) == ("acc: 0.5\n", "echo acc: 0.7 | cat; exit 3")
    assert task.ls() == run.ls() == [text, words]
    assert isinstance(run.ls(), Listing)
    assert run.ls(filter="printf") == task.ls("default", "printf") == [words]
    assert run.ls(where="results.acc > 0.6") == [text]


def test_the_run_object(local: Repo):
    done = run("echo x >made.txt; echo y >$DATMO_TASK_DIR/more.txt", label="l", config={"lr": 1})
    again = run.inspect("l")
    assert done == again == run.inspect(done)
    assert len({done, again}) == 1
    assert again.start_time.tzinfo is UTC
    assert again.end_time >= again.start_time >= again.created_at
    assert again.duration >= 0
    assert again.before_snapshot_id == again.before_id != again.after_snapshot_id
    assert again.config == {"lr": 1}
    assert len(again.model_id) == 40
    assert again.session_id == git_datmo.snapshot.inspect(again.after_id).session_id
    names = sorted(file.name for file in again.get_files("rb"))
    assert names == ["a.txt", "made.txt", "task/more.txt"]
    assert {file.name: file.read() for file in again.files}["made.txt"] == "x\n"
    with pytest.raises(errors.InvalidArgumentType):
        again.get_files("w")
    assert "made.txt" in done.applied
    assert "made.txt" in str(again)
    assert again.id in str(again)
    assert again.id[:12] in again._repr_html_()


def test_env_is_variables_or_one_path(local: Repo):
    local.write("needs.txt", "six\n")
    for given in ({"A": "1"}, ["A=1"], "A=1"):
        assert run("echo A: $A", env=given).results == {"A": 1}
    done = task.run("true", env="needs.txt")
    assert done.environment_id == run("true", environment_def="needs.txt").environment_id
    assert done.environment_id == run("true", Path("needs.txt")).environment_id
    assert done.environment_id == run("true", environment_paths=["needs.txt"]).environment_id
    with pytest.raises(errors.MutuallyExclusiveArguments):
        run("true", env="needs.txt", environment_paths=["needs.txt"])


def test_home_by_name_and_by_place(local: Repo):
    os.chdir("/")
    assert task.run("cat a.txt", None, local.path).logs == "one\n"
    assert run("cat a.txt", home=local.path).status == "success"
    assert len(run.ls(home=local.path)) == len(run.ls(None, None, local.path)) == 2


def test_output_is_given_while_it_comes(local: Repo, capfd: pytest.CaptureFixture[str]):
    seen: list[tuple[str, bytes]] = []
    run("echo out; echo err >&2", output=lambda stream, data: seen.append((stream, data)))
    assert sorted(seen) == [("stderr", b"err\n"), ("stdout", b"out\n")]
    assert capfd.readouterr() == ("", "")


def test_in_the_background(local: Repo):
    begun = run("echo on; sleep 300", detach=True)
    assert begun.is_running
    deadline = time.monotonic() + 30
    while not run.inspect(begun).logs:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    (ended,) = run.stop(begun)
    assert (ended, ended.status, ended.logs) == (begun, "stopped", "on\n")
    assert b"".join(run.logs(ended)) == b"on\n"
    assert run.delete(begun) == begun
    assert run.inspect(begun).deleted
    assert run.ls() == []


def test_a_snapshot_made_from_a_run(local: Repo):
    done = run("echo acc: 0.5; echo x >made.txt")
    made = git_datmo.snapshot.create("kept", run_id=done)
    assert (made.id, made.message, made.visible) == (done.after_id, "kept", True)
    assert made.stats["acc"] == 0.5
    other = git_datmo.snapshot.create("also", task_id=run("echo acc: 0.6; echo y >made.txt").id)
    assert other.stats["acc"] == 0.6


def test_a_run_is_repeated_and_compared(local: Repo):
    first = run("echo rate: 0.1; cat a.txt >b.txt", apply=False)
    local.write("a.txt", "two\n")
    again = run.rerun(first)
    assert again.comparison.equal
    assert (again.original, again.run.rerun_of) == (first, first.id)
    assert again.run.after_id == first.after_id
    newer = task.rerun(first.after_id, onto=git_datmo.snapshot.create("two").id)
    assert not newer.comparison.equal
    (file,) = newer.comparison.files
    assert (file.path, file.kind) == ("b.txt", "different")
    assert not (local.path / "b.txt").exists()


def test_settings_are_python_values(local: Repo):
    done = run(["echo", "rate:", "--rate=0.1"])
    for value, shown in ((0.5, "0.5"), ("0.5", "0.5"), (2, "2")):
        again = run.rerun(done, set={"rate": value})
        assert again.run.command[-1] == f"--rate={shown}"
    with pytest.raises(errors.ValidationFailed):
        run.rerun(done, set={"ratio": 1})


WRONG: list[tuple[Any, dict[str, Any], type[errors.DatmoError]]] = [
    (None, {}, errors.RequiredArgumentMissing),
    ("", {}, errors.RequiredArgumentMissing),
    ([], {}, errors.RequiredArgumentMissing),
    (["echo", 3], {}, errors.InvalidArgumentType),
    ("true", {"mem_limit": "lots"}, errors.UsageError),
    ("true", {"timeout": -1}, errors.UsageError),
    ("true", {"runner": "moon"}, errors.UsageError),
    ("true", {"data": ["nope"]}, errors.PathDoesNotExist),
    ("true", {"session_id": "nope"}, errors.SessionDoesNotExist),
    ("true", {"home": "/nope"}, errors.InvalidProjectPath),
]


@pytest.mark.parametrize(("command", "keywords", "kind"), WRONG)
def test_wrong_arguments(
    local: Repo, command: Any, keywords: dict[str, Any], kind: type[errors.DatmoError]
):
    before = local.refs()
    with pytest.raises(kind):
        run(command, **keywords)
    assert local.refs() == before
    assert run.ls() == []


def test_what_is_not_there(local: Repo):
    for verb in (run.inspect, run.delete, run.stop, run.rerun):
        with pytest.raises(errors.EntityNotFound):
            verb("nope")
    with pytest.raises(errors.InvalidArgumentType):
        git_datmo.Run("x")  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        git_datmo.snapshot("x")
