"""Tasks that leave what must not be followed, held or believed: it is passed over and listed."""

from __future__ import annotations

import ctypes
import os
import shutil
import socket
import threading
from contextlib import suppress
from pathlib import Path

import pytest

from git_datmo.errors import Conflict
from git_datmo.storage import restore
from git_datmo.storage.results import Results
from tests.kit.checks import work_tree
from tests.kit.results import Left

DISGUISES = [
    *(b".git", b".GIT", b"git~1", b".git.", b".git ", b".git::$INDEX_ALLOCATION", b"a\\.git"),
    ".g\u200cit".encode(),
]


def raw(left: Left, path: bytes) -> bytes:
    return os.fsencode(left.root) + b"/" + path


@pytest.mark.parametrize("name", DISGUISES)
@pytest.mark.parametrize("kind", ["folder", "file", "link"])
def test_a_planted_repository(left: Left, name: bytes, kind: str) -> None:
    for place in (b"", b"sub/"):
        os.makedirs(raw(left, place), exist_ok=True)
        path = raw(left, place + name)
        if kind == "folder":
            os.makedirs(path + b"/hooks")
            Path(os.fsdecode(path), "hooks", "post-commit").write_text("evil")
        elif kind == "file":
            Path(os.fsdecode(path)).write_text("gitdir: /elsewhere")
        else:
            os.symlink("/elsewhere", path)
    (left.root / "sub" / "code.py").write_text("fine")
    found = left.read()
    assert set(found.changes) == {b"sub/code.py"}
    assert {path for path, _ in found.skipped} == {name, b"sub/" + name}
    assert all("git cannot hold this name" in why for _, why in found.skipped)


def test_what_servers_refuse_to_have(left: Left) -> None:
    os.symlink("code.py", left.root / ".gitmodules")
    os.mkdir(left.root / ".gitattributes")
    Path(left.root, ".gitattributes", "a").write_text("a")
    found = left.read()
    assert found.changes == {}
    assert dict(found.skipped) == {
        b".gitmodules": "git takes it for '.gitmodules', which cannot be a link",
        b".gitattributes": "git takes it for '.gitattributes', which cannot be a folder",
    }


def test_what_is_neither_file_nor_folder(left: Left) -> None:
    os.mkfifo(left.root / "pipe")
    (left.root / "data/a").unlink()
    os.mkfifo(left.root / "data/a")
    server = socket.socket(socket.AF_UNIX)
    server.bind(os.path.relpath(left.root / "socket"))
    server.close()
    os.mkfifo(left.task / "pipe")
    shutil.rmtree(left.root / "data/deep")
    os.mkfifo(left.root / "data/deep")
    found = left.read()
    assert found == Results(left.before, skipped=found.skipped), "what was there before stays"
    assert dict(found.skipped) == {
        b"pipe": "it is a named pipe",
        b"data/a": "it is a named pipe",
        b"data/deep": "it is a named pipe",
        b"socket": "it is a socket",
        b"task/pipe": "it is a named pipe",
    }
    left.fill(left.before)
    (left.task / "pipe").unlink()
    assert left.read() == Results(left.before)


def test_modes_are_masked(left: Left) -> None:
    (left.root / "s").write_text("s")
    (left.root / "s").chmod(0o6777)
    (left.root / "t").write_text("t")
    (left.root / "t").chmod(0o1666)
    listed = left.listed(left.read().tree)
    assert (listed["s"][0], listed["t"][0]) == ("100755", "100644")


