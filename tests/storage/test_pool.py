"""A slot of the pool holds exactly the tree it was filled with, whatever a task left in it."""

from __future__ import annotations

import os
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from git_datmo.errors import ContentMissing, NotFound, RepositoryBusy, UnsafeName
from git_datmo.model.pointer import Pointer
from git_datmo.storage import pool
from git_datmo.storage.objects import Objects
from git_datmo.storage.pool import Slot
from git_datmo.storage.restore import Report
from git_datmo.storage.treeplan import EMPTY_TREE
from tests.kit import nobody
from tests.kit.checks import work_tree
from tests.kit.trees import FILE, Exec, Gitlink, Link, Trees, on_disk

SAMPLE = {
    b"run.sh": Exec(b"#!/bin/sh\n"),
    b"dir": {b"one": b"1", b"deep": {b"two": b"2"}, b"empty": {}},
    b"dangling": Link(b"dir/none"),
    b"module": Gitlink("1" * 40),
    b"empty": {},
}
ON_DISK = SAMPLE | {b"module": {}}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """The datmo folder of some repository."""
    return tmp_path / "datmo"


@pytest.fixture
def slot(home: Path) -> Iterator[Slot]:
    with pool.take(home) as taken:
        yield taken


def fill(slot: Slot, trees: Trees, oid: str) -> Report:
    return slot.fill(trees.source, trees.content, oid)


def inodes(root: Path) -> dict[str, int]:
    return {
        os.path.join(folder, name): os.lstat(os.path.join(folder, name)).st_ino
        for folder, _, files in os.walk(root)
        for name in files
    }


def again(slot: Slot) -> Slot:
    """The same slot, taken by a process that has read nothing yet."""
    home = slot.folder.parents[1]
    slot.close()
    return pool.take(home)


def test_a_new_slot_is_filled(slot: Slot, trees: Trees) -> None:
    pointer = trees.pointer(b"large")
    oid = trees.tree(SAMPLE | {b"big": pointer.encode()})
    report = fill(slot, trees, oid)
    assert on_disk(slot.tree) == ON_DISK | {b"big": b"large"}
    assert report.written == 5
    assert slot.holds == oid


def test_what_is_there_already_is_not_written_again(slot: Slot, trees: Trees) -> None:
    oid = trees.tree(SAMPLE)
    fill(slot, trees, oid)
    before = work_tree(slot.tree), inodes(slot.tree)
    with again(slot) as slot:
        report = fill(slot, trees, oid)
        assert (report.written, report.removed) == (0, 0)
        assert (work_tree(slot.tree), inodes(slot.tree)) == before


def test_only_what_differs_is_written(slot: Slot, trees: Trees) -> None:
    fill(slot, trees, trees.tree(SAMPLE))
    before = inodes(slot.tree)
    changed = SAMPLE | {b"dir": {b"one": b"1", b"deep": {b"two": b"3"}}, b"new": {b"f": b""}}
    with again(slot) as slot:
        assert fill(slot, trees, trees.tree(changed)).written == 2
        assert on_disk(slot.tree) == changed | {b"module": {}}
        same = [slot.tree / name for name in ("run.sh", "dir/one", "dangling")]
        assert all(path.lstat().st_ino == before[str(path)] for path in same)


def test_everything_a_task_did_is_undone(slot: Slot, trees: Trees) -> None:
    oid = trees.tree(SAMPLE)
    fill(slot, trees, oid)
    root = slot.tree
    (root / "dir/one").write_bytes(b"x")  # the same size
    (root / "dir/deep/two").unlink()
    (root / "run.sh").chmod(0o4644)
    (root / "dangling").unlink()
    (root / "dangling").mkdir()
    (root / "dangling" / "f").write_text("")
    (root / "empty").rmdir()
    (root / "empty").symlink_to("/etc")
    (root / "module" / "x" / ".git").mkdir(parents=True)
    (root / "module" / "x" / ".git" / "HEAD").write_text("")
    (root / "dir/empty/file").write_text("")
    os.mkfifo(root / "pipe")
    server = socket.socket(socket.AF_UNIX)
    server.bind(os.path.relpath(root / "socket"))
    server.close()
    for number in range(3):
        (root / "new" / str(number)).mkdir(parents=True)
        (root / "new" / str(number) / "f").write_text("")
    for _ in range(2):
        report = fill(slot, trees, oid)
        assert on_disk(root) == ON_DISK
        assert type(on_disk(root)[b"run.sh"]) is Exec
    assert (report.written, report.removed) == (0, 0)


