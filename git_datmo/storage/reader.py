"""Reading one file of the work tree into an object, in one pass and without being fooled.

`O_NOFOLLOW`, regular files only, hash while copying; size and times are compared afterwards,
and a file that kept changing is an error, never stored under a wrong name.
"""

from __future__ import annotations

import errno
import hashlib
import os
import stat
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

from git_datmo.errors import FileChanging, NoSpace, UnreadableFile
from git_datmo.model.pointer import MAX_SIZE, Pointer, looks_like_pointer
from git_datmo.storage.hashing import hash_only
from git_datmo.storage.objects import BLOB, EXECUTABLE, LINK
from git_datmo.storage.store import Store

ATTEMPTS = 3
# File times come from a coarse clock: a change this soon after a read may not show in them.
RACY_NS = 20_000_000


class Look(NamedTuple):
    """How a file looked: enough to tell, next time, that it was not written since."""

    mode: int
    size: int
    mtime: int
    ctime: int
    inode: int

    @classmethod
    def of(cls, state: os.stat_result) -> Look:
        return cls(state.st_mode, state.st_size, state.st_mtime_ns, state.st_ctime_ns, state.st_ino)


class Known(NamedTuple):
    """What a path held when it looked like `look`.

    `secret` is a finding, empty when there was none, None when nobody looked for one.
    """

    look: Look
    mode: int
    oid: str
    pointer: tuple[str, str, int] | None
    secret: str | None


@dataclass
class Reader:
    """Turns files into (mode, object id). `write_blob` stores small content, `store` large.

    `dry` computes ids without storing anything; `spare` is how a file is left out, for hints.
    """

    write_blob: Callable[[bytes], str]
    store: Store
    threshold: int
    sync: bool = False
    dry: bool = False
    executable_bit: bool = True
    advance: Callable[[int], None] | None = None
    inspect: Callable[[bytes], str | None] | None = None
    keep_secrets: bool = False
    spare: str = "leave it out with .gitignore"
    pointers: dict[str, Pointer] = field(default_factory=dict)

    def read(
        self,
        full: bytes,
        shown: str,
        *,
        store: bool | None,
        check: bool,
        folder: int | None = None,
    ) -> Known | None:
        """Read one path; None when it is gone or is neither a file nor a symbolic link.

        `store` forces (True) or forbids (False) the content store; `check` asks `inspect`
        about the content of a small file. With `folder`, an open directory, `full` is a name in
        it. Raises FileChanging, UnreadableFile, NoSpace.
        """
        for _ in range(ATTEMPTS):
            try:
                before = os.lstat(full, dir_fd=folder)
            except (FileNotFoundError, NotADirectoryError):
                return None
            if stat.S_ISLNK(before.st_mode):
                known = self._link(full, before, folder)
            elif stat.S_ISREG(before.st_mode):
                known = self._file(full, shown, before, folder, store=store, check=check)
            else:
                return None
            if known is not None:
                return known
        raise FileChanging(
            f"{shown} changed while it was read, {ATTEMPTS} times in a row",
            hint=f"wait until it is no longer written, or {self.spare}",
        )

    def _link(self, full: bytes, before: os.stat_result, folder: int | None) -> Known | None:
        try:
            target = os.readlink(full, dir_fd=folder)
        except OSError:
            return None
        return Known(Look.of(before), LINK, self._blob(target), None, "")

    def _file(
        self,
        full: bytes,
        shown: str,
        before: os.stat_result,
        folder: int | None,
        *,
        store: bool | None,
        check: bool,
    ) -> Known | None:
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        try:
            fd = os.open(full, flags, dir_fd=folder)
        except OSError as error:
            if error.errno in (errno.ENOENT, errno.ELOOP, errno.ENOTDIR, errno.ENXIO):
                return None
            raise UnreadableFile(
                f"cannot read {shown}: {error.strerror}",
                hint=f"make it readable, or {self.spare}",
            ) from error
        try:
            first = os.fstat(fd)
            if (first.st_dev, first.st_ino) != (before.st_dev, before.st_ino):
                return None
            pointer: Pointer | None = None
            secret: str | None = None
            large = store is True or (store is None and first.st_size >= self.threshold)
            data = b"" if large else self._all(fd, first.st_size)
            if check:
                secret = (self.inspect(data) if self.inspect and not large else None) or ""
                if secret and not self.keep_secrets:
                    return Known(Look.of(first), BLOB, "", None, secret)
            if not large and len(data) <= MAX_SIZE and looks_like_pointer(data):
                large = True
                os.lseek(fd, 0, os.SEEK_SET)
            if large:
                pointer = self._ingest(fd, shown, first)
                data = pointer.encode()
            if Look.of(os.fstat(fd)) != Look.of(first):
                return None
        except OSError as error:
            if error.errno == errno.EIO or error.errno == errno.EISDIR:
                raise UnreadableFile(f"cannot read {shown}: {error.strerror}") from error
            raise
        finally:
            os.close(fd)
        oid = self._blob(data)
        if pointer is not None:
            self.pointers[oid] = pointer
        mode = EXECUTABLE if self.executable_bit and first.st_mode & stat.S_IXUSR else BLOB
        kept = (pointer.key, pointer.blake3, pointer.size) if pointer else None
        return Known(Look.of(first), mode, oid, kept, secret)

    def _all(self, fd: int, size: int) -> bytes:
        data = os.read(fd, size + 1)
        while more := os.read(fd, 1 << 17):
            data += more
        return data

    def _ingest(self, fd: int, shown: str, state: os.stat_result) -> Pointer:
        if self.dry:
            return hash_only(fd, advance=self.advance)
        disk = os.statvfs(self.store.folder.parent)
        free = disk.f_bavail * disk.f_frsize
        if state.st_size > free:
            raise NoSpace(
                f"{shown} is {state.st_size} bytes ({state.st_blocks * 512} on disk) and the "
                f"disk of the store has {free} left",
                hint=f"free some space, or {self.spare}",
            )
        return self.store.ingest(fd, sync=self.sync, advance=self.advance)

    def _blob(self, data: bytes) -> str:
        return blob_id(data) if self.dry else self.write_blob(data)


def blob_id(data: bytes) -> str:
    """The id git gives these bytes as a blob."""
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


def settled(known: Known) -> bool:
    """Whether a later change of the file is sure to show in its times."""
    return time.time_ns() - max(known.look.mtime, known.look.ctime) > RACY_NS
