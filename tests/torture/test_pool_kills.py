"""Kill a process that fills a slot, at any call that changes something: the next fill repairs."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from git_datmo.storage import pool
from git_datmo.storage.objects import Objects
from tests.kit.trees import Exec, Link, Trees, on_disk

pytestmark = pytest.mark.torture

FULL = os.environ.get("TORTURE", "") == "full"
CALLS = "rename,renameat,renameat2,unlink,unlinkat,mkdir,mkdirat,rmdir,symlinkat,openat,write"
FIRST = {
    b"same": b"same",
    b"changes": b"1" * 500,
    b"dir": {b"f": b"f", b"deep": {b"g": b"g"}},
    b"link": Link(b"same"),
    b"gone": {b"x": b"", b"y": b""},
}
SECOND = {
    b"same": b"same",
    b"changes": b"2" * 500,
    b"dir": Link(b"same"),
    b"link": {b"f": Exec(b"f")},
    b"new": {b"x": b"", b"y": {}},
}
PROGRAM = """
import sys
from pathlib import Path
from git_datmo.storage import pool
from git_datmo.storage.objects import Objects
from git_datmo.storage.store import Store
repository, home, first, second, untouched = sys.argv[1:]
objects, store = Objects(Path(repository)), Store(Path(repository, "datmo/store"))
with pool.take(Path(home)) as slot:
    if not untouched:
        (slot.tree / "litter").mkdir()
        (slot.tree / "changes").write_text("3" * 500)
    print("ready", flush=True)
    slot.fill(objects, store, second)
    slot.untouched()
"""


@pytest.fixture
def trees(tmp_path: Path) -> Trees:
    return Trees(tmp_path / "objects.git")


def filled(trees: Trees, home: Path, untouched: str) -> tuple[str, str]:
    first, second = trees.tree(FIRST), trees.tree(SECOND)
    with pool.take(home) as slot:
        slot.fill(trees.source, trees.content, first)
        if untouched:
            slot.untouched()
    return first, second


@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")
@pytest.mark.parametrize("untouched", ["", "untouched"])
def test_killed_at_mutating_calls(trees: Trees, tmp_path: Path, untouched: str) -> None:
    killed = 0
    sample = range(1, 400) if FULL else range(1, 120, 7)
    for point in sample:
        home = tmp_path / f"home{point}"
        first, second = filled(trees, home, untouched)
        program = [sys.executable, "-c", PROGRAM, str(trees.path), str(home), first, second]
        # Only calls on paths of the slot count.
        inject = f"inject={CALLS}:signal=KILL:when={point}"
        below = ["-P", str(home / "pool" / "1")]
        below += [f"-P{home}/pool/1/{name}" for name in ("tree", "memory", "pristine")]
        below += [f"-P{home}/pool/1/tree/{name}" for name in ("dir", "link", "gone", "new")]
        done = subprocess.run(
            ["strace", "-f", "-qq", "-o", "/dev/null", *below, "-e", inject, *program, untouched],
            capture_output=True,
            timeout=60,
            check=False,
        )
        killed += done.returncode == -signal.SIGKILL
        for oid, expected in ((second, SECOND), (first, FIRST)):
            with pool.take(home) as slot:
                slot.fill(trees.source, trees.content, oid)
                assert on_disk(slot.tree) == expected, f"after a kill at {point}"
        if done.returncode == 0:
            break
    assert killed > 3


def test_killed_at_any_time(trees: Trees, tmp_path: Path) -> None:
    home = tmp_path / "home"
    first, second = filled(trees, home, "")
    large = trees.tree({b"d%d" % n: {b"%d" % m: b"x" * 300 for m in range(20)} for n in range(40)})
    program = [sys.executable, "-c", PROGRAM, str(trees.path), str(home), first, large, ""]
    for number in range(40 if FULL else 8):
        child = subprocess.Popen(program, stdout=subprocess.PIPE)
        assert child.stdout is not None
        child.stdout.readline()
        try:
            child.wait(0.002 * number)
        except subprocess.TimeoutExpired:
            child.kill()
        child.wait()
        child.stdout.close()
        with pool.take(home) as slot:
            slot.fill(trees.source, trees.content, second)
            assert on_disk(slot.tree) == SECOND


def test_many_at_once_never_meet(trees: Trees, tmp_path: Path) -> None:
    home = tmp_path / "home"
    oids = [trees.tree({b"mine": b"%d" % n, b"d": {b"f": b"%d" % n}}) for n in range(6)]

    def work(number: int) -> None:
        for _ in range(10):
            with pool.take(home, prefer=oids[number]) as slot:
                slot.fill(Objects(trees.path), trees.content, oids[number])
                expected = {b"mine": b"%d" % number, b"d": {b"f": b"%d" % number}}
                assert on_disk(slot.tree) == expected
                (slot.tree / "litter").write_text(str(number))
                assert (slot.tree / "litter").read_text() == str(number)

    with ThreadPoolExecutor(6) as threads:
        for done in [threads.submit(work, number) for number in range(6)]:
            done.result()
    assert len(list((home / "pool").iterdir())) <= 6
