"""What an engine elsewhere sends back is written as data, never as told: a hostile stream."""

from __future__ import annotations

import io
import os
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from git_datmo.errors import DatmoError, NoSpace
from git_datmo.runners.docker import tape
from git_datmo.runners.docker.journey import arrive
from git_datmo.runners.docker.tape import Owner

ME = Owner(os.getuid(), os.getgid())


@contextmanager
def opened(folder: Path) -> Iterator[int]:
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield fd
    finally:
        os.close(fd)


def entry(name: str, data: bytes = b"", **more: object) -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    info.size = len(data)
    for key, value in more.items():
        setattr(info, key, value)
    return info, data


def link(name: str, target: str, kind: bytes = tarfile.SYMTYPE) -> tuple[tarfile.TarInfo, bytes]:
    return entry(name, type=kind, linkname=target)


def folder(name: str) -> tuple[tarfile.TarInfo, bytes]:
    return entry(name, type=tarfile.DIRTYPE, mode=0o755)


def stream(*entries: tuple[tarfile.TarInfo, bytes], size: int = 1000) -> Iterator[bytes]:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as tar:
        for info, data in entries:
            tar.addfile(info, io.BytesIO(data))
    text = made.getvalue()
    return (text[at : at + size] for at in range(0, len(text), size))


def take(root: Path, *entries: tuple[tarfile.TarInfo, bytes], out: tuple[bytes, ...] = ()) -> None:
    with opened(root) as fd:
        arrive(stream(*entries), fd, out)


def contents(root: Path) -> dict[str, bytes | str | None]:
    found: dict[str, bytes | str | None] = {}
    for path in sorted(root.rglob("*")):
        name = path.relative_to(root).as_posix()
        if path.is_symlink():
            found[name] = f"-> {os.readlink(path)}"
        else:
            found[name] = path.read_bytes() if path.is_file() else None
    return found


@pytest.fixture
def root(tmp_path: Path) -> Path:
    made = tmp_path / "root"
    made.mkdir()
    (tmp_path / "victim").write_text("mine")
    (tmp_path / "outside").mkdir()
    return made


def fill(root: Path) -> None:
    (root / "d" / "deep é").mkdir(parents=True)
    (root / "d" / "deep é" / ("n" * 200)).write_bytes(b"long")
    (root / "run").write_bytes(b"#!/bin/sh\n")
    (root / "run").chmod(0o755)
    (root / "big").write_bytes(os.urandom(300_001))
    (root / "empty").mkdir()
    (root / "link").symlink_to("d/deep é")
    (root / "dangling").symlink_to("/no/such")
    os.mkfifo(root / "fifo")


def test_there_and_back_is_the_same(root: Path, tmp_path: Path):
    fill(root)
    sent = b"".join(tape.packed(root, "home", ME)) + tape.END
    back = tmp_path / "back"
    back.mkdir()
    with opened(back) as fd:
        arrive(iter([sent]), fd)
    (root / "fifo").unlink()
    assert contents(back) == contents(root)
    assert os.access(back / "run", os.X_OK)
    assert not os.access(back / "big", os.X_OK)


def test_what_is_the_same_is_not_written(root: Path):
    fill(root)
    (root / "fifo").unlink()
    sent = b"".join(tape.packed(root, "home", ME)) + tape.END
    before = {path: path.lstat().st_ctime_ns for path in root.rglob("*") if not path.is_dir()}
    with opened(root) as fd:
        arrive(iter([sent]), fd)
    assert {path: path.lstat().st_ctime_ns for path in before} == before


@pytest.mark.parametrize("at", [0, 1, 131_071, 131_072, 131_073, 300_000])
def test_a_big_file_that_differs_somewhere(root: Path, at: int):
    old = bytes(300_001)
    new = old[:at] + b"x" + old[at + 1 :]
    for have in (old, old[:at], old + b"longer"):
        (root / "big").write_bytes(have)
        take(root, entry("home/big", new, mode=0o644))
        assert (root / "big").read_bytes() == new


def test_what_is_gone_there_goes_here(root: Path):
    fill(root)
    take(root, folder("home"), entry("home/new", b"1"))
    assert contents(root) == {"new": b"1"}


def test_what_is_of_another_kind_there_becomes_it(root: Path):
    fill(root)
    take(
        root,
        *(entry("home/d", b"now a file"), folder("home/run"), entry("home/run/in", b"x")),
        *(link("home/big", "run"), entry("home/link", b"file"), link("home/empty", "..")),
    )
    assert contents(root) == {
        "big": "-> run",
        "d": b"now a file",
        "empty": "-> ..",
        "link": b"file",
        "run": None,
        "run/in": b"x",
    }


