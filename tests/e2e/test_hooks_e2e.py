"""The hooks in real repositories, with the real program behind them."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.team import state
from tests.kit.checks import assert_clean, untouched
from tests.kit.git import Repo
from tests.kit.program import datmo

WAIT = 20.0  # seconds that a detached process may take on a busy machine


@pytest.fixture
def project(project: Repo) -> Repo:
    project.write("a.txt", "1\n")
    project.git("add", "a.txt")
    return project


def automatic(repo: Repo) -> list[dict[str, Any]]:
    """The hidden snapshots, oldest first."""
    rows = [row for row in state(repo).values() if not row["visible"]]
    return sorted(rows, key=lambda row: row["created"])


def eventually(check: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WAIT
    while not check():
        assert time.monotonic() < deadline, "it did not come"
        time.sleep(0.1)


def settled(repo: Repo, count: int) -> list[dict[str, Any]]:
    """Wait until there are as many automatic snapshots, and a little for one too many."""
    eventually(lambda: len(automatic(repo)) >= count)
    time.sleep(0.7)
    found = automatic(repo)
    assert len(found) == count
    return found


def test_a_commit_is_followed_by_a_hidden_snapshot(project: Repo) -> None:
    project.git("commit", "-qm", "first words")
    head = project.head()
    with untouched(project):
        [row] = settled(project, 1)
    assert row["parent"] == head
    assert "first words" in row["message"]
    assert datmo("snapshot", "ls", "--json", cwd=project.path).json() == []
    assert_clean(project)


def test_it_is_what_an_explicit_snapshot_would_have_been(project: Repo) -> None:
    project.write("untracked.txt", "along\n")
    project.git("commit", "-qm", "x")
    [row] = settled(project, 1)
    made = datmo("snapshot", "create", "-m", "by hand", "--json", cwd=project.path).json()
    assert made["id"] == row["id"]
    assert "untracked.txt" in project.tree(row["id"])
    assert state(project)[row["id"]]["visible"]


def test_off_when_told(project: Repo) -> None:
    project.git("config", "datmo.autoSnapshot", "false")
    project.git("commit", "-qm", "x")
    time.sleep(1)
    assert automatic(project) == []


def test_not_during_a_rebase_a_pick_or_a_bisection(project: Repo) -> None:
    project.git("config", "datmo.autoSnapshot", "false")
    for number in range(4):
        project.write("a.txt", f"{number}\n")
        project.commit(f"c{number}")
    project.git("checkout", "-q", "-b", "side", "HEAD~2")
    project.write("b.txt", "b\n")
    project.commit("side")
    project.git("config", "datmo.autoSnapshot", "true")
    project.git("rebase", "-q", "main")
    project.git("checkout", "-q", "-b", "other", "main~1")
    project.git("cherry-pick", "side")
    project.git("bisect", "start")
    project.git("commit", "-q", "--allow-empty", "-m", "while bisecting")
    project.git("bisect", "reset")
    time.sleep(1.5)
    assert automatic(project) == []
    project.git("commit", "-q", "--allow-empty", "-m", "an ordinary one")
    settled(project, 1)


def test_a_commit_that_head_left_gets_its_own_tree(project: Repo) -> None:
    first = project.commit("first")
    settled(project, 1)
    project.write("a.txt", "2\n")
    middle = project.commit("middle")
    settled(project, 2)
    unhooked = ("-c", "core.hooksPath=/dev/null", "commit", "-qam")
    project.write("a.txt", "3\n")
    project.git(*unhooked, "left")
    left = project.head()
    project.write("a.txt", "4\n")
    project.git(*unhooked, "last")
    project.write("new.txt", "4\n")

    datmo("hook", "post-commit", left, cwd=project.path)

    *_, row = settled(project, 3)
    assert project.git("rev-parse", f"{row['id']}^{{tree}}") == project.git(
        "rev-parse", f"{left}^{{tree}}"
    )
    assert row["parent"] == left
    assert {first, middle} == {other["parent"] for other in automatic(project)[:2]}
    assert_clean(project)


def test_many_commits_at_once(project: Repo) -> None:
    for number in range(5):
        project.write("a.txt", f"{number}\n")
        project.commit(f"c{number}")
    settled(project, 5)
    assert_clean(project)


def test_in_a_linked_work_tree(project: Repo, tmp_path: Path) -> None:
    project.commit("first")
    settled(project, 1)
    linked = project.worktree(tmp_path / "linked", "-b", "side")
    linked.write("a.txt", "there\n")
    commit = linked.commit("in the linked work tree")
    *_, row = settled(project, 2)
    assert row["parent"] == commit


def test_a_commit_without_an_identity_or_a_project_is_not_disturbed(repo: Repo) -> None:
    datmo("init", cwd=repo.path)
    datmo("cleanup", "--yes", cwd=repo.path)
    repo.write("a", "1")
    repo.commit("x")
    time.sleep(0.3)
    assert repo.refs("refs/datmo") == {}
    assert not (repo.git_dir / "datmo").exists()
