"""A manager inside a recorded run: it means the project that the task came from, and the run says
what was read and made through it."""

from __future__ import annotations

import sys

import git_datmo
from git_datmo.compat.squirrel import GitArtifactManager
from tests.kit.checks import assert_clean
from tests.kit.git import Repo
from tests.kit.program import datmo

SCRIPT = """
from git_datmo.compat.squirrel import GitArtifactManager
manager = GitArtifactManager(collection="c")
with manager.download_artifact("data") as folder:
    text = (folder / "words").read_text()
manager.log_artifact(len(text), "length")
"""


def test_a_run_knows_what_a_manager_read_and_made(project: Repo) -> None:
    project.write("train.py", SCRIPT)
    project.commit()
    project.write("words", "one two")
    datmo("artifact", "create", "c/data", "words", cwd=project.path)
    datmo("run", "--", sys.executable, "train.py", cwd=project.path)
    run = datmo("run", "inspect", "latest", "--json", cwd=project.path).json()
    assert [(each["name"], each["version"]) for each in run["used"]] == [("data", 0)]
    assert [(each["name"], each["version"]) for each in run["generated"]] == [("length", 0)]
    assert_clean(project)


def test_so_does_one_in_a_script(project: Repo) -> None:
    project.commit()
    manager = GitArtifactManager()
    manager.log_artifact("before", "x")
    with git_datmo.start_run():
        manager.log_artifact(manager.get_artifact("x"), "y")
    manager.get_artifact("y")  # no run is told of this
    run = git_datmo.run.inspect("latest")
    assert [each["name"] for each in run.used] == ["x"]
    assert [each["name"] for each in run.generated] == ["y"]
