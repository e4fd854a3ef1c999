"""What the entries of a plan hold: every object read and every pointer answered for, up front."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable
from typing import Protocol

from git_datmo.errors import (
    ContentMissing,
    DamagedContent,
    DamagedObject,
    InvalidPointer,
    NewerFormat,
    UnsafeName,
)
from git_datmo.model.pointer import MAX_SIZE, Pointer, looks_like_pointer
from git_datmo.model.quantity import counted
from git_datmo.storage.dirfd import shown
from git_datmo.storage.treeplan import FOLDERS, LINK, Entry, ObjectSource

_HELD = 32 << 20  # bytes of blobs kept from the check to the writing; the rest is read twice
_NAMED = 20  # paths that an error lists
_MAX_TARGET = 4095  # bytes of a link's target


class ContentSource(Protocol):
    """Where the content of pointers is found."""

    def open(self, pointer: Pointer) -> int:
        """A read-only descriptor of verified content, for the caller to close.

        Raises ContentMissing or DamagedContent.
        """


class Payload:
    """The bytes of blobs, and which of them are pointers.

    Raises DamagedObject for a blob that cannot be read, InvalidPointer or NewerFormat for what
    only resembles a pointer, UnsafeName for a link that cannot be made, DamagedContent, and one
    ContentMissing that lists every path whose content is not here.
    """

    def __init__(self, source: ObjectSource, content: ContentSource, entries: Iterable[Entry]):
        self._source = source
        self._content = content
        self._held: dict[str, bytes] = {}
        self._room = _HELD
        self._pointers: dict[str, Pointer] = {}
        self._sizes: dict[str, int] = {}
        paths: dict[Pointer, list[bytes]] = {}
        entries = list(entries)
        source.bring(entry.oid for entry in entries if entry.mode not in FOLDERS)
        for entry in entries:
            if entry.mode == LINK:
                self._check_target(entry)
            elif entry.mode not in FOLDERS and (pointer := self._first_look(entry)) is not None:
                paths.setdefault(pointer, []).append(entry.path)
        self._ask(paths)

    def blob(self, entry: Entry) -> bytes:
        """The bytes of an entry's blob."""
        data = self._held.get(entry.oid)
        if data is not None:
            return data
        try:
            data = self._source.blob(entry.oid)
        except DamagedObject as error:
            raise DamagedObject(f"`{shown(entry.path)}`: {error.message}") from error
        if len(data) <= self._room:
            self._room -= len(data)
            self._held[entry.oid] = data
        return data

    def pointer(self, entry: Entry) -> Pointer | None:
        """The pointer that a file's blob is; None when the blob is the file."""
        return self._pointers.get(entry.oid)

    def size(self, entry: Entry) -> int:
        """How many bytes the file will have."""
        return self._sizes[entry.oid]

    def open(self, pointer: Pointer, path: bytes) -> int:
        """The content itself, of the size that was promised."""
        try:
            fd = self._content.open(pointer)
        except DamagedContent as error:
            raise DamagedContent(f"`{shown(path)}`: {error.message}") from error
        try:
            found = os.fstat(fd)
            if not stat.S_ISREG(found.st_mode) or found.st_size != pointer.size:
                raise DamagedContent(
                    f"`{shown(path)}`: its content has {found.st_size} bytes, not {pointer.size}"
                )
        except BaseException:
            os.close(fd)
            raise
        return fd

    def _first_look(self, entry: Entry) -> Pointer | None:
        if entry.oid in self._sizes:
            return self._pointers.get(entry.oid)
        data = self.blob(entry)
        self._sizes[entry.oid] = len(data)
        if len(data) > MAX_SIZE or not looks_like_pointer(data):
            return None
        try:
            pointer = Pointer.parse(data)
        except (InvalidPointer, NewerFormat) as error:
            raise type(error)(f"`{shown(entry.path)}`: {error.message}") from error
        self._pointers[entry.oid] = pointer
        self._sizes[entry.oid] = pointer.size
        return pointer

    def _check_target(self, entry: Entry) -> None:
        target = self.blob(entry)
        if not target or b"\0" in target or len(target) > _MAX_TARGET:
            raise UnsafeName(f"`{shown(entry.path)}` is a link to what cannot be a path")

    def _ask(self, paths: dict[Pointer, list[bytes]]) -> None:
        missing: list[tuple[bytes, Pointer]] = []
        for pointer, holders in paths.items():
            try:
                os.close(self.open(pointer, holders[0]))
            except ContentMissing:
                missing += [(path, pointer) for path in holders]
        if not missing:
            return
        named = [f"`{shown(path)}` ({pointer.size} bytes)" for path, pointer in missing[:_NAMED]]
        if len(missing) > _NAMED:
            named.append(f"{len(missing) - _NAMED} more")
        files = counted(len(missing), "file")
        error = ContentMissing(f"the content of {files} is not here: {', '.join(named)}")
        error.missing = tuple((path, p.key, p.blake3, p.size) for path, p in missing)
        raise error
