"""Whether a store is the one that this clone has always had.

`<store>/store-id` holds a random id, `<store>-id` beside the folder remembers it. A disk that is
not mounted leaves an empty folder, or another disk's: nothing is ever put there.
"""

from __future__ import annotations

import os
import re
from contextlib import suppress
from pathlib import Path
from typing import Literal

from git_datmo.errors import Conflict
from git_datmo.storage.durability import disk_errors, sync_file, sync_folder, write_file

NAME = "store-id"
_ID = re.compile(rb"[0-9a-f]{32}")

State = Literal["unmarked", "sound", "missing", "other"]


class StoreId:
    """The mark of one store folder. `marks` says that this user of it makes one where there is
    none; others only look."""

    def __init__(self, folder: Path, *, marks: bool) -> None:
        self.folder = folder
        self.remembered = folder.parent / NAME
        self._marks = marks

    def state(self) -> State:
        """unmarked: nobody said yet which store it is · sound: it is that one · missing: there is
        no folder · other: it is another one, or an empty folder in its place."""
        known = _read(self.remembered)
        if known is None:
            return "unmarked"
        if _read(self.folder / NAME) == known:
            return "sound"
        return "other" if self.folder.is_dir() else "missing"

    def check(self) -> State:
        """Its state. Raises Conflict unless it is the store it always was, or is new."""
        state = self.state()
        if state == "missing":
            raise Conflict(
                f"the store {self.folder} is missing",
                hint="if it lies on another disk, mount that; else run 'git datmo doctor'",
            )
        if state == "other":
            raise Conflict(
                f"{self.folder} is not the store of this clone: is a disk not mounted?",
                hint="run 'git datmo doctor'",
            )
        return state

    def require(self) -> None:
        """`check` before something is put there; a new one is marked."""
        if self.check() == "unmarked" and self._marks:
            self.make()

    def make(self) -> None:
        """Mark the store, and remember its mark; one that has a mark keeps it."""
        with disk_errors(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
            known = _read(self.folder / NAME) or self._mark()
            write_file(self.remembered, known + b"\n")

    def _mark(self) -> bytes:
        fresh = _read(self.remembered) or os.urandom(16).hex().encode()
        temporary = self.folder / f"tmp-{os.urandom(8).hex()}"
        fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o444)
        try:
            with open(fd, "wb") as file:
                file.write(fresh + b"\n")
                file.flush()
                sync_file(fd)
            # Another process may be faster: its mark is the store's then.
            with suppress(FileExistsError):
                os.link(temporary, self.folder / NAME)
            sync_folder(self.folder)
        finally:
            temporary.unlink()
        return _read(self.folder / NAME) or fresh


def _read(path: Path) -> bytes | None:
    try:
        with path.open("rb") as file:
            text = file.read(64).strip()
    except OSError:
        return None
    return text if _ID.fullmatch(text) else None
