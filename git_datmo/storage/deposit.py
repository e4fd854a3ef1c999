"""Bringing many verified files into another store with two flushes for all of them.

Each file is copied under a temporary name, then the disk is flushed, then all get their names,
then those are flushed: a name never stands for bytes that a power cut could take.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from git_datmo.errors import DamagedContent
from git_datmo.model.pointer import Pointer
from git_datmo.storage.checkedcopy import copy_trusted
from git_datmo.storage.durability import disk_errors, sync_file_system
from git_datmo.storage.store import Store

# A file of this many bytes is flushed by itself, while it is copied.
LARGE = 8 * 1024 * 1024
# So many bytes, or files, wait for one flush: what a cut can cost.
BATCH_BYTES = 256 * 1024 * 1024
BATCH_FILES = 4096
FEW = 4


def deposit(
    source: Store, target: Store, pointers: Sequence[Pointer], advance: Callable[[int], None]
) -> None:
    """Copy content from one store into another, durably.

    What was named before an error stays. Raises ContentMissing or DamagedContent of `source`,
    NoSpace, ReadOnlyRepository, Conflict.
    """
    small = [pointer for pointer in pointers if pointer.size < LARGE]
    large = [pointer for pointer in pointers if pointer.size >= LARGE]
    if len(small) <= FEW:
        small, large = [], list(pointers)
    for pointer in large:
        fd = source.open(pointer)
        try:
            target.accept(fd, pointer, trusted=True, advance=advance)
        finally:
            os.close(fd)
    batch: list[Pointer] = []
    size = 0
    for pointer in small:
        batch.append(pointer)
        size += pointer.size
        if size >= BATCH_BYTES or len(batch) >= BATCH_FILES:
            _batch(source, target, batch, advance)
            batch, size = [], 0
    if batch:
        _batch(source, target, batch, advance)


def _batch(
    source: Store, target: Store, pointers: Sequence[Pointer], advance: Callable[[int], None]
) -> None:
    copied: list[tuple[str, Pointer]] = []
    target.mark.require()
    try:
        with disk_errors(target.folder):
            target.folder.mkdir(parents=True, exist_ok=True)
        for pointer in pointers:
            copied.append((_copy(source, target, pointer), pointer))
            advance(pointer.size)
        with disk_errors(target.folder):
            sync_file_system(target.folder)
        named: list[tuple[Path, Pointer]] = []
        while copied:
            temporary, pointer = copied[-1]
            named.append((target.adopt(Path(temporary), pointer), pointer))
            copied.pop()
        with disk_errors(target.folder):
            sync_file_system(target.folder)
        for path, pointer in named:
            target.stamps.record(path, pointer)
    finally:
        for temporary, _ in copied:
            with contextlib.suppress(OSError):
                os.unlink(temporary)


def _copy(source: Store, target: Store, pointer: Pointer) -> str:
    fd = source.open(pointer)
    try:
        with disk_errors(target.folder):
            to, temporary = tempfile.mkstemp(prefix="tmp-", dir=target.folder)
        try:
            with open(to, "wb", buffering=0), disk_errors(target.folder):
                copied = copy_trusted(fd, to, pointer.size)
                os.fchmod(to, 0o444)
            if copied != pointer.size:
                raise DamagedContent(
                    f"the store file of {pointer.key} shrank from {pointer.size} to {copied} bytes "
                    "while it was copied",
                    hint="'git datmo fsck' says what it is now",
                )
        except BaseException:
            os.unlink(temporary)
            raise
        return temporary
    finally:
        os.close(fd)
