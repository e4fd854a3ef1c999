"""Whether something on disk holds what a tree says, by its bytes."""

from __future__ import annotations

import os
import stat

from git_datmo.errors import InvalidPointer, NewerFormat
from git_datmo.model.pointer import MAX_SIZE, Pointer, looks_like_pointer
from git_datmo.storage.hashing import hash_only
from git_datmo.storage.treediff import Leaf
from git_datmo.storage.treeplan import EXECUTABLE, FILE, LINK, ObjectSource

_OPEN = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


def holds(
    source: ObjectSource, parent: int, name: bytes, state: os.stat_result, leaf: Leaf
) -> bool:
    """Whether `name` in the open directory `parent` is the file or link that `leaf` describes.

    Permissions are not compared. False for what cannot be read. Raises DamagedObject.
    """
    mode, oid = leaf
    try:
        if stat.S_ISLNK(state.st_mode):
            return mode == LINK and os.readlink(name, dir_fd=parent) == source.blob(oid)
        if not stat.S_ISREG(state.st_mode) or mode not in (FILE, EXECUTABLE):
            return False
        return _file_holds(source.blob(oid), parent, name, state.st_size)
    except OSError:
        return False


def _file_holds(data: bytes, parent: int, name: bytes, size: int) -> bool:
    pointer = _pointer(data)
    if size != (pointer.size if pointer is not None else len(data)):
        return False
    fd = os.open(name, _OPEN, dir_fd=parent)
    try:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            return False
        if pointer is not None:
            return hash_only(fd) == pointer
        with open(fd, "rb", closefd=False) as file:
            return file.read(len(data) + 1) == data
    finally:
        os.close(fd)


def _pointer(data: bytes) -> Pointer | None:
    if len(data) > MAX_SIZE or not looks_like_pointer(data):
        return None
    try:
        return Pointer.parse(data)
    except (InvalidPointer, NewerFormat):
        return None
