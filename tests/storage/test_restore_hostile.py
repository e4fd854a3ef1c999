"""Trees from strangers: refused whole, in words, with nothing outside or inside touched."""

from __future__ import annotations

import ctypes
import os
import resource
import stat
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from git_datmo.errors import Conflict, DamagedObject, NoSpace, UnsafeName, UnsafePath
from git_datmo.storage import restore, treeplan
from git_datmo.storage.dirfd import Directories
from git_datmo.storage.treewriter import TreeWriter
from tests.kit.checks import work_tree
from tests.kit.trees import FILE, FOLDER, LINK, Exec, Link, Trees, on_disk

NAMES = [
    *(b"..", b".", b"", b"a/b", b"../canary/f", b"/tmp/canary", b"nul\0", b"x" * 256),
    *(b".git", b".GIT", b".Git", b"git~1", b"GIT~1", b".git.", b".git ", b".git. ."),
    *(b".git::$INDEX_ALLOCATION", b"git~1:x", b".git\\x", b"a\\.git"),
    *(".g\u200cit".encode(), "\u200d.GIT".encode(), ".gi\ufefft".encode(), b".git\xef\xbb\xbf"),
]
MODES = [0o020644, 0o060644, 0o010644, 0o140644, 0o104755, 0o100666, 0o100000, 0, 0o120777]


@pytest.fixture(autouse=True)
def canary(tmp_path: Path) -> Iterator[Path]:
    """A directory outside, and a `.git` inside, that no restore may touch."""
    outside = tmp_path / "canary"
    hooks = tmp_path / "work" / ".git" / "hooks"
    for folder in (outside, hooks):
        folder.mkdir(parents=True)
        (folder / "f").write_text("untouched")
    before = [work_tree(outside), work_tree(hooks.parent)]
    yield outside
    assert [work_tree(outside), work_tree(hooks.parent)] == before


@pytest.fixture
def work(tmp_path: Path) -> Path:
    """A work tree, as it looks when there is a repository in it."""
    return tmp_path / "work"


def files(root: Path) -> dict[bytes, object]:
    return {name: node for name, node in on_disk(root).items() if name != b".git"}


@pytest.mark.parametrize("mode", [FILE, FOLDER, LINK])
@pytest.mark.parametrize("name", NAMES)
def test_a_hostile_name_refuses_the_whole_tree(trees: Trees, name: bytes, mode: int) -> None:
    inner = trees.tree({b"f": b"evil"}) if mode == FOLDER else trees.blob(b"evil")
    oid = trees.entries((b"a", FILE, trees.blob(b"fine")), (name, mode, inner))
    # What a tree object cannot even spell (an empty name reads as one, a NUL ends it) is damage.
    for root in (oid, trees.entries((b"deep", FOLDER, oid))):
        with pytest.raises((UnsafeName, DamagedObject)):
            restore.plan(trees.source, root)


@pytest.mark.parametrize("mode", MODES, ids=oct)
def test_only_five_modes_are_written(trees: Trees, mode: int) -> None:
    oid = trees.entries((b"dev", mode, trees.blob(b"x")))
    with pytest.raises((UnsafeName, DamagedObject)):
        restore.plan(trees.source, oid)


def test_a_name_that_is_there_twice(trees: Trees, canary: Path) -> None:
    link, folder = trees.blob(os.fsencode(canary)), trees.tree({b"f": b"evil"})
    for pair in ([(b"d", LINK, link), (b"d", FOLDER, folder)], [(b"d", FILE, link)] * 2):
        with pytest.raises(UnsafeName, match="twice"):
            restore.plan(trees.source, trees.entries(*pair))


@pytest.mark.parametrize("pair", [(b"D", b"d"), ("é".encode(), "e\u0301".encode())])
def test_clashes_are_refused_where_they_would_collide(
    trees: Trees, target: Path, pair: tuple[bytes, bytes]
) -> None:
    tree = {b"in": {pair[0]: Link(b"../../canary"), pair[1]: {b"f": b"evil"}}}
    oid = trees.tree(tree)
    with pytest.raises(UnsafeName, match="one name on a file system"):
        restore.plan(trees.source, oid, strict=True)
    # This disk decides: it may keep the two apart, or be one that does not.
    try:
        trees.write(oid, target)
    except UnsafeName:
        assert not target.exists()
    else:
        assert on_disk(target) == tree


