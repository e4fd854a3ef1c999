"""Disks of a test's own: small, full, read-only, and without power from one moment to the next."""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import struct
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

SHUTDOWN = 0x8004587D  # EXT4_IOC_SHUTDOWN
NO_JOURNAL_FLUSH = 2  # what has not reached the disk by now never does
LET_GO_SECONDS = 10.0


@dataclass
class Disk:
    """A file system in a file, mounted at `path`."""

    image: Path
    path: Path

    def mount(self) -> None:
        """Mount it, which replays its journal. The journal is written once a second."""
        _run("mount", "-o", "loop,commit=1", str(self.image), str(self.path))

    def kill_all(self) -> None:
        """End every process that has anything open in it, as a power cut does."""
        for process in Path("/proc").iterdir():
            if not process.name.isdigit() or process.name == str(os.getpid()):
                continue
            with suppress(OSError):
                if any(_leads(link, self.path) for link in _links(process)):
                    os.kill(int(process.name), signal.SIGKILL)

    def unmount(self) -> None:
        """Unmount it, whoever uses it."""
        deadline = time.monotonic() + LET_GO_SECONDS
        while subprocess.run(["umount", str(self.path)], capture_output=True).returncode:
            assert time.monotonic() < deadline, f"this test keeps {self.path}"
            self.kill_all()
            time.sleep(0.02)

    def cut(self) -> None:
        """Take the power away."""
        fd = os.open(self.path, os.O_RDONLY)
        try:
            fcntl.ioctl(fd, SHUTDOWN, struct.pack("I", NO_JOURNAL_FLUSH))
        finally:
            os.close(fd)

    def read_only(self) -> None:
        """Let nobody write to it any more."""
        _run("mount", "-o", "remount,ro", str(self.path))


@contextmanager
def ext4(folder: Path, *options: str, megabytes: int = 48) -> Iterator[Disk]:
    """An ext4 file system of its own; `options` are mkfs's. Skips where it cannot be had."""
    _require("mkfs.ext4")
    disk = Disk(folder / "image", folder / "disk")
    disk.path.mkdir()
    with disk.image.open("wb") as file:
        file.truncate(megabytes << 20)
    _run("mkfs.ext4", "-q", "-F", *options, str(disk.image))
    try:
        disk.mount()
    except subprocess.CalledProcessError as error:
        pytest.skip(f"NOT TRIED: no loop device can be mounted here: {error.stderr}")
    try:
        yield disk
    finally:
        disk.unmount()


@contextmanager
def tmpfs(folder: Path, *, megabytes: int) -> Iterator[Path]:
    """A file system in memory of so many MiB. Skips where it cannot be had."""
    _require("mount")
    path = folder / "disk"
    path.mkdir()
    try:
        _run("mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(path))
    except subprocess.CalledProcessError as error:
        pytest.skip(f"NOT TRIED: no file system can be mounted here: {error.stderr}")
    try:
        yield path
    finally:
        _run("umount", str(path))


def _links(process: Path) -> Iterator[Path]:
    yield process / "cwd"
    yield from (process / "fd").iterdir()


def _leads(link: Path, folder: Path) -> bool:
    with suppress(OSError):
        return os.readlink(link).startswith(str(folder))
    return False


def _require(program: str) -> None:
    if os.geteuid() != 0 or shutil.which(program) is None:
        pytest.skip(f"NOT TRIED: only root can mount disks, with {program}")


def _run(*words: str) -> None:
    subprocess.run(words, check=True, capture_output=True, text=True)
