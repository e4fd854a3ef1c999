"""Chains of clones that are gone are taken over: a hub's refs stay few, nothing is lost."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path

import pytest

from tests.e2e.team import Team, large, snap, state, update
from tests.kit.checks import assert_clean
from tests.kit.git import Repo
from tests.kit.program import datmo

LONG_AGO = "2020-01-01T00:00:00Z"


@pytest.fixture
def team(tmp_path: Path) -> Team:
    return Team(tmp_path)


def job(team: Team, number: int, *, date: str = LONG_AGO) -> Repo:
    """What a CI job does: clone, one snapshot, push, and its folder is gone."""
    made = team.clone(f"job-{number}")
    if number % 2:
        made.write("large.bin", large(number))
    made.write("train.py", f"print({number})\n")
    env = {"GIT_COMMITTER_DATE": date}
    datmo(
        "snapshot", "create", "-m", f"job {number}", "--label", f"job-{number}",
        cwd=made.path, env=env,
    )  # fmt: skip
    datmo("push", cwd=made.path)
    return made


def keeper(team: Team, limit: int) -> Repo:
    made = team.clone("keeper")
    made.git("config", "datmo.maxChains", str(limit))
    return made


def test_idle_chains_are_taken_over(team: Team) -> None:
    jobs = [job(team, number) for number in range(6)]
    expected = state(jobs[-1])
    for repo in jobs:
        datmo("pull", cwd=repo.path)
        expected |= state(repo)
    for repo in jobs:
        shutil.rmtree(repo.path)
    watcher = team.clone("watcher")
    datmo("pull", cwd=watcher.path)

    mine = keeper(team, 4)
    snap(mine, "mine")
    datmo("pull", cwd=mine.path)
    done = datmo("push", "--json", cwd=mine.path).json()
    assert [ref for ref, _, after in done["updates"] if after is None and "/notes/" in ref]
    assert len(team.origin.refs("refs/datmo/notes")) == 3  # half of the limit, and ours
    left = {ref.rpartition("/")[2] for ref in team.origin.refs("refs/datmo/snapshots")}
    assert len(left) == 3  # those of the chains that are left, and ours
    assert expected.items() <= state(mine).items()
    assert_clean(mine)
    assert team.origin.git("fsck", "--strict", "--no-dangling") == ""

    datmo("pull", cwd=watcher.path)
    assert len(watcher.refs("refs/datmo-remotes/origin/notes")) == 3
    assert state(watcher) == state(mine)
    fresh = team.clone("fresh")
    datmo("pull", "--content", cwd=fresh.path)
    assert state(fresh) == state(mine)
    assert_clean(fresh)


def test_what_was_taken_over_was_not_made_here(team: Team) -> None:
    for number in range(3):
        gone = team.clone(f"job-{number}")
        env = {"GIT_COMMITTER_DATE": LONG_AGO}
        datmo("run", "--label", f"run-{number}", "--", "true", cwd=gone.path, env=env)
        datmo("push", cwd=gone.path)
        shutil.rmtree(gone.path)
    mine = keeper(team, 2)
    datmo("pull", cwd=mine.path)
    datmo("push", cwd=mine.path)
    assert len(team.origin.refs("refs/datmo/notes")) < 4
    done = datmo("rerun", "run-0", cwd=mine.path, check=False)
    assert done.code == 4  # it is asked for, and nobody answers
    assert "not made" in done.stderr or "made by" in done.stderr or "--yes" in done.stderr


def test_a_clone_that_was_not_gone_goes_on(team: Team) -> None:
    jobs = [job(team, number) for number in range(3)]
    mine = keeper(team, 2)
    datmo("pull", cwd=mine.path)
    datmo("push", cwd=mine.path)
    back = jobs[0]
    update(back, "job-0", "-m", "still here")
    back.write("more.txt", "more")
    snap(back, "another")
    datmo("push", cwd=back.path)
    datmo("pull", cwd=back.path)
    datmo("pull", cwd=mine.path)
    assert state(back) == state(mine)
    assert "still here" in {row["message"] for row in state(mine).values()}
    assert_clean(back)
    assert_clean(mine)


def test_recent_chains_stay(team: Team) -> None:
    for number in range(3):
        job(team, number, date=f"@{int(time.time())} +0000")
    mine = keeper(team, 2)
    datmo("pull", cwd=mine.path)
    datmo("push", cwd=mine.path)
    assert len(team.origin.refs("refs/datmo/notes")) == 4


def test_a_hub_that_lets_nobody_delete(team: Team) -> None:
    for number in range(3):
        job(team, number)
    hook = team.origin.path / "hooks" / "update"
    hook.write_text("#!/bin/sh\ncase $3 in *[!0]*) exit 0 ;; esac\nexit 1\n")
    hook.chmod(0o755)
    mine = keeper(team, 2)
    datmo("pull", cwd=mine.path)
    done = datmo("push", cwd=mine.path)
    assert "keeps" in done.stderr
    assert len(team.origin.refs("refs/datmo/notes")) == 4


def test_a_chain_that_speaks_in_our_name_is_left(team: Team, tmp_path: Path) -> None:
    """A backup of this clone went on under its id: what it did is not ours to take over."""
    mine = keeper(team, 2)
    snap(mine, "first")
    datmo("push", cwd=mine.path)
    other = tmp_path / "other"
    shutil.copytree(mine.path, other, symlinks=True)
    clone = (mine.git_dir / "datmo" / "clone").read_bytes()
    for number in range(2):
        job(team, number)
    repo = Repo(other)
    repo.write("x", "x")
    snap(repo, "made by a copy")
    datmo("push", cwd=repo.path)
    datmo("pull", cwd=mine.path)
    datmo("push", cwd=mine.path)
    assert (mine.git_dir / "datmo" / "clone").read_bytes() == clone
    assert "made by a copy" in {row["message"] for row in state(mine).values()}
    assert os.path.isdir(other)
    assert_clean(mine)