@pytest.mark.parametrize("depth", [treeplan.MAX_DEPTH, 1200, 3000])
def test_too_deep_is_said_clearly(trees: Trees, depth: int) -> None:
    restore.plan(trees.source, trees.nest(treeplan.MAX_DEPTH - 1, {b"f": b""}))
    with pytest.raises(UnsafeName, match="more than 512 directories"):
        restore.plan(trees.source, trees.nest(depth + 1, {b"f": b""}))


def test_a_path_no_program_can_open(trees: Trees) -> None:
    oid = trees.tree({b"f": b""})
    for _ in range(17):
        oid = trees.entries((b"n" * 250, FOLDER, oid))
    with pytest.raises(UnsafeName, match="too long"):
        restore.plan(trees.source, oid)


def test_few_objects_that_spell_out_billions_of_paths(
    trees: Trees, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(treeplan, "MAX_ENTRIES", 10_000)
    oid = trees.tree({b"f": b""})
    for _ in range(10):
        oid = trees.entries(*((b"%d" % n, FOLDER, oid) for n in range(10)))
    with pytest.raises(UnsafeName, match="spells out more than"):
        restore.plan(trees.source, oid)


@pytest.mark.parametrize("target_of_link", [b"", b"a\0b", b"x" * 4096])
def test_a_link_to_what_is_no_path(trees: Trees, target: Path, target_of_link: bytes) -> None:
    with pytest.raises(UnsafeName, match="`l`"):
        trees.write(trees.tree({b"l": Link(target_of_link)}), target)
    assert not target.exists()


@pytest.mark.parametrize("where", [b".git/hooks", b"../canary"])
def test_nothing_is_written_below_a_link_of_an_earlier_tree(
    trees: Trees, work: Path, where: bytes
) -> None:
    first = trees.tree({b"d": Link(where)})
    second = trees.tree({b"a": b"first", b"d": {b"post-commit": Exec(b"evil")}})
    trees.apply(first, work)
    with pytest.raises(UnsafePath, match="`d` is a symbolic link; refusing to write below it"):
        trees.apply(second, work)
    assert files(work) == {b"d": Link(where)}
    trees.apply(second, work, remove=[b"d"])
    assert files(work) == {b"a": b"first", b"d": {b"post-commit": Exec(b"evil")}}


def test_nothing_is_written_below_the_users_own_link(trees: Trees, work: Path) -> None:
    (work / "data").symlink_to("../canary")
    below: list[dict[bytes, object]] = [{b"f": b"x"}, {b"new": {b"er": b"x"}}, {b"empty": {}}]
    for inner in below:
        with pytest.raises(UnsafePath, match="`data` is a symbolic link"):
            trees.apply(trees.tree({b"data": inner}), work)
    assert files(work) == {b"data": Link(b"../canary")}


def test_nothing_is_removed_below_a_link(trees: Trees, work: Path) -> None:
    (work / "data").symlink_to("../canary")
    report = trees.apply(treeplan.EMPTY_TREE, work, remove=[b"data/f"])
    assert report.removed == 0
    for path in (b".git/hooks/f", b"../canary/f", b"/etc/passwd", b"a/../../canary/f", b""):
        with pytest.raises(UnsafeName):
            trees.apply(treeplan.EMPTY_TREE, work, remove=[path])


def test_a_link_is_replaced_and_never_followed(trees: Trees, work: Path, canary: Path) -> None:
    (work / "f").symlink_to(canary / "f")
    (work / "l").symlink_to(canary)
    trees.apply(trees.tree({b"f": b"new", b"l": Link(b"f")}), work)
    assert files(work) == {b"f": b"new", b"l": Link(b"f")}


def test_a_directory_with_anything_else_in_it_stays(trees: Trees, work: Path) -> None:
    (work / "d" / "inner").mkdir(parents=True)
    (work / "d" / "inner" / "mine").write_text("precious")
    (work / "d" / "theirs").write_text("")
    (work / "other").write_text("old")
    oid = trees.tree({b"d": b"file", b"other": b"new"})
    with pytest.raises(UnsafePath, match="`d/inner/mine`"):
        trees.apply(oid, work, remove=[b"d/theirs"])
    assert files(work)[b"other"] == b"old"
    assert (work / "d" / "theirs").exists()
    trees.apply(oid, work, remove=[b"d/theirs", b"d/inner/mine"])
    assert files(work) == {b"d": b"file", b"other": b"new"}


def test_a_repository_in_the_way_stays(trees: Trees, work: Path) -> None:
    (work / "sub" / ".git").mkdir(parents=True)
    (work / "sub" / ".git" / "HEAD").write_text("ref: refs/heads/main")
    with pytest.raises(UnsafePath, match=r"`sub/\.git/HEAD`"):
        trees.apply(trees.tree({b"sub": b"file"}), work)


def test_pipes_are_neither_opened_nor_replaced(trees: Trees, work: Path) -> None:
    os.mkfifo(work / "p")
    for node, message in ((b"", "no regular file"), ({b"x": b""}, "not a directory")):
        for remove in ([], [b"p"]):
            with pytest.raises(UnsafePath, match=message):
                trees.apply(trees.tree({b"p": node}), work, remove=remove)
    assert stat.S_ISFIFO((work / "p").lstat().st_mode)


def test_a_directory_that_turns_into_a_link_is_not_followed(work: Path, canary: Path) -> None:
    (work / "d").mkdir()
    with opened(work) as root, TreeWriter(root, replace=True) as writer:
        assert writer.stat(b"d/f") is None
        writer.directory(b"elsewhere")
        (work / "d").rmdir()
        (work / "d").symlink_to(canary)
        with pytest.raises(UnsafePath, match="`d` is a symbolic link"):
            writer.file(b"d/f", False, lambda fd: None)
        assert not writer.unlink(b"d/f")


def test_a_restore_while_links_and_directories_swap(trees: Trees, work: Path, canary: Path) -> None:
    oid = trees.tree({b"d": {b"%d" % n: b"x" for n in range(50)}})
    stop = threading.Event()

    (work / "link").symlink_to(canary)
    (work / "d").mkdir()

    exchange = getattr(ctypes.CDLL(None), "renameat2", None)
    if exchange is None:
        pytest.skip("this system cannot exchange two names at once")

    def swap() -> None:
        here, flag = -100, 2  # AT_FDCWD, RENAME_EXCHANGE
        while not stop.is_set():
            exchange(here, bytes(work / "d"), here, bytes(work / "link"), flag)

    thread = threading.Thread(target=swap)
    thread.start()
    try:
        for _ in range(20):
            try:
                trees.apply(oid, work)
            except (UnsafePath, Conflict):
                continue
    finally:
        stop.set()
        thread.join()


def test_running_out_of_descriptors(trees: Trees, target: Path) -> None:
    oid = trees.nest(100, {b"f": b"x"})
    plan = restore.plan(trees.source, oid)
    around = sorted(target.parent.iterdir())
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (200, hard))
    taken: list[int] = []
    try:
        with suppress(OSError):
            while True:
                taken.append(os.open(os.devnull, os.O_RDONLY))
        for fd in taken[:12]:
            os.close(fd)
        with pytest.raises(Conflict, match="Too many open files"):
            restore.write_into(plan, trees.source, trees.content, target)
    finally:
        for fd in taken[12:]:
            os.close(fd)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert sorted(target.parent.iterdir()) == around


def test_no_more_than_so_many_directories_are_open(work: Path) -> None:
    before = len(os.listdir("/dev/fd"))
    with opened(work) as root, Directories(root) as directories:
        for depth in range(1, 300):
            directories.open(b"/".join([b"d"] * depth), make=True)
            assert len(os.listdir("/dev/fd")) <= before + 1 + 64
        assert directories.open(b"d/d") != root


def test_a_full_disk(trees: Trees, tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(disk)]
    if os.geteuid() != 0 or subprocess.run(command, capture_output=True).returncode != 0:
        pytest.skip("only root can mount a disk of 1 MiB")
    try:
        oid = trees.tree({b"a": b"x" * 600_000, b"d": {b"b": b"y" * 600_000}})
        with pytest.raises(NoSpace, match="`d/b`"):
            trees.write(oid, disk / "new")
        assert list(disk.iterdir()) == []
        with pytest.raises(NoSpace, match="`d/b`"):
            trees.apply(oid, disk)
        assert on_disk(disk) == {b"a": b"x" * 600_000, b"d": {}}
    finally:
        subprocess.run(["umount", str(disk)], check=True)


@contextmanager
def opened(folder: Path) -> Iterator[int]:
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield fd
    finally:
        os.close(fd)
