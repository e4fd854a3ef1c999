"""Loose git objects, read and written without libgit2.

It never comes back from one that is cut short, and loading it costs more than writing a dozen.
"""

from __future__ import annotations

import errno
import os
import zlib
from contextlib import suppress
from pathlib import Path

from git_datmo.errors import Conflict, DamagedObject
from git_datmo.storage.gitformat import object_id

ATTEMPTS = 10  # to put an object beside a `git gc --prune=now` that never rests


def there(common_dir: Path, oid: str) -> bool:
    """Whether a file lies where the loose object would. Raises DamagedObject for an empty one."""
    try:
        size = os.stat(_path(common_dir, oid)).st_size
    except OSError:
        return False
    if size == 0:
        raise DamagedObject(f"the git object {oid} is damaged: its file is empty")
    return True


def _path(common_dir: Path, oid: str) -> str:
    # Paths as objects would cost more than all the rest.
    return f"{common_dir}/objects/{oid[:2]}/{oid[2:]}"


def read(common_dir: Path, oid: str) -> tuple[str, bytes] | None:
    """The kind and bytes of an object that lies loose in a repository; None for any other.

    Raises DamagedObject for one that is not whole, or not what its id says, and Conflict where
    no more files can be open: that says nothing of the object.
    """
    try:
        fd = os.open(_path(common_dir, oid), os.O_RDONLY | os.O_CLOEXEC)
        with open(fd, "rb", buffering=0) as file:
            packed = file.read()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        said = f"the git object {oid} cannot be read: {error.strerror}"
        busy = error.errno in (errno.EMFILE, errno.ENFILE)
        raise (Conflict(said) if busy else DamagedObject(said)) from error
    stream = zlib.decompressobj()
    try:
        head, _, data = stream.decompress(packed).partition(b"\0")
    except zlib.error as error:
        raise DamagedObject(f"the git object {oid} is damaged: {error}") from error
    kind = head.partition(b" ")[0].decode("ascii", "replace")
    if not stream.eof:
        raise DamagedObject(f"the git object {oid} is damaged: it is cut short")
    if object_id(kind, data) != oid:
        raise DamagedObject(f"the git object {oid} is damaged: it does not hold what its id says")
    return kind, data


def header(common_dir: Path, oid: str) -> tuple[str, int] | None:
    """The kind and size in bytes that a loose object claims; None for one that is not there or
    cannot be read."""
    try:
        with open(_path(common_dir, oid), "rb", buffering=0) as file:
            head, end, _ = zlib.decompressobj().decompress(file.read(128), 64).partition(b"\0")
    except (OSError, zlib.error):
        return None
    kind, _, size = head.partition(b" ")
    return (kind.decode("ascii", "replace"), int(size)) if end and size.isdigit() else None


def write(common_dir: Path, kind: str, data: bytes) -> str:
    """Put an object where git keeps loose ones and return its id; the caller flushes.

    One that is there already is made young again, so that git's housekeeping spares it. Raises
    OSError.
    """
    oid = object_id(kind, data)
    path = _path(common_dir, oid)
    try:
        os.utime(path)
        return oid
    except OSError:
        pass  # Not there, or somebody else's: ours takes its place.
    packed = zlib.compress(b"%s %d\0" % (kind.encode(), len(data)) + data, 1)
    for attempts_left in reversed(range(ATTEMPTS)):
        try:
            _put(path, packed)
            break
        except FileNotFoundError:
            # `git prune` takes away what is still being written, and folders that are empty.
            if not attempts_left:
                raise
            with suppress(FileExistsError):
                os.mkdir(os.path.dirname(path))
    return oid


def _put(path: str, packed: bytes) -> None:
    temporary = f"{os.path.dirname(path)}/tmp_obj_{os.urandom(6).hex()}"
    fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o444)
    try:
        with open(fd, "wb") as file:
            file.write(packed)
        os.rename(temporary, path)
    except BaseException:
        with suppress(FileNotFoundError):
            os.unlink(temporary)
        raise