@pytest.mark.parametrize("kind", ["fifo", "folder", "link", "file"])
@pytest.mark.parametrize("path", ["dir", "dir/one", "empty", "dangling", "module"])
def test_one_thing_in_the_place_of_another(
    slot: Slot, trees: Trees, tmp_path: Path, kind: str, path: str
) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "one").write_text("untouched")
    oid = trees.tree(SAMPLE)
    fill(slot, trees, oid)
    place = slot.tree / path
    place.rename(tmp_path / "moved")
    match kind:
        case "fifo":
            os.mkfifo(place)
        case "folder":
            (place / "within").mkdir(parents=True)
            (place / "within" / "f").write_text("")
        case "link":
            place.symlink_to(tmp_path / "outside")
        case "file":
            place.write_text("")
    fill(slot, trees, oid)
    assert on_disk(slot.tree) == ON_DISK
    assert on_disk(tmp_path / "outside") == {b"one": b"untouched"}


def test_a_rewrite_of_the_same_size_right_after_filling_is_seen(slot: Slot, trees: Trees) -> None:
    for number in range(20):
        data = b"%04d" % number
        oid = trees.tree({b"f": data})
        fill(slot, trees, oid)
        (slot.tree / "f").write_bytes(b"evil")
        fill(slot, trees, oid)
        assert (slot.tree / "f").read_bytes() == data


def test_a_time_set_back_hides_nothing(slot: Slot, trees: Trees) -> None:
    oid = trees.tree({b"f": b"good"})
    fill(slot, trees, oid)
    state = (slot.tree / "f").stat()
    (slot.tree / "f").write_bytes(b"evil")
    os.utime(slot.tree / "f", ns=(state.st_atime_ns, state.st_mtime_ns))
    fill(slot, trees, oid)
    assert (slot.tree / "f").read_bytes() == b"good"


def test_a_touched_file_is_read_and_not_written(slot: Slot, trees: Trees) -> None:
    oid = trees.tree(SAMPLE | {b"big": trees.pointer(b"large").encode()})
    fill(slot, trees, oid)
    before = inodes(slot.tree)
    for name in ("run.sh", "big", "dir/one"):
        os.utime(slot.tree / name, (1, 1))
    assert fill(slot, trees, oid).written == 0
    assert inodes(slot.tree) == before


def test_an_untouched_slot_is_not_looked_at(slot: Slot, trees: Trees) -> None:
    oid = trees.tree(SAMPLE)
    fill(slot, trees, oid)
    slot.untouched()
    (slot.tree / "seen").write_text("")
    fill(slot, trees, oid)
    assert (slot.tree / "seen").exists(), "it was looked at"
    fill(slot, trees, oid)
    assert not (slot.tree / "seen").exists(), "it was said once and believed twice"


def test_from_tree_to_tree_in_an_untouched_slot(slot: Slot, trees: Trees) -> None:
    second: dict[bytes, object] = {
        b"run.sh": b"#!/bin/sh\n",
        b"dir": Link(b"empty"),
        b"module": {b"f": b"x"},
        b"empty": {b"in": {}},
        b"dangling": {b"one": {b"two": b"3"}},
    }
    for first in (SAMPLE, second, {}, SAMPLE, {}, second):
        fill(slot, trees, trees.tree(first))
        slot.untouched()
        expected = first | ({b"module": {}} if first is SAMPLE else {})
        assert on_disk(slot.tree) == expected
    bad = trees.entries((b".git", FILE, trees.blob(b"x")))
    with pytest.raises(UnsafeName):
        fill(slot, trees, bad)
    fill(slot, trees, trees.tree(SAMPLE))
    assert on_disk(slot.tree) == ON_DISK


def test_an_untouched_slot_that_was_touched(slot: Slot, trees: Trees, tmp_path: Path) -> None:
    fill(slot, trees, trees.tree(SAMPLE))
    slot.untouched()
    (slot.tree / "dir").rename(tmp_path / "moved")
    (slot.tree / "dir").symlink_to(tmp_path / "moved")
    changed = SAMPLE | {b"dir": {b"one": b"2"}}
    fill(slot, trees, trees.tree(changed))
    assert on_disk(slot.tree) == changed | {b"module": {}}
    assert (tmp_path / "moved" / "one").read_bytes() == b"1"