def test_paths_to_leave_out(root: Path):
    (root / "data").mkdir()
    (root / "data" / "mine").write_text("mine")
    take(root, folder("home/data"), entry("home/data/raw/x", b"theirs"), out=(b"data",))
    assert contents(root) == {"data": None, "data/mine": b"mine"}


@pytest.mark.parametrize(
    "name",
    ["home/../victim", "../victim", "home/../../victim", "/home/../victim", "home/a/../../victim"],
)
def test_names_that_lead_out(root: Path, tmp_path: Path, name: str):
    take(root, folder("home"), entry(name, b"stolen"), link(name, "/etc"), entry("home/ok", b"1"))
    assert (tmp_path / "victim").read_text() == "mine"
    assert contents(root) == {"ok": b"1"}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["outside", "root", "victim"]


def test_an_absolute_name_lands_inside(root: Path):
    take(root, entry("/etc/passwd", b"not yours"))
    assert contents(root) == {}


def test_nothing_is_written_through_a_link(root: Path, tmp_path: Path):
    for target in ("../outside", str(tmp_path / "outside")):
        with pytest.raises(DatmoError, match="symbolic link"):
            take(root, link("home/d", target), entry("home/d/f", b"escaped"))
    assert list((tmp_path / "outside").iterdir()) == []


def test_a_link_to_a_file_is_replaced_not_followed(root: Path, tmp_path: Path):
    (root / "f").symlink_to("../victim")
    take(root, entry("home/f", b"new"))
    assert (tmp_path / "victim").read_text() == "mine"
    assert contents(root) == {"f": b"new"}


def test_twins_become_two_files(root: Path):
    take(root, entry("home/a", b"same"), link("home/b", "home/a", tarfile.LNKTYPE))
    assert contents(root) == {"a": b"same", "b": b"same"}
    assert (root / "a").stat().st_ino != (root / "b").stat().st_ino


@pytest.mark.parametrize("target", ["home/../../victim", "/etc/passwd", "victim", "home/none", ""])
def test_a_twin_of_something_outside_is_passed_over(root: Path, target: str):
    take(root, link("home/b", target, tarfile.LNKTYPE), entry("home/ok", b"1"))
    assert contents(root) == {"ok": b"1"}


def test_a_twin_of_a_link_is_passed_over(root: Path):
    take(
        root, link("home/l", "../victim"), link("home/b", "home/l", tarfile.LNKTYPE), folder("home")
    )
    assert contents(root) == {"l": "-> ../victim"}


def test_modes_owners_and_devices_are_not_taken_over(root: Path):
    take(
        root,
        entry("home/setuid", b"x", mode=0o6777, uid=12345, gid=12345),
        *(entry(f"home/d{t}", type=bytes([t]), devmajor=1, devminor=3) for t in b"346"),
    )
    assert contents(root) == {"setuid": b"x"}
    look = (root / "setuid").stat()
    assert look.st_mode & 0o7022 == 0
    assert (look.st_uid, look.st_gid) == (os.getuid(), os.getgid())


def test_more_than_the_disk_holds(root: Path):
    info, _ = entry("home/huge")
    info.size = 1 << 60
    made = info.tobuf(tarfile.GNU_FORMAT)
    with opened(root) as fd, pytest.raises(NoSpace, match="huge"):
        arrive(iter([made]), fd)
    assert contents(root) == {}


def test_a_stream_that_breaks_off_leaves_no_half_file(root: Path):
    text = b"".join(stream(entry("home/f", b"x" * 5000)))
    (root / "f").write_bytes(b"old")
    with opened(root) as fd, pytest.raises((tarfile.TarError, OSError, DatmoError)):
        arrive(iter([text[:3000]]), fd)
    assert contents(root) == {"f": b"old"}


def test_names_that_are_no_text(root: Path, tmp_path: Path):
    odd = os.fsdecode(b"not \xff utf-8")
    (root / odd).write_bytes(b"odd")
    sent = b"".join(tape.packed(root, "home", ME)) + tape.END
    back = tmp_path / "back"
    back.mkdir()
    with opened(back) as fd:
        arrive(iter([sent]), fd)
    assert os.listdir(os.fsencode(back)) == [b"not \xff utf-8"]


def test_data_is_sent_for_reading_only(root: Path):
    fill(root)
    text = b"".join(tape.packed(root, "data/set", Owner(0, 0, writable=False))) + tape.END
    with tarfile.open(fileobj=io.BytesIO(text)) as tar:
        for info in tar:
            assert (info.uid, info.gid) == (0, 0)
            assert info.issym() or not info.mode & 0o222
