"""The store folder at the far end. It is sent there, with `agent`, and run by Python >= 3.6.

On disk it is what a clone's own store is. Every name comes from a client and is checked: only
hexadecimal ones, below the folder, never through a symbolic link.
"""

import contextlib
import errno
import fcntl
import os
import re
import stat
import time
from typing import Iterator  # noqa: UP035 -- collections.abc is no generic in Python 3.6

from git_datmo.remotes.ssh.fardisk import BLOCK, Refused, existing, flush, make_folder, write

DAY = 86400
PAGE = 4000

KEY = re.compile(r"[0-9a-f]{32}\Z")
DIGEST = re.compile(r"[0-9a-f]{64}\Z")
_NAME = re.compile(r"[0-9a-f]{30}(-[0-9a-f]{64})?\Z")
_TWO = re.compile(r"[0-9a-f]{2}\Z")

_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC


class FarStore:
    """One store folder, which need not be there yet."""

    def __init__(self, path: bytes) -> None:
        self.path = path
        self._folders = {}  # type: dict[str, int]
        # Complete files without a name yet: temporary path, folder and name to come.
        self._batch = []  # type: list[tuple[bytes, str, str]]

    def folder(self, two: str, make: bool = False) -> "int | None":
        """A descriptor of one of the folders in the store; None when it is not there."""
        if two not in self._folders:
            path = os.path.join(self.path, os.fsencode(two))
            if make:
                make_folder(path)
            try:
                self._folders[two] = os.open(path, _FOLDER | os.O_NOFOLLOW)
            except OSError as error:
                if make or error.errno not in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP):
                    raise
                return None
        return self._folders[two]

    def find(self, key: str, digest: str, size: int) -> "tuple[int, str, float] | None":
        """Where content lies whole (folder, name) and its age in seconds.

        The name that carries the digest is looked for first.
        """
        folder = self.folder(key[:2])
        if folder is None:
            return None
        for name in (key[2:] + "-" + digest, key[2:]):
            try:
                found = os.stat(name, dir_fd=folder, follow_symlinks=False)
            except FileNotFoundError:
                continue
            if stat.S_ISREG(found.st_mode) and found.st_size == size:
                return folder, name, time.time() - found.st_mtime
        return None

    def read(self, key: str, digest: str, size: int) -> "int | None":
        """A descriptor of content; None when it is not there whole."""
        found = self.find(key, digest, size)
        if found is None:
            return None
        fd = os.open(found[1], _READ, dir_fd=found[0])
        if os.fstat(fd).st_size == size:
            return fd
        os.close(fd)
        return None

    def refresh(self, folder: int, two: str, name: str, age: float) -> None:
        """Make a file count as new: somebody relies on it from now on."""
        if age < DAY:
            return
        try:
            os.utime(name, dir_fd=folder, follow_symlinks=False)
        except OSError:
            # Another user's file cannot be touched; a copy of one's own can take its place.
            if age > 7 * DAY:
                self._renew(folder, two, name)

    def _renew(self, folder: int, two: str, name: str) -> None:
        try:
            source, target, temporary = -1, *self.temporary()
        except OSError:
            return
        try:
            source = os.open(name, _READ, dir_fd=folder)
            while True:
                data = os.read(source, BLOCK)
                if not data:
                    break
                write(target, data)
            self._finish([(temporary, two, name)], replace=True)
        except OSError:
            discard(temporary)
        finally:
            os.close(target)
            if source >= 0:
                os.close(source)

    @contextlib.contextmanager
    def kept(self) -> "Iterator[None]":
        """Nobody takes content away meanwhile. Where there can be no lock, its age guards it."""
        fd = -1
        flags = os.O_RDONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        try:
            fd = os.open(os.path.join(self.path, b"lock"), flags, 0o664)
            fcntl.flock(fd, fcntl.LOCK_SH)
        except OSError:
            pass
        try:
            yield
        finally:
            if fd >= 0:
                os.close(fd)

    def prepare(self) -> None:
        """Make the folder, and clear away what connections that broke off left in it."""
        make_folder(self.path)
        now = time.time()
        parts = os.path.join(self.path, b"parts")
        for folder, prefix, age in ((self.path, b"tmp-", DAY), (parts, b"", 7 * DAY)):
            for entry in os.scandir(folder) if os.path.isdir(folder) else ():
                if entry.name.startswith(prefix) and entry.is_file(follow_symlinks=False):
                    try:
                        if now - entry.stat(follow_symlinks=False).st_mtime > age:
                            os.unlink(entry.path)
                    except OSError:
                        continue

    def temporary(self) -> "tuple[int, bytes]":
        """A new file without a name of its own, and its path."""
        path = os.path.join(self.path, b"tmp-" + os.urandom(8).hex().encode("ascii"))
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        return os.open(path, flags, 0o600), path

    def add(self, temporary: bytes, key: str, digest: str) -> int:
        """Note a complete file for the next `commit`; how many there are by now."""
        self._batch.append((temporary, key[:2], key[2:] + "-" + digest))
        return len(self._batch)

    def commit(self) -> int:
        """Give the files that were added their names, once their bytes are on the disk."""
        batch, self._batch = self._batch, []
        with self.kept():
            self._finish(batch)
        return len(batch)

    def _finish(self, batch: "list[tuple[bytes, str, str]]", replace: bool = False) -> None:
        opened = []  # type: list[int]
        try:
            for temporary, _, _ in batch:
                opened.append(os.open(temporary, _READ))
            flush(opened)
            folders = set()
            for number, (temporary, two, name) in enumerate(batch):
                folder = self.folder(two, make=True)
                assert folder is not None
                found = self.find(two + name[:30], name[31:], os.fstat(opened[number]).st_size)
                if found is not None and found[1] == name and not replace:
                    os.unlink(temporary)
                    self.refresh(folder, two, name, found[2])
                    continue
                os.fchmod(opened[number], 0o444 & os.fstat(folder).st_mode | 0o400)
                os.replace(temporary, name, dst_dir_fd=folder)
                folders.add(folder)
            if folders:
                opened.append(os.open(self.path, _FOLDER))
                flush([opened[-1], *folders])
        except BaseException:
            for temporary, _, _ in batch:
                discard(temporary)
            raise
        finally:
            for fd in opened:
                os.close(fd)

    def page(self, start: int) -> "tuple[list[tuple[str, int, float]], int]":
        """Name, size and age of files, and where the next page starts; 256 is the end."""
        found = []  # type: list[tuple[str, int, float]]
        now = time.time()
        while start < 256 and len(found) < PAGE:
            two = f"{start:02x}"
            folder = self.folder(two)
            for name in sorted(os.listdir(folder)) if folder is not None else ():
                try:
                    state = os.stat(name, dir_fd=folder, follow_symlinks=False)
                except OSError:
                    continue
                if _NAME.match(name) and stat.S_ISREG(state.st_mode):
                    found.append((two + "/" + name, state.st_size, now - state.st_mtime))
            start += 1
        return found, start

    def remove(self, path: str) -> int:
        """Take one file away; the bytes that frees."""
        two, _, name = path.partition("/")
        if not (_TWO.match(two) and _NAME.match(name)):
            raise Refused("protocol", f"{path!r} names no content")
        folder = self.folder(two)
        if folder is None:
            return 0
        try:
            size = os.stat(name, dir_fd=folder, follow_symlinks=False).st_size
            os.unlink(name, dir_fd=folder)
        except FileNotFoundError:
            return 0
        return size

    def free(self) -> int:
        """The room left on its disk, in bytes."""
        state = os.statvfs(existing(self.path))
        return state.f_bavail * state.f_frsize


def discard(temporary: bytes) -> None:
    """Remove a temporary file; one that an upload can go on with stays."""
    if os.path.basename(temporary).startswith(b"tmp-") and os.path.lexists(temporary):
        os.unlink(temporary)
