"""Directories by descriptor, one name at a time and never through a link; their errors in words."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from git_datmo.errors import (
    Conflict,
    DatmoError,
    FileAlreadyExistsError,
    NoSpace,
    ReadOnlyRepository,
    UnsafeName,
    UnsafePath,
)

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_KEPT_OPEN = 64  # macOS allows a process 256 files


class Directories:
    """Directories below a root; the one opened last and up to `keep` above it stay open."""

    def __init__(self, root: int, *, keep: int = _KEPT_OPEN) -> None:
        self._keep = keep
        self.root = root
        self.made: list[bytes] = []  # directories made in the root itself
        self._path: bytes | None = b""
        self._names: list[bytes] = []
        self._fds: list[int | None] = []

    def __enter__(self) -> Directories:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close every descriptor but the root's, which is the caller's."""
        self._path = b""
        self._leave(0)

    def open(self, path: bytes, *, make: bool = False) -> int:
        """The descriptor of a directory, good until the next call; `make` creates what is missing.

        Raises FileNotFoundError without `make`, and UnsafePath where a link or file stands.
        """
        if path == self._path:
            return self._deepest()
        self._path = None
        names = path.split(b"/") if path else []
        same = 0
        for old, new in zip(self._names, names, strict=False):
            if old != new:
                break
            same += 1
        self._leave(same)
        if self._fds and self._fds[-1] is None:
            self._leave(0)
        for name in names[len(self._names) :]:
            self._enter(name, make)
        self._path = path
        return self._deepest()

    def _deepest(self) -> int:
        fd = self._fds[-1] if self._fds else self.root
        assert fd is not None, "only directories above the deepest are closed early"
        return fd

    def _enter(self, name: bytes, make: bool) -> None:
        parent = self._deepest()
        try:
            try:
                fd = os.open(name, _DIRECTORY, dir_fd=parent)
            except FileNotFoundError:
                if not make:
                    raise
                os.mkdir(name, dir_fd=parent)
                if not self._names:
                    self.made.append(name)
                fd = os.open(name, _DIRECTORY, dir_fd=parent)
        except OSError as error:
            if error.errno not in (errno.ELOOP, errno.ENOTDIR):
                raise
            found = os.stat(name, dir_fd=parent, follow_symlinks=False)
            raise in_the_way(b"/".join([*self._names, name]), found) from error
        self._names.append(name)
        self._fds.append(fd)
        if len(self._fds) > self._keep:
            self._close(len(self._fds) - self._keep - 1)

    def _leave(self, depth: int) -> None:
        while len(self._fds) > depth:
            self._close(-1)
            self._fds.pop()
            self._names.pop()

    def _close(self, index: int) -> None:
        fd = self._fds[index]
        if fd is not None:
            self._fds[index] = None
            os.close(fd)


def discard(parent: int, name: bytes) -> None:
    """Remove `name` and all below it, however deep; what cannot be removed stays."""
    # Few are kept open: what failed may have been for want of descriptors.
    with suppress(OSError, UnsafePath), Directories(parent, keep=4) as directories:
        try:
            os.unlink(name, dir_fd=parent)
            return
        except OSError:
            folders = [name]
        for folder in folders:
            fd = directories.open(folder)
            for inner in map(os.fsencode, os.listdir(fd)):
                if stat.S_ISDIR(os.stat(inner, dir_fd=fd, follow_symlinks=False).st_mode):
                    folders.append(folder + b"/" + inner)
                else:
                    os.unlink(inner, dir_fd=fd)
        for folder in reversed(folders):
            above, _, last = folder.rpartition(b"/")
            os.rmdir(last, dir_fd=directories.open(above))


def discard_below(folder: Path, name: str) -> None:
    """`discard` in a folder that is named."""
    parent = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        discard(parent, os.fsencode(name))
    finally:
        os.close(parent)


def probe(parent: int) -> tuple[bool, int]:
    """Whether names that differ in case or Unicode form meet here, and a new directory's mode."""
    import secrets

    name = f".datmo-probe-{secrets.token_hex(8)}-é"
    twins = (name.upper(), name.replace("é", "e\u0301"))
    with writing(b"."):
        os.mkdir(os.fsencode(name), dir_fd=parent)
        try:
            mode = os.stat(os.fsencode(name), dir_fd=parent, follow_symlinks=False).st_mode
            return any(_there(twin, parent) for twin in twins), stat.S_IMODE(mode)
        finally:
            os.rmdir(os.fsencode(name), dir_fd=parent)


def _there(name: str, parent: int) -> bool:
    try:
        os.stat(name.encode(), dir_fd=parent, follow_symlinks=False)
    except OSError:
        return False
    return True


def is_plain(found: os.stat_result) -> bool:
    """Whether it is a regular file or a symbolic link: what a restore may replace."""
    return stat.S_ISREG(found.st_mode) or stat.S_ISLNK(found.st_mode)


def in_the_way(path: bytes, found: os.stat_result) -> UnsafePath:
    """The refusal to write below `path`, which is no directory."""
    kind = "a symbolic link" if stat.S_ISLNK(found.st_mode) else "not a directory"
    return UnsafePath(f"`{shown(path)}` is {kind}; refusing to write below it")


def shown(path: bytes) -> str:
    """A path for people: on one line, with what cannot be printed escaped."""
    text = path.decode(errors="backslashreplace")
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


@contextmanager
def writing(path: bytes) -> Iterator[None]:
    """Turn what the operating system says about `path` into an error of ours."""
    try:
        yield
    except OSError as error:
        raise _explained(error, shown(path)) from error


def _explained(error: OSError, path: str) -> DatmoError:
    match error.errno:
        case errno.ENOSPC | errno.EDQUOT:
            return NoSpace(
                f"no space left on the disk to write `{path}`", hint="free some space and try again"
            )
        case errno.EROFS:
            return ReadOnlyRepository(f"cannot write `{path}`: the file system is read-only")
        case errno.EACCES | errno.EPERM:
            return Conflict(f"cannot write `{path}`: permission denied")
        case errno.ENAMETOOLONG | errno.EILSEQ:
            return UnsafeName(f"`{path}`: this file system cannot hold such a name")
        case errno.ELOOP | errno.ENOTDIR | errno.EISDIR:
            return UnsafePath(f"`{path}` changed while it was being restored; nothing was followed")
        case errno.EEXIST | errno.ENOTEMPTY:
            return FileAlreadyExistsError(f"`{path}` already exists; refusing to replace it")
    return Conflict(f"cannot write `{path}`: {error.strerror or error}")
