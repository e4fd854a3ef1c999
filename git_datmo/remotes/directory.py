"""Content in a folder that this machine can reach: a path remote, a shared disk."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from git_datmo.errors import ContentMissing, ReadOnlyRepository, RemoteError
from git_datmo.model.pointer import Pointer
from git_datmo.storage.store import Store


class Directory:
    """A store folder somewhere else. Files are written whole, checked, then named."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._store = Store(folder)

    def __str__(self) -> str:
        return os.fspath(self.folder)

    def has(self, pointer: Pointer) -> bool:
        """Whether content of this name and size is there."""
        return self._store.has(pointer)

    def put(
        self, source: Store, pointer: Pointer, advance: Callable[[int], None] | None = None
    ) -> None:
        """Bring content there. Raises RemoteError when the folder cannot be written."""
        fd = source.open(pointer)
        try:
            self._store.accept(fd, pointer, trusted=True, advance=advance)
        except PermissionError as error:
            raise RemoteError(f"cannot write {self.folder}: {error.strerror}") from error
        except ReadOnlyRepository as error:
            raise RemoteError(error.message, hint="ask its owner for the right to write") from error
        finally:
            os.close(fd)

    def get(
        self, target: Store, pointer: Pointer, advance: Callable[[int], None] | None = None
    ) -> None:
        """Fetch content from there; it is checked before it gets its name.

        Raises ContentMissing, DamagedContent.
        """
        for path in self._store.candidates(pointer):
            try:
                fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
            except OSError:
                continue
            try:
                if os.fstat(fd).st_size == pointer.size:
                    target.accept(fd, pointer, advance=advance)
                    return
            finally:
                os.close(fd)
        raise ContentMissing(f"{self.folder} has no content {pointer.key}")
