"""Kill a process that fills a slot, at any call that changes something: the next fill repairs."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from git_datmo.storage import pool
from git_datmo.storage.objects import Objects
from tests.kit.trees import Exec, Link, Trees, on_disk
from tests.torture.campaign import FULL, Campaign

pytestmark = pytest.mark.torture

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


# The slot goes on to be called untouched while it is filled.
BUG = """
from git_datmo.storage.pool import Slot
Slot._was_untouched = lambda self: self._pristine_path.read_text() if self.holds else ""
"""


@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")
@pytest.mark.parametrize("untouched", ["", "untouched"])
def test_killed_at_mutating_calls(
    campaign: Campaign, trees: Trees, tmp_path: Path, untouched: str
) -> None:
    sample = range(1, 400) if FULL else range(1, 120, 7)
    sweep(campaign, trees, tmp_path, untouched, sample)
    campaign.assert_sound(effective=3, acknowledged=0)


@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")
def test_the_harness_notices_what_is_taken_for_untouched(
    campaign: Campaign, trees: Trees, tmp_path: Path
) -> None:
    """The control: a slot whose mark of being untouched outlives the beginning of a fill."""
    sweep(campaign, trees, tmp_path, "untouched", range(8, 120, 14), BUG)
    campaign.assert_harmed("incomplete")


def sweep(
    campaign: Campaign,
    trees: Trees,
    tmp_path: Path,
    untouched: str,
    sample: Sequence[int],
    bug: str = "",
) -> None:
    """Kill a fill at each of these calls; two more fills must find their way."""
    for point in sample:
        home = tmp_path / f"home{point}"
        first, second = filled(trees, home, untouched)
        places = [str(trees.path), str(home), first, second]
        program = [sys.executable, "-c", bug + PROGRAM, *places]
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
        campaign.injected += 1
        campaign.effective += done.returncode == -signal.SIGKILL
        fills = ((first, FIRST), (second, SECOND), (first, FIRST))[bug == "" :]
        for oid, expected in fills:
            with pool.take(home) as slot:
                slot.fill(trees.source, trees.content, oid)
                if on_disk(slot.tree) != expected:
                    campaign.harm.incomplete.append(f"after a kill at {point}")
        if done.returncode == 0:
            break


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
