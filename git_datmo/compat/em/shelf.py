"""The local directory of an artifact: its objects at their paths, beside `metadata.yaml` and
`references.yaml`.

An object that would take the place of one of those two lies in `.em-objects/`, at its path there;
so does one that is itself called `.em-objects`. Case does not count: a disk may fold it.
"""

from __future__ import annotations

import errno
import hashlib
import os
import re
import secrets
import stat
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from git_datmo.compat.em.objects import Record
from git_datmo.errors import DatmoError, NoSpace, UnreadableFile, UnsafePath
from git_datmo.model.frozen import frozen

METADATA, REFERENCES, ASIDE = "metadata.yaml", "references.yaml", ".em-objects"
# Our two files, what is left of them when a program dies while it writes them, and the folder.
_RESERVED = re.compile(r"(?:\.?(?:metadata|references)\.yaml(?:\.[0-9a-f]{12})?|\.em-objects)")
BLOCK = 256 * 1024
# A clock of a file system may stand still that long: what changed since has the same times.
TICK_NANOSECONDS = 20_000_000
_FULL = (errno.ENOSPC, errno.EDQUOT)


@frozen
class Seen:
    """One thing below the directory. `sign` tells whether it may have changed: type, size, inode
    and times."""

    path: str
    place: Path
    status: os.stat_result

    @property
    def is_folder(self) -> bool:
        """Whether it is an empty folder (others are not listed)."""
        return stat.S_ISDIR(self.status.st_mode)

    @property
    def is_link(self) -> bool:
        """Whether it is a symbolic link."""
        return stat.S_ISLNK(self.status.st_mode)

    @property
    def sign(self) -> tuple[int, ...]:
        """What differs when it was written again."""
        facts = self.status
        return (facts.st_mode, facts.st_size, facts.st_ino, facts.st_mtime_ns, facts.st_ctime_ns)


def is_reserved(path: str) -> bool:
    """Whether an object's first part is a name that the directory needs for itself."""
    return _is_own(path.partition("/")[0].casefold())


def _is_own(name: str) -> bool:
    return _RESERVED.fullmatch(name) is not None


class Shelf:
    """The directory `root`, an absolute path. It is made with the first thing put into it."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def place(self, path: str) -> Path:
        """Where an object lies on the disk."""
        return self.root / ASIDE / path if is_reserved(path) else self.root / path

    def kind(self, path: str) -> str | None:
        """What lies at an object's place: `file` or `directory`; None: nothing."""
        try:
            mode = os.lstat(self.place(path)).st_mode
        except (FileNotFoundError, NotADirectoryError):
            return None
        return "directory" if stat.S_ISDIR(mode) else "file"

    def put(self, source: Path, path: str) -> Record:
        """Copy a file there, whole or not at all, and return its record. Links are followed.

        Raises UnreadableFile, UnsafePath (a link on the way), NoSpace.
        """
        target = self.place(path)
        temporary = f"{self.root.parent}/.{self.root.name}.{secrets.token_hex(4)}"
        try:
            self.folder(path, target.parent)
            try:
                size, checksum = _copy(source, temporary)
                os.replace(temporary, target)
            except BaseException:
                with suppress(FileNotFoundError):
                    os.unlink(temporary)
                raise
        except OSError as error:
            raise _meaning(error, source) from error
        return {"path": path, "size_bytes": size, "checksum": checksum}

    def folder(self, path: str, place: Path | None = None) -> None:
        """Make a folder, and those above it. Raises UnsafePath where a link stands."""
        place = self.place(path) if place is None else place
        top, here = os.fspath(self.root), os.fspath(place)
        while len(here) > len(top):
            if os.path.islink(here):
                raise UnsafePath(f"a symbolic link stands in the way: {here}")
            here = os.path.dirname(here)
        os.makedirs(place, exist_ok=True)

    def things(self) -> Iterator[Seen]:
        """Files, links and empty folders, by path; never through a link.

        Raises UnreadableFile for what is none of these, or cannot be listed.
        """
        found = list(self._below(self.root, ""))
        if (self.root / ASIDE).is_dir() and not (self.root / ASIDE).is_symlink():
            found += self._below(self.root / ASIDE, "")
        return iter(sorted(found, key=lambda seen: seen.path))

    def _below(self, top: Path, prefix: str) -> Iterator[Seen]:
        waiting = [(top, prefix)]
        while waiting:
            folder, before = waiting.pop()
            try:
                inside = list(os.scandir(folder))
                if top == self.root and not before:
                    inside = [thing for thing in inside if not _is_own(thing.name)]
                found = [(thing, thing.stat(follow_symlinks=False)) for thing in inside]
            except FileNotFoundError:
                continue
            except OSError as error:
                raise _meaning(error, folder) from error
            if not found and before:
                yield Seen(before[:-1], folder, folder.lstat())
            for thing, status in found:
                path = before + thing.name
                if stat.S_ISDIR(status.st_mode):
                    waiting.append((Path(thing.path), f"{path}/"))
                elif stat.S_ISREG(status.st_mode) or stat.S_ISLNK(status.st_mode):
                    yield Seen(path, Path(thing.path), status)
                else:
                    raise UnreadableFile(f"not a regular file: {thing.path}")

    def record(self, seen: Seen) -> tuple[Record | None, bool]:
        """The record of a file, and whether its `sign` can be relied on later. None for an empty
        folder, and for a link to anything but a file of the same artifact."""
        if seen.is_folder:
            return None, True
        target = seen.place
        if seen.is_link:
            target = Path(os.path.realpath(seen.place))
            if self.root.resolve() not in target.parents or not target.is_file():
                return None, False
        size, checksum = digest(target)
        old = time.time_ns() - max(seen.status.st_ctime_ns, seen.status.st_mtime_ns)
        known = {"path": seen.path, "size_bytes": size, "checksum": checksum}
        return known, old > TICK_NANOSECONDS and not seen.is_link


def digest(path: Path) -> tuple[int, str]:
    """Size in bytes and MD5 of a file. Raises UnreadableFile."""
    try:
        with _regular(path) as fd:
            return _pump(fd.number, None)
    except OSError as error:
        raise _meaning(error, path) from error


class _Descriptor:
    """An open file that closes itself."""

    def __init__(self, number: int) -> None:
        self.number = number

    def __enter__(self) -> _Descriptor:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self.number)


def _regular(path: Path) -> _Descriptor:
    # A named pipe must not be waited for.
    fd = _Descriptor(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC))
    if not stat.S_ISREG(os.fstat(fd.number).st_mode):
        os.close(fd.number)
        raise UnreadableFile(f"not a regular file: {path}")
    return fd


def _copy(source: Path, target: str) -> tuple[int, str]:
    with _regular(source) as read:
        mode = stat.S_IMODE(os.fstat(read.number).st_mode) & 0o777 | 0o400
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        with _Descriptor(os.open(target, flags, 0o600)) as write:
            found = _pump(read.number, write.number)
            os.fchmod(write.number, mode)
        return found


def _pump(read: int, write: int | None) -> tuple[int, str]:
    md5, size = hashlib.md5(usedforsecurity=False), 0
    while block := os.read(read, BLOCK):
        md5.update(block)
        size += len(block)
        view = memoryview(block)
        while write is not None and view:
            view = view[os.write(write, view) :]
    return size, md5.hexdigest()


def _meaning(error: OSError, path: Path) -> DatmoError:
    if error.errno in _FULL:
        return NoSpace(f"no space left for {path}")
    return UnreadableFile(f"cannot copy or read {error.filename or path}: {error.strerror}")