@pytest.mark.parametrize("damage", ["gone", "empty", "cut", "garbage"])
def test_without_a_memory_content_is_compared(slot: Slot, trees: Trees, damage: str) -> None:
    oid = trees.tree(SAMPLE | {b"big": trees.pointer(b"large").encode()})
    fill(slot, trees, oid)
    before = inodes(slot.tree)
    memory = slot.folder / "memory"
    data = memory.read_bytes()
    match damage:
        case "gone":
            memory.unlink()
        case "empty":
            memory.write_bytes(b"")
        case "cut":
            memory.write_bytes(data[:-3])
        case "garbage":
            memory.write_bytes(data.replace(b"run.sh", b"ruin.h"))
    (slot.tree / "dir/one").write_bytes(b"x")
    with again(slot) as slot:
        assert fill(slot, trees, oid).written == 1
        assert on_disk(slot.tree) == ON_DISK | {b"big": b"large"}
        kept = inodes(slot.tree)
        assert {p for p in before if kept[p] != before[p]} == {str(slot.tree / "dir/one")}


@pytest.mark.parametrize("untouched", [True, False])
def test_the_remembered_tree_may_be_gone(slot: Slot, trees: Trees, untouched: bool) -> None:
    first, second = trees.tree(SAMPLE), trees.tree({b"other": b"x", b"dir": {b"one": b"1"}})
    fill(slot, trees, first)
    if untouched:
        slot.untouched()
    (trees.path / "objects" / first[:2] / first[2:]).unlink()
    trees.source = Objects(trees.path)
    fill(slot, trees, second)
    assert on_disk(slot.tree) == {b"other": b"x", b"dir": {b"one": b"1"}}


def test_a_failed_fill_is_repaired_by_the_next(slot: Slot, trees: Trees) -> None:
    fill(slot, trees, trees.tree(SAMPLE))
    missing = trees.tree({b"a": b"1", b"z": Pointer("0" * 32, "0" * 64, 5).encode()})
    for _ in range(2):
        with pytest.raises(ContentMissing):
            fill(slot, trees, missing)
    fill(slot, trees, trees.tree(SAMPLE))
    assert on_disk(slot.tree) == ON_DISK


@pytest.mark.parametrize("kind", ["link", "file"])
def test_something_else_in_the_place_of_the_tree(
    slot: Slot, trees: Trees, tmp_path: Path, kind: str
) -> None:
    oid = trees.tree(SAMPLE)
    fill(slot, trees, oid)
    slot.tree.rename(tmp_path / "moved")
    if kind == "link":
        slot.tree.symlink_to(tmp_path / "moved")
    else:
        slot.tree.write_text("")
    (tmp_path / "moved" / "mine").write_text("")
    fill(slot, trees, oid)
    assert on_disk(slot.tree) == ON_DISK
    assert not slot.tree.is_symlink()
    assert (tmp_path / "moved" / "mine").exists()


def test_an_empty_tree(slot: Slot, trees: Trees) -> None:
    fill(slot, trees, trees.tree(SAMPLE))
    fill(slot, trees, EMPTY_TREE)
    assert on_disk(slot.tree) == {}


