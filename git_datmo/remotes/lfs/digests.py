"""The SHA-256 of content that was read here: computed once, remembered by pointer.

A small SQLite file, disposable: without it content is read again before it is sent.
"""

from __future__ import annotations

import hashlib
import os
import sqlite3
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

from git_datmo.model.pointer import Pointer
from git_datmo.storage.store import Store

_TABLE = """CREATE TABLE IF NOT EXISTS digest (
    key TEXT, blake3 TEXT, size INTEGER, sha256 TEXT,
    PRIMARY KEY (key, blake3, size)) WITHOUT ROWID"""


class Digests:
    """What was computed from verified content, so it may be believed."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @cached_property
    def _db(self) -> sqlite3.Connection:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            return self._connect(os.fspath(self._path))
        except sqlite3.DatabaseError:
            self._path.unlink(missing_ok=True)
        except OSError:
            return self._connect(":memory:")
        try:
            return self._connect(os.fspath(self._path))
        except sqlite3.Error:
            return self._connect(":memory:")

    def _connect(self, path: str) -> sqlite3.Connection:
        db = sqlite3.connect(path, timeout=10, isolation_level=None)
        db.execute("PRAGMA synchronous=OFF")
        db.execute(_TABLE)
        return db

    def recall(self, pointer: Pointer) -> str | None:
        """The SHA-256 of this content, if it was computed here."""
        query = "SELECT sha256 FROM digest WHERE key = ? AND blake3 = ? AND size = ?"
        row = (pointer.key, pointer.blake3, pointer.size)
        try:
            found = self._db.execute(query, row).fetchone()
        except sqlite3.Error:
            return None
        return str(found[0]) if found is not None else None

    def compute(self, source: Store, pointers: Sequence[Pointer]) -> dict[Pointer, str]:
        """The SHA-256 of each, read from `source` where it is not known.

        Raises ContentMissing or DamagedContent when `source` cannot give one.
        """
        found: dict[Pointer, str] = {}
        for pointer in pointers:
            known = self.recall(pointer)
            if known is None:
                with open(source.open(pointer), "rb", buffering=0) as file:
                    known = hashlib.file_digest(file, "sha256").hexdigest()
                self._remember(pointer, known)
            found[pointer] = known
        return found

    def _remember(self, pointer: Pointer, sha256: str) -> None:
        row = (pointer.key, pointer.blake3, pointer.size, sha256)
        try:
            self._db.execute("INSERT OR REPLACE INTO digest VALUES (?, ?, ?, ?)", row)
        except sqlite3.Error:
            return

    def close(self) -> None:
        """Close the file."""
        if "_db" in self.__dict__:
            self.__dict__.pop("_db").close()
