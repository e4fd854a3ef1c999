"""Which store files were verified, and how they looked then.

A small SQLite file beside the store, disposable: without it every file is read again before
it is trusted.
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterable
from contextlib import suppress
from functools import cached_property
from pathlib import Path

from git_datmo.model.pointer import Pointer

_TABLE = """CREATE TABLE IF NOT EXISTS stamp (
    name TEXT PRIMARY KEY, key TEXT, blake3 TEXT, size INTEGER, look TEXT) WITHOUT ROWID"""


class Stamps:
    """Remembers verified store files by name, size, times and inode."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @cached_property
    def _db(self) -> sqlite3.Connection:
        try:
            return self._connect(os.fspath(self._path))
        except sqlite3.DatabaseError:
            self._path.unlink(missing_ok=True)
        try:
            return self._connect(os.fspath(self._path))
        except sqlite3.Error:
            return self._connect(":memory:")

    def _connect(self, path: str) -> sqlite3.Connection:
        # SQLite itself takes turns among threads; nothing here needs two statements in a row.
        db = sqlite3.connect(path, timeout=10, isolation_level=None, check_same_thread=False)
        db.execute("PRAGMA synchronous=OFF")
        db.execute(_TABLE)
        return db

    def record(self, path: Path, pointer: Pointer) -> None:
        """Remember that `path`, as it looks now, holds `pointer`."""
        look = _look(path)
        if look is None:
            return
        row = (_name(path), pointer.key, pointer.blake3, pointer.size, look)
        try:
            self._db.execute("INSERT OR REPLACE INTO stamp VALUES (?, ?, ?, ?, ?)", row)
        except sqlite3.Error:
            return

    def recall(self, path: Path) -> Pointer | None:
        """What `path` holds, if it looks as it did when it was verified."""
        query = "SELECT key, blake3, size, look FROM stamp WHERE name = ?"
        try:
            row = self._db.execute(query, (_name(path),)).fetchone()
        except sqlite3.Error:
            return None
        if row is None or row[3] != _look(path):
            return None
        return Pointer(row[0], row[1], row[2])

    def refresh(self, path: Path, older: float) -> None:
        """Touch a file that was touched `older` seconds ago or before; it stays verified."""
        with suppress(OSError):
            if time.time() - os.lstat(path).st_mtime > older:
                known = self.recall(path)
                os.utime(path, follow_symlinks=False)
                if known is not None:
                    self.record(path, known)

    def forget(self, paths: Iterable[Path]) -> None:
        """Let go of what is remembered of files that are gone."""
        with suppress(sqlite3.Error):
            self._db.execute("BEGIN IMMEDIATE")
            rows = [(_name(path),) for path in paths]
            self._db.executemany("DELETE FROM stamp WHERE name = ?", rows)
            self._db.execute("COMMIT")


def _name(path: Path) -> str:
    return f"{path.parent.name}/{path.name}"


def _look(path: Path) -> str | None:
    try:
        state = os.lstat(path)
    except OSError:
        return None
    return f"{state.st_size} {state.st_mtime_ns} {state.st_ctime_ns} {state.st_ino}"
