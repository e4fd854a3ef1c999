"""`snapshot update` merges, `snapshot delete` hides."""

from __future__ import annotations

import pytest

from tests.kit.checks import assert_clean, untouched
from tests.kit.git import Repo
from tests.kit.program import datmo


@pytest.fixture
def one(project: Repo) -> str:
    project.write("a", "1")
    flags = ["-c", "lr:1", "-c", "keep:yes", "-s", "acc:0.5", "-l", "first"]
    made: str = datmo("snapshot", "create", "-m", "one", *flags, "--json").json()["id"]
    return made


def test_keys_are_merged_and_the_rest_is_kept(project: Repo, one: str):
    with untouched(project):
        done = datmo("snapshot", "update", one, "-c", "lr:2", "--stats", "f1:0.4", "--json")
    shown = done.json()
    assert shown["id"] == one
    assert shown["config"] == {"lr": 2, "keep": "yes"}
    assert shown["stats"] == {"acc": 0.5, "f1": 0.4}
    assert (shown["message"], shown["label"]) == ("one", "first")
    assert_clean(project)


def test_message_and_label(project: Repo, one: str):
    datmo("snapshot", "update", "--id", "first", "--message", "two", "--label", "second")
    shown = datmo("snapshot", "inspect", "second", "--json").json()
    assert (shown["id"], shown["message"]) == (one, "two")
    datmo("snapshot", "update", "second", "--label", "")
    assert datmo("snapshot", "inspect", one, "--json").json()["label"] is None
    assert datmo("snapshot", "inspect", "second", check=False).code == 3


@pytest.mark.parametrize(
    ("words", "code"),
    [(["first"], 2), ([], 2), (["nope", "-m", "x"], 3), (["first", "-c", ":x"], 2)],
)
def test_what_is_refused(project: Repo, one: str, words: list[str], code: int):
    before = project.refs()
    assert datmo("snapshot", "update", *words, check=False).code == code
    assert project.refs() == before


@pytest.mark.parametrize("flags", [["first"], ["--id", "first"]])
def test_delete_hides_and_the_same_state_can_be_saved_anew(
    project: Repo, one: str, flags: list[str]
):
    with untouched(project):
        done = datmo("snapshot", "delete", *flags)
    assert done.stdout == f"Deleted snapshot {one}\n"
    assert datmo("snapshot", "ls", "--all", "--json").json() == []
    assert datmo("snapshot", "rm", *flags, check=False).code == 3
    assert datmo("snapshot", "-m", "anew").stdout.startswith("Created")
    assert [row["message"] for row in datmo("snapshot", "ls", "--json").json()] == ["anew"]
    assert_clean(project)
