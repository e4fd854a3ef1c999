"""Content in a folder that this machine can reach: a path remote, a shared disk."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from git_datmo.errors import Conflict, ContentMissing, DatmoError, NoSpace, RemoteError
from git_datmo.model.pointer import Pointer
from git_datmo.remotes.base import Advance, Checkup, Held
from git_datmo.remotes.transfer import each
from git_datmo.storage.deposit import deposit
from git_datmo.storage.store import Store

# Asking for a file that was touched this long ago, in seconds, touches it again.
STALE = 86_400


class Directory:
    """A store folder somewhere else. Files are written whole, checked, then named."""

    removes = True

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._store = Store(folder)

    @property
    def name(self) -> str:
        """The folder."""
        return os.fspath(self.folder)

    def present(self, pointers: Sequence[Pointer]) -> set[Pointer]:
        """Those whose files are there. One that was not verified there before is read once: a
        name and a size can be those of something else."""
        return {pointer for pointer in pointers if self._has(pointer)}

    def _has(self, pointer: Pointer) -> bool:
        if not self._store.holds(pointer):
            return False
        for path in self._store.candidates(pointer):
            self._store.stamps.refresh(path, STALE)
        return True

    def put(self, source: Store, pointers: Sequence[Pointer], advance: Advance) -> None:
        """Bring content there. Raises RemoteError when the folder cannot be written."""
        try:
            deposit(source, self._store, pointers, advance)
        except NoSpace as error:
            hint = "make room there, then push again: what arrived is kept"
            raise RemoteError(f"{self.folder}: {error.message}", hint=hint) from error
        except Conflict as error:
            hint = "ask its owner for the right to write"
            raise RemoteError(error.message, hint=hint) from error

    def get(
        self, target: Store, pointers: Sequence[Pointer], advance: Advance
    ) -> dict[Pointer, DatmoError]:
        """Fetch content from there; each file is checked before it gets its name."""
        return each(lambda pointer: self._get(target, pointer, advance), pointers, workers=1)

    def _get(self, target: Store, pointer: Pointer, advance: Advance) -> None:
        # What carries its digest in its name lies beside another content of the same key.
        for path in reversed(self._store.candidates(pointer)):
            try:
                fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
            except OSError:
                continue
            try:
                if os.fstat(fd).st_size == pointer.size:
                    target.accept(fd, pointer, advance=advance)
                    return
            finally:
                os.close(fd)
        raise ContentMissing(f"{self.folder} has no content {pointer.key}")

    def listing(self) -> Iterator[Held]:
        """Every content file in the folder."""
        now = time.time()
        for path in self._store.files():
            rest, _, digest = path.name.partition("-")
            with suppress(OSError):
                state = os.lstat(path)
                key, name = path.parent.name + rest, os.fspath(path)
                yield Held(key, digest or None, state.st_size, now - state.st_mtime, name)

    def remove(self, held: Sequence[Held]) -> int:
        """Unlink files; returns the bytes freed. Raises RemoteError."""
        freed = 0
        for file in held:
            try:
                if time.time() - os.lstat(file.name).st_mtime < file.age:
                    continue  # It was put or asked for since it was listed.
                os.unlink(file.name)
            except FileNotFoundError:
                continue
            except OSError as error:
                raise RemoteError(f"cannot remove {file.name}: {error.strerror}") from error
            freed += file.size
        return freed

    def check(self) -> Checkup:
        """Whether the folder, or the one it would be made in, is there and can be written."""
        folder = self.folder
        while not folder.exists() and folder != folder.parent:
            folder = folder.parent
        if not folder.is_dir():
            return Checkup(False, False, remarks=(f"{folder} is no folder",))
        remarks = () if folder == self.folder else ("the folder is made by the first push",)
        writable = os.access(folder, os.W_OK | os.X_OK)
        return Checkup(True, writable, shutil.disk_usage(folder).free, remarks)

    def close(self) -> None:
        """Nothing is open between two calls."""
