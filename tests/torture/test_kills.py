"""Kill, fail and crowd `snapshot create`: what was said to be done is there, nothing is broken.

All points of all campaigns run with TORTURE=full; else a sample spread over them.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.kit.checks import assert_clean, untouched
from tests.kit.git import Repo
from tests.kit.program import datmo

pytestmark = [
    pytest.mark.torture,
    pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed"),
]

FULL = os.environ.get("TORTURE", "") == "full"
# What changes a file system. Python and SQLite write through the same calls as libgit2.
CALLS = (
    "rename,renameat,renameat2,link,linkat,unlink,unlinkat,mkdir,mkdirat,rmdir,fsync,fdatasync,"
    "ftruncate,fchmod,syncfs,pwrite64"
)
SAMPLE = 9


@pytest.fixture
def project(project: Repo) -> Repo:
    """A project with a large file and one snapshot that was acknowledged."""
    project.write("code.py", "print(1)\n")
    project.write("large.bin", os.urandom(1_200_000))
    project.commit()
    datmo("snapshot", "create", "-m", "first", cwd=project.path)
    return project


def command(message: str) -> list[str]:
    return [sys.executable, "-m", "git_datmo", "snapshot", "create", "-m", message]


def change(repo: Repo, number: int) -> None:
    """Something new for the next snapshot, small and large."""
    repo.write("code.py", f"print({number})\n")
    repo.write("large.bin", os.urandom(1_200_000))


def traced(repo: Repo, message: str, *options: str) -> subprocess.CompletedProcess[str]:
    """One snapshot under strace."""
    return subprocess.run(
        ["strace", "-f", "-qq", "-o", "/dev/null", *options, *command(message)],
        cwd=repo.path,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def points(repo: Repo, tmp_path: Path) -> int:
    """How many mutating calls one snapshot makes, children's included."""
    log = tmp_path / "strace.log"
    change(repo, -1)
    traced(repo, "dry", "-o", str(log), "-e", f"trace={CALLS}")
    return sum(1 for line in log.read_text(errors="replace").splitlines() if "(" in line)


def chosen(total: int, sample: int) -> Sequence[int]:
    """Numbers of calls to hit, counted from 1."""
    if FULL or total <= sample:
        return range(1, total + 1)
    return sorted({1 + round(step * (total - 1) / (sample - 1)) for step in range(sample)})


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


def test_killed_at_mutating_calls(project: Repo, tmp_path: Path) -> None:
    acknowledged, killed = {"first"}, 0
    total = points(project, tmp_path)
    assert total > 20
    for point in chosen(total, SAMPLE):
        change(project, point)
        with untouched(project):
            done = traced(project, f"at {point}", "-e", f"inject={CALLS}:signal=KILL:when={point}")
        killed += done.returncode == -signal.SIGKILL
        if "Created" in done.stdout:
            acknowledged.add(f"at {point}")
        assert_whole(project, acknowledged)
    assert killed > 3


@pytest.mark.parametrize("error", ["ENOSPC", "EIO"])
def test_failed_at_mutating_calls(project: Repo, tmp_path: Path, error: str) -> None:
    acknowledged, failed = {"first"}, 0
    for point in chosen(points(project, tmp_path), 6):
        change(project, point)
        done = traced(project, f"at {point}", "-e", f"inject={CALLS}:error={error}:when={point}")
        if "Created" in done.stdout and done.returncode == 0:
            acknowledged.add(f"at {point}")
        failed += done.returncode != 0
        assert "Traceback" not in done.stderr, done.stderr
        assert_whole(project, acknowledged)
    assert failed


def test_the_harness_notices_refs_before_content(project: Repo) -> None:
    """The positive control: a snapshot made visible before its objects, killed in between."""
    ref = project.git_dir / "refs" / "datmo" / "snapshots" / ("1" * 40)
    program = f"import os, signal; open({str(ref)!r}, 'w').write('1' * 40 + chr(10)); "
    program += "os.kill(os.getpid(), signal.SIGKILL)"
    done = subprocess.run([sys.executable, "-c", program], check=False)
    assert done.returncode == -signal.SIGKILL
    with pytest.raises(AssertionError):
        assert_clean(project)


def test_termination_leaves_no_lock(project: Repo) -> None:
    for wait in (0.1, 0.2, 0.3, 0.4, 0.6):
        change(project, int(wait * 100))
        started = subprocess.Popen(
            command("stopped"),
            cwd=project.path,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        time.sleep(wait)
        started.send_signal(signal.SIGTERM)
        assert started.wait(60) in (0, 143, -signal.SIGTERM)
        locks = list((project.git_dir / "refs").rglob("*.lock"))
        assert locks == []
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


def test_eight_writers_lose_nothing(project: Repo) -> None:
    rounds = 50 if FULL else 5
    oid = datmo("snapshot", "ls", "--json", cwd=project.path).json()[0]["id"]

    def work(worker: int) -> list[str]:
        done = []
        for number in range(rounds):
            name = f"w{worker}n{number}"
            stats = f'{{"{name}": {number}}}'
            datmo("snapshot", "create", "-m", name, "--stats", stats, cwd=project.path)
            datmo("snapshot", "update", oid, "--stats", stats, cwd=project.path)
            done.append(name)
        return done

    with ThreadPoolExecutor(8) as pool:
        names = {name for made in pool.map(work, range(8)) for name in made}
    assert len(names) == 8 * rounds
    assert names <= messages(project)
    stats = datmo("snapshot", "inspect", oid, "--json", cwd=project.path).json()["stats"]
    assert names <= stats.keys()
    assert_clean(project)
