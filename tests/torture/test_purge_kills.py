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
from tests.torture.test_kills import CALLS, chosen
from tests.torture.test_run_kills import kinds

pytestmark = [
    pytest.mark.torture,
    pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed"),
]

SAMPLE = 5


def record(repo: Repo, number: int) -> tuple[str, str]:
    """A shared snapshot with a secret of its own, large and small; its id, and the secret's."""
    repo.write("token.txt", f"secret {number}\n")
    repo.write("secret.bin", os.urandom(LARGE))
    oid = snap(repo, f"bad {number}")
    (repo.path / "token.txt").unlink()
    (repo.path / "secret.bin").unlink()
    datmo("push", cwd=repo.path)
    return oid, repo.git("hash-object", "--stdin", input=f"secret {number}\n")


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


def test_killed_at_mutating_calls(tmp_path: Path) -> None:
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
    killed = 0
    for point in chosen(len(calls), SAMPLE):
        call, count = calls[point - 1]
        oid, secret = record(ada, point)
        datmo("pull", cwd=bob.path)
        datmo("snapshot", "update", oid, "-l", f"seen-{point}", cwd=bob.path)
        datmo("snapshot", "update", kept, "-s", f"round:{point}", cwd=bob.path)
        datmo("push", cwd=bob.path)
        code = traced(ada, oid, "-e", f"inject={call}:signal=KILL:when={count}")
        killed += code == -signal.SIGKILL
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
    assert killed > SAMPLE // 2
    for repo in (bob, ada, bob):
        datmo("pull", cwd=repo.path)
        datmo("push", cwd=repo.path)
    assert state(ada) == state(bob)
    assert_clean(bob)
