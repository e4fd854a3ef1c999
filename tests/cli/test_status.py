"""`git datmo status`: which snapshot you are on, what is unsaved. Every call a fresh process."""

from __future__ import annotations

from typing import Any

from tests.kit.checks import untouched
from tests.kit.git import Repo
from tests.kit.program import datmo


def status() -> dict[str, Any]:
    found: dict[str, Any] = datmo("status", "--json").json()
    return found


def test_a_new_project(project: Repo):
    found = status()
    assert (found["current"], found["latest_user"], found["clean"]) == (None, None, False)
    assert "no snapshots created yet" in datmo("status").stdout


def test_saved_then_changed_then_back(project: Repo):
    project.write("code.py", "1")
    project.git("add", "code.py")
    datmo("snapshot", "-m", "one", "-l", "first")
    found = status()
    assert found["clean"]
    assert found["current"]["label"] == "first"
    project.write("code.py", "2")
    project.write("data.csv", "new")
    project.write("requirements.txt", "numpy\n")
    with untouched(project):
        found = status()
    assert not found["clean"]
    assert found["current"]["label"] == "first"
    assert found["unsaved"]["code"] == ["code.py"]
    assert "data.csv" in found["unsaved"]["files"]
    assert found["unsaved"]["environment"] == ["requirements.txt"]
    assert "unsaved changes since this snapshot" in datmo("status").stdout
    datmo("snapshot", "checkout", "first")
    found = status()
    assert found["clean"]
    assert found["current"]["label"] == "first"
    assert found["latest_automatic"]["message"].startswith("saved before checkout")
    assert found["latest_user"]["label"] == "first"


def test_it_stores_nothing(project: Repo):
    project.write("big", b"x" * 2_000_000)
    project.git("hash-object", "-t", "tree", "-w", "--stdin")  # the empty tree is everywhere
    before = project.git("count-objects", "-v"), project.refs()
    status()
    assert (project.git("count-objects", "-v"), project.refs()) == before
    assert not (project.git_dir / "datmo" / "store").exists()


def test_after_a_deletion_it_names_what_is_left(project: Repo):
    project.write("a", "1")
    datmo("snapshot", "-m", "one")
    project.write("a", "2")
    datmo("snapshot", "-m", "two")
    datmo("snapshot", "delete", "latest")
    found = status()
    assert found["latest_user"]["message"] == "one"
    assert found["current"]["message"] == "one"
    assert found["unsaved"]["files"] == ["a"]
