"""`datmo.environment`: the verbs from Python."""

from __future__ import annotations

from pathlib import Path

import pytest

import git_datmo as datmo
from git_datmo.config import Config
from git_datmo.errors import Conflict, EnvironmentDoesNotExist, RequiredArgumentMissing
from tests.kit.checks import assert_clean, untouched
from tests.kit.git import Repo


@pytest.fixture(autouse=True)
def home_is_the_current_folder() -> None:
    Config().set_home(None)


def test_kept_found_and_used_by_name_id_or_value(project: Repo):
    project.write("defs/requirements.txt", "numpy==2.3\n")
    made = datmo.environment.create(["defs/requirements.txt"], "mine", "for all")
    assert (made.name, made.description, made.kind, made.is_new) == (
        "mine",
        "for all",
        "python",
        True,
    )
    assert made.created_at is not None
    assert made.created_at.tzinfo is not None
    for named in (made, made.id, made.id[:8], "mine"):
        assert datmo.environment.inspect(named).contents == (("requirements.txt", b"numpy==2.3\n"),)
    taken = datmo.snapshot.create(message="x", environment_id=made)
    assert taken.environment_id == made.id
    assert datmo.environment.ls()[0].name == "mine"
    assert datmo.environment.ls().rows()[0]["kind"] == "python"
    assert_clean(project)


def test_one_path_may_be_given_alone(project: Repo):
    project.write("requirements.txt", "numpy\n")
    one = datmo.environment.create("requirements.txt")
    assert datmo.environment.create(["requirements.txt"]).id == one.id
    assert datmo.environment.create(["requirements.txt"]).is_new is False


def test_the_running_interpreter_and_the_projects_imports(project: Repo):
    project.write("train.py", "import click\n")
    whole = datmo.environment.create(interpreter=True)
    few = datmo.environment.create(imports=True)
    assert any(line.startswith("click==") for line in few.packages)
    assert set(few.packages) < set(whole.packages)


def test_selected_and_let_go(project: Repo):
    with untouched(project):
        made = datmo.environment.setup(type="gpu", framework="pytorch")
    assert made.current
    assert datmo.snapshot.create(message="x").environment_id == made.id
    assert datmo.environment.select(none=True) is None
    assert not datmo.environment.inspect(made).current
    assert datmo.environment.select(made).current
    assert datmo.environment.delete(made).current
    assert datmo.environment.ls() == []
    assert datmo.snapshot.create(message="y").environment_id != made.id


def test_setup_asks_nothing(project: Repo):
    assert datmo.environment.setup().name == "python-base:cpu-py313"
    assert datmo.environment.setup("cpu", "r-base").name == "r-base:cpu"


def test_templates_are_values(project: Repo):
    found = datmo.environment.templates()
    assert {item.type for item in found} == {"cpu", "gpu"}
    assert all(item.name and item.image for item in found)


def test_errors_are_ours(project: Repo, tmp_path: Path):
    with pytest.raises(EnvironmentDoesNotExist):
        datmo.environment.inspect("nope")
    with pytest.raises(RequiredArgumentMissing):
        datmo.environment.inspect()
    project.write("r.txt", "a\n")
    datmo.environment.create("r.txt", "mine")
    project.write("r.txt", "b\n")
    with pytest.raises(Conflict):
        datmo.environment.create("r.txt", "mine")
    with pytest.raises(datmo.errors.InvalidArgumentType):
        datmo.environment.inspect(3)
