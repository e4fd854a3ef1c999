"""A directory becomes what a tree holds, and loses nothing that was not to go."""

from __future__ import annotations

import os
from pathlib import Path

from git_datmo.storage.treeplan import EMPTY_TREE
from tests.kit.trees import Exec, Gitlink, Link, Trees, on_disk


def test_in_place_only_what_changed_is_written(trees: Trees, target: Path) -> None:
    before = {b"same": b"1", b"edit": b"2", b"d": {b"gone": b"3", b"e": {b"gone": b"4"}}, b"x": b""}
    after = {b"same": b"1", b"edit": b"changed", b"x": Exec(b""), b"new": {b"f": Link(b"../same")}}
    trees.write(trees.tree(before), target)
    inode = (target / "same").stat().st_ino
    report = trees.apply(
        trees.tree(after), target, remove=[b"d/gone", b"d/e/gone"], unchanged=[b"same"]
    )
    assert on_disk(target) == after
    assert (target / "same").stat().st_ino == inode
    assert os.access(target / "x", os.X_OK)
    assert (report.written, report.removed) == (3, 2)


def test_files_links_and_directories_take_each_others_place(trees: Trees, target: Path) -> None:
    before = {
        b"file-dir": b"1",
        b"dir-file": {b"a": b"", b"b": {b"c": b""}, b"empty": {}},
        b"link-dir": Link(b"dir-file"),
        b"dir-link": {b"a": b""},
        b"file-empty": b"",
        b"empty-file": {},
    }
    after = {
        b"file-dir": {b"x": {b"y": b"2"}},
        b"dir-file": b"3",
        b"link-dir": {b"a": b"4"},
        b"dir-link": Link(b"/"),
        b"file-empty": {},
        b"empty-file": b"5",
    }
    trees.write(trees.tree(before), target)
    gone = [b"file-dir", b"dir-file/a", b"dir-file/b/c", b"link-dir", b"dir-link/a", b"empty-file"]
    trees.apply(trees.tree(after), target, remove=gone)
    assert on_disk(target) == after


def test_directories_go_only_when_removing_emptied_them(trees: Trees, target: Path) -> None:
    before = {
        b"mine": {b"a": b"", b"users": b""},
        b"emptied": {b"b": {b"c": b""}},
        b"was-empty": {},
        b"kept-empty": {b"a": b""},
        b"users-empty": {},
    }
    trees.write(trees.tree(before), target)
    gone = [b"mine/a", b"emptied/b/c", b"was-empty", b"kept-empty/a", b"never/was", b"mine"]
    trees.apply(trees.tree({b"kept-empty": {}}), target, remove=gone)
    assert on_disk(target) == {b"mine": {b"users": b""}, b"kept-empty": {}, b"users-empty": {}}


def test_what_the_plan_holds_is_not_removed(trees: Trees, target: Path) -> None:
    oid = trees.tree({b"f": b"1"})
    trees.write(oid, target)
    trees.apply(oid, target, remove=[b"f"], unchanged=[b"f"])
    assert on_disk(target) == {b"f": b"1"}


def test_a_submodule_that_is_checked_out_is_left_alone(trees: Trees, target: Path) -> None:
    oid = trees.tree({b"m": Gitlink("1" * 40)})
    trees.write(oid, target)
    (target / "m" / "file").write_text("the submodule's")
    trees.apply(oid, target)
    trees.apply(EMPTY_TREE, target, remove=[b"m"])
    assert on_disk(target) == {b"m": {b"file": b"the submodule's"}}


def test_a_hard_link_elsewhere_keeps_its_bytes(trees: Trees, tmp_path: Path, target: Path) -> None:
    trees.write(trees.tree({b"f": b"old"}), target)
    os.link(target / "f", tmp_path / "twin")
    trees.apply(trees.tree({b"f": b"new"}), target)
    assert (tmp_path / "twin").read_bytes() == b"old"