def test_a_deep_folder_goes(slot: Slot, trees: Trees) -> None:
    fill(slot, trees, EMPTY_TREE)
    here = os.open(slot.tree, os.O_RDONLY)
    for _ in range(700):
        os.mkdir("d", dir_fd=here)
        inner = os.open("d", os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = inner
    os.close(here)
    fill(slot, trees, trees.tree(SAMPLE))
    assert on_disk(slot.tree) == ON_DISK


def test_folders_that_a_user_has_locked() -> None:
    def check(folder: Path) -> None:
        trees = Trees(folder / "objects.git")
        oid = trees.tree(SAMPLE)
        with pool.take(folder / "datmo") as slot:
            for mode in (0o000, 0o500, 0o300):
                fill(slot, trees, oid)
                (slot.tree / "extra" / "in").mkdir(parents=True)
                (slot.tree / "extra" / "in" / "f").write_text("")
                for path in ("extra/in", "extra", "dir/deep", "dir/one", "dir", "empty", "."):
                    (slot.tree / path).chmod(mode)
                fill(slot, trees, oid)
                assert on_disk(slot.tree) == ON_DISK
                assert stat.S_IMODE((slot.tree / "dir").stat().st_mode) & 0o700 == 0o700

    nobody.run(check)


def test_what_cannot_be_removed_is_set_aside(slot: Slot, trees: Trees) -> None:
    fill(slot, trees, trees.tree(SAMPLE))
    (slot.tree / "stuck").write_text("")
    flagged = subprocess.run(["chattr", "+i", str(slot.tree / "stuck")], capture_output=True)
    if flagged.returncode != 0:
        pytest.skip("this disk knows no immutable files")
    try:
        fill(slot, trees, trees.tree(SAMPLE))
        assert on_disk(slot.tree) == ON_DISK
    finally:
        for stuck in slot.folder.glob("aside-*/stuck"):
            subprocess.run(["chattr", "-i", str(stuck)], check=True)


def test_a_slot_is_one_persons_at_a_time(home: Path) -> None:
    with pool.take(home) as one, pool.take(home) as two:
        assert one.tree != two.tree
        with pool.take(home) as three:
            assert three.number == 3
    with pool.take(home) as one:
        assert one.number == 1


def test_the_slot_that_holds_the_tree_comes_first(home: Path, trees: Trees) -> None:
    first, second = trees.tree({b"f": b"1"}), trees.tree({b"f": b"2"})
    with pool.take(home) as one, pool.take(home) as two:
        fill(one, trees, first)
        fill(two, trees, second)
    with pool.take(home, prefer=second) as slot:
        assert slot.number == 2
        with pool.take(home, prefer=second) as other:
            assert other.number == 1
    with pool.take(home, prefer="f" * 40) as slot:
        assert slot.number == 1


def test_a_slot_stays_reserved_when_its_process_dies(home: Path, tmp_path: Path) -> None:
    flight = tmp_path / "runs" / "abc"
    flight.mkdir(parents=True)
    program = "import os, sys; from pathlib import Path; from git_datmo.storage import pool\n"
    program += "s = pool.take(Path(sys.argv[1]), flight=Path(sys.argv[2])); os.kill(os.getpid(), 9)"
    subprocess.run([sys.executable, "-c", program, str(home), str(flight)], check=False)
    with pool.take(home) as other:
        assert other.number == 2
    with pytest.raises(NotFound):
        pool.retake(home, 1, tmp_path / "runs" / "other")
    with pool.retake(home, 1, flight) as slot:
        assert slot.number == 1
    with pytest.raises(NotFound):
        pool.retake(home, 1, flight)
    with pool.take(home, flight=flight) as slot:
        assert slot.number == 1
        slot.let_go()
    assert pool.take(home).number == 2
    flight.rmdir()
    with pool.take(home) as slot:
        assert slot.number == 1, "the run was recorded: the slot is free"


def test_retaking_waits_for_whoever_lets_go(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool, "WAIT_SECONDS", 0.1)
    slot = pool.take(home, flight=tmp_path)
    with pytest.raises(RepositoryBusy):
        pool.retake(home, slot.number, tmp_path)
    slot.let_go()
    pool.retake(home, slot.number, tmp_path).close()


def test_unused_slots_are_trimmed(home: Path, trees: Trees) -> None:
    with pool.take(home) as one, pool.take(home) as two, pool.take(home) as three:
        for slot in (one, two, three):
            fill(slot, trees, trees.tree(SAMPLE))
        three.close()
        assert pool.trim(home, 1) == 1
    assert pool.trim(home, 1) == 1
    assert [path.name for path in (home / "pool").iterdir()] == ["1"]
    assert pool.trim(home / "nowhere", 0) == 0


def test_many_processes_take_slots_of_their_own(home: Path) -> None:
    program = "import sys, time; from pathlib import Path; from git_datmo.storage import pool\n"
    program += "s = pool.take(Path(sys.argv[1])); print(s.number); time.sleep(0.5)"
    command = [sys.executable, "-c", program, str(home)]
    started = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(6)]
    numbers = [int(process.communicate(timeout=60)[0]) for process in started]
    assert len(set(numbers)) >= 2  # all held theirs for half a second; a slow start may reuse one


@pytest.mark.parametrize("untouched", [True, False])
def test_what_python_compiled_of_a_module_goes_with_it(slot: Slot, trees: Trees, untouched: bool):
    """It would be taken for the new one's: their sizes are equal, and their seconds."""
    first = trees.tree({b"m.py": b"V = 1\n", b"other.py": b"", b"p": {b"m.py": b"V = 1\n"}})
    second = trees.tree({b"m.py": b"V = 2\n", b"other.py": b"", b"p": {b"m.py": b"V = 2\n"}})
    fill(slot, trees, first)
    code = "import m, other, p.m; print(m.V, p.m.V)"
    words = [sys.executable, "-c", code]
    assert subprocess.check_output(words, cwd=slot.tree) == b"1 1\n"
    if untouched:
        slot.untouched()
    fill(slot, trees, second)
    assert subprocess.check_output(words, cwd=slot.tree) == b"2 2\n"
