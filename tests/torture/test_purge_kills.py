"""Kill `git datmo purge` anywhere: nothing else is lost, and doing it again finishes it.

All points run with TORTURE=full; else a sample spread over them.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.team import LARGE, Team, snap, state
from tests.kit.checks import assert_clean, assert_git_clean
from tests.kit.git import Repo
from tests.kit.program import datmo
from tests.torture.campaign import Campaign, chosen
from tests.torture.checker import Checker
from tests.torture.strace import CALLS

pytestmark = [
    pytest.mark.torture,
    pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed"),
]

SAMPLE = 3


def record(repo: Repo, number: int) -> tuple[str, str]:
    """A shared snapshot with a secret of its own, large and small; its id, and the secret's."""
    repo.write("token.txt", f"secret {number}\n")
    repo.write("secret.bin", os.urandom(LARGE))
    oid = snap(repo, f"bad {number}")
    (repo.path / "token.txt").unlink()
    (repo.path / "secret.bin").unlink()
    datmo("push", cwd=repo.path)
    return oid, repo.git("hash-object", "--stdin", input=f"secret {number}\n")


def kinds(log: str) -> list[tuple[str, int]]:
    """Each call of a trace, and how many of its kind there were up to it: what strace counts."""
    seen: dict[str, int] = {}
    found = []
    for line in log.splitlines():
        name = line.partition("(")[0].rpartition(" ")[2]
        if "(" in line and name in CALLS.split(","):
            seen[name] = seen.get(name, 0) + 1
            found.append((name, seen[name]))
    return found


def traced(repo: Repo, oid: str, *options: str) -> int:
    """A purge under strace, its own process only; the exit code."""
    words = [sys.executable, "-m", "git_datmo", "purge", oid, "--yes"]
    done = subprocess.run(
        ["strace", "-qq", "-o", "/dev/null", *options, *words],
        cwd=repo.path,
        capture_output=True,
        check=False,
        timeout=120,
    )
    return done.returncode


def reached(repo: Repo) -> set[str]:
    listed = repo.git("rev-list", "--all", "--objects")
    return {line.split(" ")[0] for line in listed.splitlines()}


def content(folder: Path) -> int:
    return len(list((folder / "datmo" / "store").glob("??/*")))


def test_killed_at_mutating_calls(campaign: Campaign, tmp_path: Path) -> None:
    team = Team(tmp_path)
    ada, bob = team.clone("ada"), team.clone("bob")
    bob.write("kept.bin", os.urandom(LARGE))
    kept = snap(bob, "kept", "--label", "kept")
    datmo("push", cwd=bob.path)
    datmo("pull", "--content", cwd=ada.path)

    log = tmp_path / "strace.log"
    assert traced(ada, record(ada, 0)[0], "-o", str(log), "-e", f"trace={CALLS}") == 0
    calls = kinds(log.read_text(errors="replace"))
    assert len(calls) > 40
    for point in chosen(range(1, len(calls) + 1), SAMPLE):
        call, count = calls[point - 1]
        oid, secret = record(ada, point)
        datmo("pull", cwd=bob.path)
        datmo("snapshot", "update", oid, "-l", f"seen-{point}", cwd=bob.path)
        datmo("snapshot", "update", kept, "-s", f"round:{point}", cwd=bob.path)
        datmo("push", cwd=bob.path)
        code = traced(ada, oid, "-e", f"inject={call}:signal=KILL:when={count}")
        campaign.injected += 1
        campaign.effective += code == -signal.SIGKILL
        for repo in (ada, team.origin):
            assert_git_clean(repo)
        assert kept in state(ada), "something else was lost"

        datmo("purge", oid, "--yes", cwd=ada.path)
        assert list(state(ada)) == [kept]
        assert state(ada)[kept]["stats"] == {"round": point}
        for repo in (ada, team.origin):
            assert not {oid, secret} & reached(repo)
        assert content(ada.common_dir) == content(team.origin.path) == 1
        assert_clean(ada)
        campaign.harm.add(Checker(ada).check({kept}, next_too=False))
        campaign.harm.add(Checker(team.origin, bare=True).check({kept}))
        campaign.acknowledged = 1
    campaign.assert_sound(effective=SAMPLE // 2)
    for repo in (bob, ada, bob):
        datmo("pull", cwd=repo.path)
        datmo("push", cwd=repo.path)
    assert state(ada) == state(bob)
    assert_clean(bob)


def test_the_harness_notices_what_takes_too_much(campaign: Campaign, tmp_path: Path) -> None:
    """The control: after a purge the content of what was to stay is gone as well."""
    ada = Team(tmp_path).clone("ada")
    ada.write("kept.bin", os.urandom(LARGE))
    kept = snap(ada, "kept")
    (ada.path / "kept.bin").unlink()
    oid, _ = record(ada, 0)
    datmo("purge", oid, "--yes", cwd=ada.path)
    checker = Checker(ada)
    assert not checker.check({kept}, next_too=False)
    [content] = (ada.common_dir / "datmo" / "store").glob("??/*")
    content.unlink()
    campaign.injected = campaign.effective = campaign.acknowledged = 1
    campaign.harm.add(Checker(ada).check({kept}, next_too=False))
    campaign.assert_harmed("incomplete")
