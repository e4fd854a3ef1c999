"""Kill a push anywhere: no ref on the remote names content that is not there; a retry goes on.

All points run with TORTURE=full; else a sample spread over them.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from git_datmo.api import snapshot
from tests.e2e.team import GLOB, Team, state
from tests.kit.checks import assert_clean
from tests.kit.git import Repo
from tests.kit.program import datmo
from tests.torture import strace
from tests.torture.campaign import FULL, Campaign, chosen
from tests.torture.checker import Checker
from tests.torture.world import opened

pytestmark = [pytest.mark.torture, strace.needed]

WORDS = {
    "datmo": [sys.executable, "-m", "git_datmo", "push"],
    "git": ["git", "push", "origin", GLOB],
}


@pytest.fixture
def team(tmp_path: Path) -> Team:
    return Team(tmp_path)


@pytest.fixture
def maker(team: Team) -> Repo:
    made = team.clone("maker")
    made.git("config", "datmo.maxRefs", "1")
    made.git("config", "datmo.largeFile", "2k")
    change(made, 0)
    datmo("push", cwd=made.path)
    return made


def change(repo: Repo, number: int) -> str:
    """A snapshot of something new, small and large."""
    repo.write("code.py", f"print({number})\n")
    for name in ("a", "b"):
        repo.write(f"{name}.bin", os.urandom(5_000))
    with opened(repo) as project:
        return str(snapshot.create(project, message=f"change {number}").id)


def look(campaign: Campaign, checker: Checker, acknowledged: set[str]) -> None:
    """Look at the hub, whose locks are git's own affair."""
    campaign.harm.add(checker.check(acknowledged))


def assert_goes_on(team: Team, maker: Repo, oids: set[str]) -> None:
    """After a retry the hub has everything, and nothing of the killed push is in the way."""
    datmo("push", cwd=maker.path)
    assert not Checker(team.origin, bare=True).check(oids)
    [chain] = team.origin.refs("refs/datmo/notes").values()
    assert chain in maker.refs("refs/datmo/notes").values()
    snapshots = "refs/datmo/snapshots"
    assert team.origin.refs(snapshots) == maker.refs(snapshots)
    for git_dir in (maker.git_dir, team.origin.path):
        assert list((git_dir / "refs").rglob("*.lock")) == []


@pytest.mark.parametrize("how", ["datmo", "git"])
@pytest.mark.parametrize(("fault", "sample"), [(strace.KILL, 4), ("error=EIO", 2)])
def test_killed_at_mutating_calls(
    campaign: Campaign, team: Team, maker: Repo, how: str, fault: str, sample: int
) -> None:
    oids, checker = set(state(maker)), Checker(team.origin, bare=True)
    oids.add(change(maker, -1))
    below = team.root
    found = strace.points(WORDS[how], maker.path, below, fault, family=True)
    assert len(found) > 20
    for point in chosen(found, sample):
        oids.add(change(maker, campaign.injected))
        campaign.injected += 1
        struck = strace.strike(WORDS[how], maker.path, below, point, fault, family=True)
        campaign.effective += struck.effective
        assert "Traceback" not in struck.stderr, (point, struck.stderr)
        look(campaign, checker, oids if struck.code == 0 else set())
        assert_clean(maker)
        assert_goes_on(team, maker, oids)
        campaign.acknowledged = len(oids)
    campaign.assert_sound(effective=sample // 2)


@pytest.mark.parametrize("how", ["datmo", "git"])
def test_killed_at_any_time(campaign: Campaign, team: Team, maker: Repo, how: str) -> None:
    """The whole group of processes goes, as when a machine is switched off."""
    oids, checker = set(state(maker)), Checker(team.origin, bare=True)
    for number in range(40 if FULL else 4):
        oids.add(change(maker, number))
        started = subprocess.Popen(
            WORDS[how],
            cwd=maker.path,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        time.sleep(0.08 * (number % 8 + 1))
        if started.poll() is None:
            os.killpg(started.pid, signal.SIGKILL)
        campaign.injected += 1
        campaign.effective += started.wait() != 0
        # The far end of git was killed too. Its locks stay, as with branches, for whoever runs
        # the hub to remove.
        for lock in team.origin.path.rglob("*.lock"):
            lock.unlink()
        look(campaign, checker, set())
        assert_goes_on(team, maker, oids)
        campaign.acknowledged = len(oids)
    campaign.assert_sound(effective=1)
    reader = team.clone("reader")
    datmo("pull", "--content", cwd=reader.path)
    assert set(state(reader)) == oids
    assert_clean(reader)


def test_the_harness_notices_refs_before_content(
    campaign: Campaign, team: Team, maker: Repo
) -> None:
    """The control: a push past the hook, which delivers no content."""
    oid = change(maker, 1)
    maker.git("push", "-q", "--no-verify", "origin", GLOB)
    campaign.injected = campaign.effective = campaign.acknowledged = 1
    look(campaign, Checker(team.origin, bare=True), {oid})
    campaign.assert_harmed("incomplete")
