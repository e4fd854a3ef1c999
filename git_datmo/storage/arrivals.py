"""Content that comes over a wire in pieces: what arrived before a cut is kept and gone on from.

The pieces lie in `<store>/parts/`, under the whole content's name and digest, so that only the
same content ever goes on with them. Nothing there is used before all of it was checked.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from git_datmo.errors import DamagedContent, RemoteError
from git_datmo.model.pointer import Pointer
from git_datmo.storage.durability import disk_errors

if TYPE_CHECKING:
    from git_datmo.storage.store import Store

# What nobody went on with for so long is given up.
LITTER_SECONDS = 7 * 86_400
# What is no larger than this, in bytes, is fetched again rather than gone on with.
SMALL = 1024 * 1024
_BLOCK = 256 * 1024


class Arrival:
    """Content on its way in. `offset` is how much of it is here; `write` takes what follows."""

    def __init__(self, fd: int, path: Path, pointer: Pointer) -> None:
        import blake3
        import xxhash

        self._fd, self._path, self.pointer = fd, path, pointer
        self._fast, self._strong = xxhash.xxh3_128(), blake3.blake3()
        self.offset = 0
        buffer = bytearray(_BLOCK)
        view = memoryview(buffer)
        os.lseek(fd, 0, os.SEEK_SET)
        while count := os.readv(fd, [buffer]):
            self._take(view[:count])
        if self.offset >= pointer.size > 0 and self._found() != pointer:
            self.restart()

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Take the next bytes. Raises DamagedContent when they are more than there should be."""
        part = memoryview(data)
        if self.offset + len(part) > self.pointer.size:
            self.restart()
            raise DamagedContent(
                f"what was sent as {self.pointer.key} is longer than its {self.pointer.size} bytes"
            )
        rest = part
        with disk_errors(self._path):
            while rest:
                rest = rest[os.write(self._fd, rest) :]
        self._take(part)

    def restart(self) -> None:
        """Forget what came: the next bytes are the first."""
        import blake3
        import xxhash

        os.ftruncate(self._fd, 0)
        os.lseek(self._fd, 0, os.SEEK_SET)
        self._fast, self._strong, self.offset = xxhash.xxh3_128(), blake3.blake3(), 0

    def _take(self, part: memoryview) -> None:
        self._fast.update(part)
        self._strong.update(part)
        self.offset += len(part)

    def _found(self) -> Pointer:
        return Pointer(self._fast.hexdigest(), self._strong.hexdigest(), self.offset)


@contextmanager
def receive(store: Store, pointer: Pointer) -> Iterator[Arrival]:
    """Take content in by pieces; on leaving it is checked and named.

    When the block raises, what came stays for the next try. Raises RemoteError when the block
    ends before all came, DamagedContent when all came and it is something else.
    """
    store.mark.require()
    parts = store.folder / "parts"
    with disk_errors(store.folder):
        parts.mkdir(parents=True, exist_ok=True)
        if pointer.size <= SMALL:
            fd, path = _new(parts)
        else:
            _sweep(parts)
            fd, path = _begin(parts, pointer)
    whole = False
    try:
        arrival = Arrival(fd, path, pointer)
        yield arrival
        if arrival.offset < pointer.size:
            raise RemoteError(
                f"only {arrival.offset} of {pointer.size} bytes of {pointer.key} came",
                hint="try again: what came is kept",
            )
        whole = True
        found = arrival._found()
        if found != pointer:
            from git_datmo.storage.store import mismatch

            raise DamagedContent(mismatch("the content that was sent", pointer, found))
        os.fchmod(fd, 0o444)
        store.adopt(path, pointer)
    except BaseException:
        if whole or path.name.startswith("tmp-") or not os.fstat(fd).st_size:
            path.unlink(missing_ok=True)
        raise
    finally:
        os.close(fd)


def _begin(parts: Path, pointer: Pointer) -> tuple[int, Path]:
    """The piece that is there, or a new one; one of its own while somebody else fetches it."""
    path = parts / f"{pointer.key}-{pointer.blake3}"
    flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
    with contextlib.suppress(PermissionError):
        fd = os.open(path, flags, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.fstat(fd).st_ino == os.lstat(path).st_ino:
                return fd, path
        except (BlockingIOError, FileNotFoundError):
            pass
        os.close(fd)
    return _new(parts)


def _new(parts: Path) -> tuple[int, Path]:
    fd, name = tempfile.mkstemp(prefix="tmp-", dir=parts)
    return fd, Path(name)


def _sweep(parts: Path) -> None:
    before = time.time() - LITTER_SECONDS
    with os.scandir(parts) as entries:
        for entry in entries:
            with contextlib.suppress(OSError):
                if entry.stat(follow_symlinks=False).st_mtime < before:
                    os.unlink(entry.path)
