"""Sessions: `default` always exists, snapshots belong to one."""

from __future__ import annotations

import pytest

from tests.kit.checks import assert_clean, untouched
from tests.kit.git import Repo
from tests.kit.program import datmo


def sessions() -> dict[str, tuple[bool, int]]:
    rows = datmo("session", "ls", "--json").json()
    return {row["name"]: (row["current"], row["snapshots"]) for row in rows}


def snap(project: Repo, text: str) -> None:
    project.write("a", text)
    datmo("snapshot", "-m", text)


def test_create_select_and_count(project: Repo):
    assert sessions() == {"default": (True, 0)}
    snap(project, "1")
    assert "Created session 'x'" in datmo("session", "create", "--name", "x").stdout
    snap(project, "2")
    assert sessions() == {"default": (False, 1), "x": (True, 1)}
    assert "is there already" in datmo("session", "create", "-m", "x").stdout
    datmo("session", "select", "default")
    assert sessions() == {"default": (True, 1), "x": (False, 1)}
    datmo("session", "create", "y", "--no-current")
    assert sessions()["default"] == (True, 1)
    assert_clean(project)


def test_rename_keeps_the_snapshots_and_frees_the_name(project: Repo):
    datmo("session", "create", "x")
    snap(project, "1")
    datmo("session", "update", "x", "--name", "y")
    assert sessions() == {"default": (False, 0), "y": (True, 1)}
    datmo("session", "create", "x")
    assert sessions() == {"default": (False, 0), "y": (False, 1), "x": (True, 0)}
    assert_clean(project)


def test_delete_hides_its_snapshots_and_selects_default(project: Repo):
    snap(project, "1")
    datmo("session", "create", "x")
    snap(project, "2")
    with untouched(project):
        done = datmo("session", "delete", "--name", "x")
    assert "hid its 1 snapshot\n" in done.stdout
    assert sessions() == {"default": (True, 1)}
    rows = datmo("snapshot", "ls", "--all", "--json").json()
    assert [row["message"] for row in rows] == ["1"]
    assert "Created" in datmo("session", "create", "x").stdout
    assert sessions()["x"] == (True, 0)
    assert_clean(project)


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ("delete default", 4),
        ("update default --name x", 4),
        ("update taken --name other", 4),
        ("select nope", 3),
        ("delete nope", 3),
        ("update nope --name x", 3),
        ("select", 2),
        ("delete", 2),
        ("create", 2),
        ("update other", 2),
    ],
)
def test_what_is_refused(project: Repo, words: str, code: int):
    datmo("session", "create", "taken")
    datmo("session", "create", "other")
    before = sessions()
    done = datmo("session", *words.split(" "), check=False)
    assert (done.code, done.stdout) == (code, "")
    assert sessions() == before


@pytest.mark.parametrize("name", ["", " ", "a\nb", "\x1b[31m", "x" * 201])
def test_names_nobody_can_read_are_refused(project: Repo, name: str):
    assert datmo("session", "create", "--name", name, check=False).code == 2


def test_aliases_and_forms(project: Repo):
    assert datmo("session", "list").stdout == datmo("session", "ls").stdout
    assert datmo("session", "ls", "--format", "csv").stdout.startswith("name,current,snapshots,id")
    datmo("session", "create", "x")
    datmo("session", "rm", "x")
    assert sessions() == {"default": (True, 0)}
