"""Kill a gc at calls that change something: nothing living is missing, the next one goes on."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from tests.e2e.team import snap, state
from tests.kit.checks import assert_clean
from tests.kit.content import at_once, stored
from tests.kit.git import Repo
from tests.kit.program import datmo

pytestmark = pytest.mark.torture

FULL = os.environ.get("TORTURE", "") == "full"
CALLS = "rename,renameat,renameat2,link,unlink,unlinkat,mkdir,mkdirat,openat,write,pwrite64"
GC = [sys.executable, "-m", "git_datmo", "gc"]


@pytest.fixture
def project(project: Repo) -> Repo:
    """A project that frees at once, with a snapshot to keep."""
    project.git("config", "datmo.largeFile", "1k")
    at_once(project)
    project.write("kept.bin", os.urandom(5000))
    snap(project, "kept")
    return project


def doomed(repo: Repo, count: int) -> None:
    """A deleted snapshot with so many large files of its own."""
    for number in range(count):
        repo.write(f"d/{number}", os.urandom(2000))
    oid = snap(repo, f"to go {time.time_ns()}")
    datmo("snapshot", "delete", oid, cwd=repo.path)
    shutil.rmtree(repo.path / "d")


@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")
def test_killed_at_mutating_calls(project: Repo, tmp_path: Path) -> None:
    kept = (project.path / "kept.bin").read_bytes()
    doomed(project, 12)
    log, store = tmp_path / "log", project.git_dir / "datmo" / "store"
    paths = [f"-P{path}" for path in (store / "lock", *stored(project).values())]
    trace = ["strace", "-f", "-qq", "-o", str(log), *paths, "-e", f"trace={CALLS}"]
    subprocess.run([*trace, *GC], cwd=project.path, check=True, capture_output=True, timeout=120)
    total = sum(1 for line in log.read_text(errors="replace").splitlines() if "(" in line)
    assert stored(project).keys() == {kept}
    assert total >= 12  # every file, and the lock
    step = 1 if FULL else max(1, total // 6)
    killed = 0
    for point in range(1, total + 1, step):
        doomed(project, 12)
        before = len(stored(project))
        paths = [f"-P{path}" for path in (store / "lock", *stored(project).values())]
        inject = ["-e", f"inject={CALLS}:signal=KILL:when={point}"]
        done = subprocess.run(
            ["strace", "-f", "-qq", "-o", "/dev/null", *paths, *inject, *GC],
            cwd=project.path,
            capture_output=True,
            timeout=120,
            check=False,
        )
        killed += done.returncode == -signal.SIGKILL
        left = stored(project)
        assert kept in left
        assert len(left) <= before
        assert_clean(project)
        datmo("gc", cwd=project.path)
        assert stored(project).keys() == {kept}, f"after a kill at {point}"
    assert killed > 3


def test_snapshots_beside_a_gc_in_a_loop(project: Repo) -> None:
    """Each round counts on content that nothing living mentions any more, and gc is after it."""
    stop = threading.Event()
    freed: list[int] = []

    def collect() -> None:
        while not stop.is_set():
            freed.append(datmo("gc", "--json", cwd=project.path).json()["files"])

    thread = threading.Thread(target=collect)
    thread.start()
    try:
        for number in range(60 if FULL else 10):
            content = bytes([number % 2]) * 3000
            project.write("turns.bin", content)
            oid = snap(project, f"{number}", "--stats", f'{{"n": {number}}}')
            assert content in stored(project), f"of the living snapshot {number}"
            datmo("snapshot", "delete", oid, cwd=project.path)
    finally:
        stop.set()
        thread.join()
    assert sum(freed) > 0
    assert len(state(project)) == 1
    assert_clean(project)
