"""Kill a push anywhere: no ref on the remote names content that is not there; a retry goes on.

All points run with TORTURE=full; else a sample spread over them.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from git_datmo.model.pointer import Pointer, looks_like_pointer
from git_datmo.storage.store import Store
from tests.e2e.team import GLOB, Team, snap, state
from tests.kit.checks import assert_clean, assert_git_clean
from tests.kit.git import Repo
from tests.kit.program import datmo
from tests.torture.test_kills import CALLS, chosen

pytestmark = [
    pytest.mark.torture,
    pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed"),
]

FULL = os.environ.get("TORTURE", "") == "full"
SAMPLE = 4
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
    change(made, 0)
    datmo("push", cwd=made.path)
    return made


def change(repo: Repo, number: int) -> str:
    """A snapshot of something new, small and large."""
    repo.write("code.py", f"print({number})\n")
    for name in ("a", "b"):
        repo.write(f"{name}.bin", os.urandom(1_100_000))
    return snap(repo, f"change {number}")


def traced(repo: Repo, how: str, *options: str) -> None:
    """One push under strace, git's and the hub's own processes included."""
    subprocess.run(
        ["strace", "-f", "-qq", "-o", "/dev/null", *options, *WORDS[how]],
        cwd=repo.path,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
        timeout=120,
    )


def assert_hub_whole(hub: Repo) -> int:
    """git is content, and whatever refs reach has its content in the store; how many files."""
    assert_git_clean(hub)
    store = Store(hub.path / "datmo" / "store")
    refs = hub.refs("refs/datmo")
    listed = hub.git("rev-list", "--objects", "--no-object-names", *refs.values())
    asked = "\n".join(listed.splitlines())
    kinds = hub.git("cat-file", "--batch-check=%(objectname) %(objecttype)", input=asked)
    found = 0
    for line in kinds.splitlines():
        oid, kind = line.split()
        if kind != "blob":
            continue
        data = (hub.git("cat-file", "blob", oid) + "\n").encode(errors="surrogateescape")
        if looks_like_pointer(data):
            pointer = Pointer.parse(data)
            held = [store.measure(path) for path in store.candidates(pointer)]
            assert pointer in held, f"a ref names {pointer.key}, and it is not there"
            found += 1
    return found


def assert_goes_on(team: Team, maker: Repo, oids: set[str]) -> None:
    """After a retry the hub has everything, and nothing of the killed push is in the way."""
    datmo("push", cwd=maker.path)
    assert assert_hub_whole(team.origin) == 2 * len(oids)
    [chain] = team.origin.refs("refs/datmo/notes").values()
    assert chain in maker.refs("refs/datmo/notes").values()
    snapshots = "refs/datmo/snapshots"
    assert team.origin.refs(snapshots) == maker.refs(snapshots)
    for git_dir in (maker.git_dir, team.origin.path):
        assert list((git_dir / "refs").rglob("*.lock")) == []


@pytest.mark.parametrize("how", ["datmo", "git"])
def test_killed_at_mutating_calls(team: Team, maker: Repo, tmp_path: Path, how: str) -> None:
    oids = set(state(maker))
    log = tmp_path / "strace.log"
    oids.add(change(maker, -1))
    traced(maker, how, "-o", str(log), "-e", f"trace={CALLS}")
    lines = log.read_text(errors="replace").splitlines()
    # strace counts the calls of each process alone.
    counts = Counter(line.split()[0] for line in lines if "(" in line)
    total = max(counts.values())
    assert total > 10
    killed = 0
    for point in chosen(total, SAMPLE):
        oids.add(change(maker, point))
        traced(maker, how, "-o", str(log), "-e", f"inject={CALLS}:signal=KILL:when={point}")
        killed += "+++ killed by SIGKILL +++" in log.read_text(errors="replace")
        assert_hub_whole(team.origin)
        assert_clean(maker)
        assert_goes_on(team, maker, oids)
    assert killed > SAMPLE // 4


@pytest.mark.parametrize("how", ["datmo", "git"])
def test_killed_at_any_time(team: Team, maker: Repo, how: str) -> None:
    """The whole group of processes goes, as when a machine is switched off."""
    oids, killed = set(state(maker)), 0
    for number in range(40 if FULL else 5):
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
        killed += started.wait() != 0
        # The far end of git was killed too. Its locks stay, as with branches, for whoever runs
        # the hub to remove.
        for lock in team.origin.path.rglob("*.lock"):
            lock.unlink()
        assert_hub_whole(team.origin)
        assert_goes_on(team, maker, oids)
    assert killed
    reader = team.clone("reader")
    datmo("pull", "--content", cwd=reader.path)
    assert set(state(reader)) == oids
    assert_clean(reader)


def test_the_harness_notices_refs_before_content(team: Team, maker: Repo) -> None:
    """The positive control: a push past the hook, which delivers no content."""
    change(maker, 1)
    maker.git("push", "-q", "--no-verify", "origin", GLOB)
    with pytest.raises(AssertionError, match="it is not there"):
        assert_hub_whole(team.origin)
