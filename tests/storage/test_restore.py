"""A tree is written as it is: names, bytes, modes, links, empty directories."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from git_datmo.errors import (
    ContentMissing,
    DamagedContent,
    DamagedObject,
    FileAlreadyExistsError,
    InvalidPointer,
    NewerFormat,
    PathDoesNotExist,
)
from git_datmo.model.pointer import Pointer
from git_datmo.storage import filecopy, restore
from git_datmo.storage.treeplan import EMPTY_TREE
from tests.kit.git import Repo
from tests.kit.trees import FOLDER, Exec, Gitlink, Link, Trees, on_disk

ODD = {
    b"a\nb": b"newline",
    b"\xff\xfe": b"no UTF-8",
    b"x" * 255: b"long",
    b"-rf": b"option",
    b"back\\slash": b"backslash",
    b" tab\t\"quote'": b"",
    "é".encode(): b"composed",
    b"CON": b"device elsewhere",
    b"dot.": b"trailing dot",
    b"sub\nfolder": {b"*": b"glob"},
}
SAMPLE = {
    b"run.sh": Exec(b"#!/bin/sh\n"),
    b"dir": {b"one": b"1", b"deep": {b"two": b"2"}, b"empty": {}},
    b"loop": Link(b"loop"),
    b"absolute": Link(b"/nowhere/at/all"),
    b"dangling": Link(b"dir/none"),
    b"to-dir": Link(b"dir"),
    b"module": Gitlink("1" * 40),
    b"empty": {},
}


@pytest.mark.parametrize("there", [False, True], ids=["new", "empty"])
def test_odd_names_and_bytes_come_back_exactly(trees: Trees, target: Path, there: bool) -> None:
    if there:
        target.mkdir()
    trees.write(trees.tree(ODD), target)
    assert on_disk(target) == ODD


def test_modes_links_and_empty_directories(trees: Trees, target: Path) -> None:
    report = trees.write(trees.tree(SAMPLE), target)
    assert on_disk(target) == SAMPLE | {b"module": {}}
    assert type(on_disk(target)[b"run.sh"]) is Exec
    assert report.written == 7
    assert report.gitlinks == [b"module"]
    assert report.outward == [b"absolute"]


def test_the_empty_tree_need_not_be_stored(trees: Trees, target: Path) -> None:
    trees.write(trees.entries((b"e", FOLDER, EMPTY_TREE)), target)
    assert on_disk(target) == {b"e": {}}
    trees.write(EMPTY_TREE, target.with_name("nothing"))
    assert on_disk(target.with_name("nothing")) == {}


def test_permissions_follow_the_umask(trees: Trees, target: Path) -> None:
    oid = trees.tree({b"d": {b"f": b"", b"x": Exec(b"")}})
    before = os.umask(0o027)
    try:
        trees.write(oid, target)
    finally:
        os.umask(before)
    paths = (target, target / "d", target / "d/f", target / "d/x")
    modes = [stat.S_IMODE(path.stat().st_mode) for path in paths]
    assert modes == [0o750, 0o750, 0o640, 0o750]


def test_links_that_lead_out_are_reported(trees: Trees, target: Path) -> None:
    tree = {
        b"d": {b"in": Link(b"../x"), b"out": Link(b"../../x")},
        b"up": Link(b".."),
        b"odd": Link(b"..x"),
    }
    assert sorted(trees.write(trees.tree(tree), target).outward) == [b"d/out", b"up"]


def test_four_hundred_directories_deep(trees: Trees, target: Path) -> None:
    leaf = {b"f": b"bottom", b"l": Link(b"f"), b"z": {}}
    oid = trees.nest(400, leaf)
    trees.write(oid, target)
    trees.apply(oid, target)
    found: object = on_disk(target)
    for _ in range(400):
        assert isinstance(found, dict)
        found = found[b"d"]
    assert found == leaf


def test_only_the_paths_asked_for(trees: Trees, target: Path) -> None:
    oid = trees.tree(SAMPLE)
    paths = [b"dir/deep/", b"dir/one", b"empty", b"loop"]
    plan = restore.plan(trees.source, oid, paths=paths)
    restore.write_into(plan, trees.source, trees.content, target)
    dir_ = {b"one": b"1", b"deep": {b"two": b"2"}}
    assert on_disk(target) == {b"dir": dir_, b"empty": {}, b"loop": Link(b"loop")}
    for missing in (b"dir/none", b"run.sh/x", b"../run.sh", b"/run.sh"):
        with pytest.raises(PathDoesNotExist):
            restore.plan(trees.source, oid, paths=[missing])
    assert restore.plan(trees.source, oid, paths=[b"/"]) == restore.plan(trees.source, oid)


def test_pointers_become_their_content(trees: Trees, target: Path) -> None:
    big, none = os.urandom(3_000_001), b""
    tree = {
        b"big": Exec(trees.pointer(big).encode()),
        b"none": trees.pointer(none).encode(),
        b"twice": {b"big": trees.pointer(big).encode()},
        b"link": Link(trees.pointer(big).encode()),
    }
    seen: list[tuple[bytes, int]] = []
    plan = restore.plan(trees.source, trees.tree(tree))
    report = restore.write_into(
        plan, trees.source, trees.content, target, progress=lambda *piece: seen.append(piece)
    )
    assert on_disk(target) == {
        b"big": Exec(big),
        b"none": none,
        b"twice": {b"big": big},
        b"link": tree[b"link"],
    }
    assert sum(count for path, count in seen if path == b"big") == len(big)
    assert sum(count for _, count in seen) == report.size
    stored = trees.content.path(trees.pointer(big))
    assert not stored.samefile(target / "big")
    assert (target / "big").stat().st_nlink == 1


def test_missing_content_is_listed_once_and_nothing_is_written(trees: Trees, target: Path) -> None:
    here = trees.pointer(b"here")
    gone = [Pointer(f"{n:032x}", "0" * 64, n) for n in (7, 8)]
    tree = {
        b"here": here.encode(),
        b"a": gone[0].encode(),
        b"b": gone[1].encode(),
        b"c": {b"a": gone[0].encode()},
    }
    oid = trees.tree(tree)
    with pytest.raises(ContentMissing, match="3 files") as caught:
        trees.write(oid, target)
    assert "`a` (7 bytes), `c/a` (7 bytes), `b` (8 bytes)" in caught.value.message
    assert [path for path, *_ in caught.value.missing] == [b"a", b"c/a", b"b"]
    assert not target.exists()
    target.mkdir()
    with pytest.raises(ContentMissing):
        trees.apply(oid, target)
    assert on_disk(target) == {}


@pytest.mark.parametrize(
    ("blob", "error"),
    [
        (b"git-datmo pointer 1\nxxh3-128 ..\n", InvalidPointer),
        (b"git-datmo pointer 1\n" + b"x" * 400, InvalidPointer),
        (b"git-datmo pointer 2\nanything", NewerFormat),
    ],
)
def test_a_bad_pointer_names_the_path(
    trees: Trees, target: Path, blob: bytes, error: type[Exception]
) -> None:
    with pytest.raises(error, match="`d/bad`"):
        trees.write(trees.tree({b"a": b"", b"d": {b"bad": blob}}), target)
    assert not target.exists()


def test_content_of_another_size_is_damage(trees: Trees, target: Path) -> None:
    class Wrong:
        def open(self, pointer: Pointer) -> int:
            return os.open(__file__, os.O_RDONLY)

    oid = trees.tree({b"f": Pointer("0" * 32, "0" * 64, 5).encode()})
    with pytest.raises(DamagedContent, match="`f`"):
        restore.write_into(restore.plan(trees.source, oid), trees.source, Wrong(), target)
    assert not target.exists()


def test_a_missing_object_is_found_before_anything_is_written(trees: Trees, target: Path) -> None:
    with pytest.raises(DamagedObject, match="`d`"):
        trees.write(trees.entries((b"d", FOLDER, "2" * 40)), target)
    with pytest.raises(DamagedObject, match="`f`"):
        trees.write(
            trees.entries((b"a", 0o100644, trees.blob(b"")), (b"f", 0o100644, "2" * 40)),
            target,
        )
    assert not target.exists()


def test_what_is_there_is_never_overwritten(trees: Trees, target: Path) -> None:
    oid = trees.tree({b"f": b"new"})
    target.mkdir()
    (target / "f").write_text("old")
    with pytest.raises(FileAlreadyExistsError):
        trees.write(oid, target)
    with pytest.raises(FileAlreadyExistsError):
        trees.write(oid, target / "f")
    with pytest.raises(PathDoesNotExist):
        trees.write(oid, target / "none" / "there")
    assert on_disk(target) == {b"f": b"old"}


def test_a_failure_leaves_nothing_behind(trees: Trees, tmp_path: Path, target: Path) -> None:
    class Stop(Exception):
        pass

    def stop(path: bytes, count: int) -> None:
        if path == b"z":
            raise Stop

    oid = trees.tree({b"a": {b"b": {b"c": b"1"}}, b"m": b"2", b"y": {}, b"z": Link(b"a")})
    plan = restore.plan(trees.source, oid)
    before = sorted(tmp_path.iterdir())
    with pytest.raises(Stop):
        restore.write_into(plan, trees.source, trees.content, target, progress=stop)
    assert sorted(tmp_path.iterdir()) == before
    target.mkdir()
    with pytest.raises(Stop):
        restore.write_into(plan, trees.source, trees.content, target, progress=stop)
    assert on_disk(target) == {}


def test_what_is_not_whole_yet_is_nobodys_change(trees: Trees, tmp_path: Path) -> None:
    """A kill would leave it lying there: git and the next snapshot must not take it for work."""
    repo = Repo.init(tmp_path / "repo")
    seen: list[tuple[int, str]] = []

    def look(path: bytes, count: int) -> None:
        seen.append((len(list(repo.path.iterdir())), repo.git("status", "--porcelain", "-uall")))

    plan = restore.plan(trees.source, trees.tree({b".gitignore": b"!*", b"b": b"1"}))
    restore.write_into(plan, trees.source, trees.content, repo.path / "out", progress=look)
    assert set(seen) == {(2, "")}
    assert {path.name for path in repo.path.iterdir()} == {".git", "out"}
    assert on_disk(repo.path / "out") == {b".gitignore": b"!*", b"b": b"1"}


@pytest.mark.parametrize("way", ["best", "read and write", "none offered"])
def test_every_way_of_copying(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str) -> None:
    data = os.urandom(1_500_000)
    (tmp_path / "from").write_bytes(data)
    if way == "none offered":
        monkeypatch.delattr(os, "copy_file_range", raising=False)
    # No kernel copies into a file that is opened for appending.
    mode = "ab" if way == "read and write" else "wb"
    seen: list[int] = []
    with (tmp_path / "from").open("rb") as source, (tmp_path / "to").open(mode) as target:
        source.seek(5)
        done = filecopy.copy_all(source.fileno(), target.fileno(), len(data), seen.append)
    assert done == sum(seen) == len(data)
    assert (tmp_path / "to").read_bytes() == data


def test_content_that_ends_early_is_noticed(tmp_path: Path) -> None:
    (tmp_path / "from").write_bytes(b"12345")
    with (tmp_path / "from").open("rb") as source, (tmp_path / "to").open("wb") as target:
        assert filecopy.copy_all(source.fileno(), target.fileno(), 9, lambda count: None) == 5
