"""`snapshot checkout` through the command: in place, into a folder, and back."""

from __future__ import annotations

from pathlib import Path

from tests.kit.checks import assert_clean
from tests.kit.git import Repo
from tests.kit.program import datmo


def snap(repo: Repo, text: str, label: str) -> str:
    repo.write("a", text)
    made: str = datmo("snapshot", "create", "-m", text, "-l", label, "--json").json()["id"]
    return made


def test_in_place_saves_first_and_leaves_git_alone(project: Repo):
    project.write("kept", "1")
    project.commit()
    one = snap(project, "1", "one")
    project.write("a", "unsaved")
    project.write("new", "unsaved too")
    before = project.refs("refs/heads"), project.head(), project.index_hash()
    done = datmo("snapshot", "checkout", "one", "--json").json()
    assert (done["id"], done["removed"]) == (one, 1)
    assert project.read("a") == b"1"
    assert not (project.path / "new").exists()
    assert (project.refs("refs/heads"), project.head(), project.index_hash()) == before
    text = datmo("snapshot", "checkout", done["saved"]).stdout
    assert f"To come back: git datmo snapshot checkout {one[:12]}" in text
    assert (project.read("a"), project.read("new")) == (b"unsaved", b"unsaved too")
    assert_clean(project)


def test_into_a_folder_from_where_the_command_starts(project: Repo, tmp_path: Path):
    one = snap(project, "1", "one")
    snap(project, "2", "two")
    done = datmo("-C", str(project.path), "snapshot", "checkout", "one", "--into", "../there")
    assert done.stdout == f"Wrote snapshot {one} into {(project.path / '../there').absolute()}\n"
    assert (tmp_path / "there/a").read_text() == "1"
    assert project.read("a") == b"2"
    again = datmo("snapshot", "checkout", "two", "--into", "../there", check=False)
    assert (again.code, (tmp_path / "there/a").read_text()) == (4, "1")
    nowhere = datmo("snapshot", "checkout", "two", "--into", "", check=False)
    assert (nowhere.code, project.read("a")) == (2, b"2")


def test_the_same_again_changes_nothing(project: Repo):
    snap(project, "1", "one")
    done = datmo("snapshot", "checkout", "one", "--json").json()
    assert (done["saved"], done["written"], done["removed"]) == (None, 0, 0)
