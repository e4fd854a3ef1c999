"""Locks: what the dead left goes, what others hold stays, and being told to end leaves none."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest

from tests.kit.checks import assert_clean
from tests.kit.git import Repo
from tests.kit.program import datmo

pytestmark = pytest.mark.torture


@pytest.fixture
def project(project: Repo) -> Repo:
    """A project with a large file and one snapshot that was acknowledged."""
    project.write("code.py", "print(1)\n")
    project.write("large.bin", os.urandom(200_000))
    project.commit()
    datmo("snapshot", "create", "-m", "first", cwd=project.path)
    return project


def command(message: str) -> list[str]:
    return [sys.executable, "-m", "git_datmo", "snapshot", "create", "-m", message]


def change(repo: Repo, number: int) -> None:
    """Something new for the next snapshot, small and large."""
    repo.write("code.py", f"print({number})\n")
    repo.write("large.bin", os.urandom(200_000))


def messages(repo: Repo) -> set[str]:
    rows = datmo("snapshot", "ls", "--all", "--json", cwd=repo.path).json()
    return {row["message"] for row in rows}


def assert_whole(repo: Repo, acknowledged: set[str]) -> None:
    """The next command works, nothing said to be done is lost, no lock or litter is left."""
    assert acknowledged <= messages(repo)
    datmo(
        "snapshot", "create", "-m", "after", "--stats", f'{{"t": {time.time_ns()}}}', cwd=repo.path
    )
    assert_clean(repo)
    locks = list((repo.git_dir / "refs").rglob("*.lock"))
    assert locks == []
    assert not (repo.git_dir / "packed-refs.lock").exists()
    assert len(list((repo.git_dir / "datmo" / "store").glob("tmp-*"))) <= 1


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_being_told_to_end_leaves_no_lock(project: Repo, number: signal.Signals) -> None:
    codes = set()
    for wait in (0.1, 0.25, 0.4):
        change(project, int(wait * 100))
        started = subprocess.Popen(
            command("stopped"),
            cwd=project.path,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        time.sleep(wait)
        started.send_signal(number)
        codes.add(started.wait(60))
        locks = list((project.git_dir / "refs").rglob("*.lock"))
        assert locks == []
    # Before it listens the kernel ends it; later it ends itself, and says by what.
    assert codes <= {0, 128 + number, -number}
    assert_whole(project, {"first"})


def test_locks_of_the_dead_are_recovered_and_those_of_others_are_not(project: Repo) -> None:
    [name] = project.refs("refs/datmo/notes")
    lock = project.git_dir / f"{name}.lock"
    intent = project.git_dir / "datmo" / "intent"
    intent.write_text(f'{{"locks": ["{lock}"], "pid": 1}}')
    lock.write_text("")
    change(project, 1)
    datmo("snapshot", "create", "-m", "recovered", cwd=project.path)
    assert not lock.exists()

    lock.write_text("")  # nobody of ours announced this one
    change(project, 2)
    done = datmo("snapshot", "create", "-m", "busy", cwd=project.path, check=False)
    assert done.code == 4
    assert str(lock) in done.stderr
    assert lock.exists()
    lock.unlink()
    assert_whole(project, {"first", "recovered"})
    assert "busy" not in messages(project)