def test_links_out_are_links(left: Left, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret").write_text("secret")
    (left.root / "f").symlink_to(outside / "secret")
    (left.root / "d").symlink_to(outside)
    (left.root / "up").symlink_to("../../../../..")
    shutil.rmtree(left.root / "data")
    (left.root / "data").symlink_to(outside)
    found = left.read()
    listed = left.listed(found.tree)
    assert {listed[path][0] for path in ("f", "d", "up", "data")} == {"120000"}
    assert not [path for path in listed if path.startswith(("d/", "data/", "up/"))]
    left.task.rmdir()
    left.task.symlink_to(outside)
    assert left.read().tree == found.tree, "a link in the place of the task directory"


@pytest.mark.parametrize("size", [1 << 40, (1 << 30) + 1])
def test_a_sparse_monster(left: Left, size: int) -> None:
    (left.root / "code.py").unlink()
    for path in (left.root / "monster", left.root / "code.py", left.task / "monster"):
        path.touch()
        os.truncate(path, size)
    found = left.read()
    assert found.changes == {}
    assert {path for path, _ in found.skipped} == {b"monster", b"code.py", b"task/monster"}


def test_names_that_only_look_bad(left: Left) -> None:
    odd = [
        b"a\nb",
        b"\xff\xfe",
        b"x" * 255,
        b"-rf",
        b"back\\slash",
        b" ",
        b"...",
        b"con",
        b"D",
        b"d",
    ]
    for name in odd:
        Path(os.fsdecode(raw(left, name))).write_bytes(name)
    found = left.read()
    assert found.files == set(odd)
    for name in odd:
        assert found.changes[name] == (0o100644, left.repository.objects.write_blob(name))
    left.fill(found.tree)
    assert left.read() == Results(found.tree)


def test_folders_deeper_than_any_tree(left: Left) -> None:
    here = os.open(left.root, os.O_RDONLY)
    for depth in range(700):
        with os.fdopen(os.open("f", os.O_CREAT | os.O_WRONLY, 0o644, dir_fd=here), "w") as file:
            file.write(str(depth))
        os.mkdir("d", dir_fd=here)
        inner = os.open("d", os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = inner
    os.close(here)
    found = left.read()
    assert len(found.files) == 511
    assert {(path.count(b"/"), why) for path, why in found.skipped} == {(511, "it lies too deep")}
    # What was recorded can be restored.
    restore.plan(left.repository.objects, found.tree)
    left.fill(found.tree)
    assert left.read() == Results(found.tree)


def test_a_hard_link_is_a_file_of_its_own(left: Left) -> None:
    os.link(left.root / "code.py", left.root / "twin")
    found = left.read()
    assert set(found.changes) == {b"twin"}
    left.fill(left.before)
    assert (left.root / "code.py").stat().st_nlink == 1


def test_a_folder_swapped_for_a_link_while_we_look(left: Left, tmp_path: Path) -> None:
    exchange = getattr(ctypes.CDLL(None), "renameat2", None)
    if exchange is None:
        pytest.skip("this system cannot exchange two names at once")
    outside = tmp_path / "outside"
    outside.mkdir()
    for number in range(40):
        (outside / f"n{number}").write_text("secret")
    (left.root / "new").mkdir()
    for number in range(40):
        (left.root / "new" / f"n{number}").write_text("public")
    (left.root / "link").unlink()
    (left.root / "link").symlink_to(outside)
    before = work_tree(outside)
    stop = threading.Event()

    def swap() -> None:
        here, flag = -100, 2  # AT_FDCWD, RENAME_EXCHANGE
        while not stop.is_set():
            exchange(here, bytes(left.root / "new"), here, bytes(left.root / "link"), flag)

    thread = threading.Thread(target=swap)
    thread.start()
    secret = left.repository.objects
    try:
        for _ in range(15):
            found = left.read()
            for leaf in found.changes.values():
                if leaf is not None and leaf[0] == 0o100644:
                    assert secret.blob(leaf[1]) == b"public"
            with suppress(Conflict):
                left.slot.fill(left.repository.objects, left.store, left.before)
            with suppress(OSError):
                (left.root / "new").mkdir()
                (left.root / "new" / "n").write_text("public")
    finally:
        stop.set()
        thread.join()
    assert work_tree(outside) == before


def test_a_file_that_keeps_changing(left: Left) -> None:
    path = left.root / "busy"
    path.write_bytes(b"x" * 3000)
    stop = threading.Event()

    def write() -> None:
        number = 0
        while not stop.is_set():
            number += 1
            path.write_bytes(b"%d" % number * 1000)

    thread = threading.Thread(target=write)
    thread.start()
    try:
        for _ in range(5):
            found = left.read()
            assert set(found.changes) | {path for path, _ in found.skipped} == {b"busy"}
    finally:
        stop.set()
        thread.join()
