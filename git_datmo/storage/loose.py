"""Loose git objects, read without libgit2: it never comes back from one that is cut short."""

from __future__ import annotations

import errno
import os
import zlib
from pathlib import Path

from git_datmo.errors import Conflict, DamagedObject
from git_datmo.storage.gitformat import object_id


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
