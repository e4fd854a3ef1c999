"""Whether an index file can be used, asked without writing to it."""

from __future__ import annotations

import os
import sqlite3
import stat
from contextlib import closing
from pathlib import Path

from git_datmo.storage.index.schema import NAMES, VERSION

# Another process writes, or a journal is to be rolled back by whoever writes next.
_UNDER_WAY = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_READONLY)


def fault(path: Path, *, thorough: bool) -> str | None:
    """What is wrong with the index file; None for one that is sound or not there.

    `thorough` reads every page of it.
    """
    wrong = unusable(path, thorough=thorough)
    if wrong is not None or not path.exists():
        return wrong
    try:
        with _reading(path) as connection:
            version = connection.execute("PRAGMA user_version").fetchone()[0]
            if version != VERSION:
                return f"it is of version {version}, not {VERSION}"
            for name in NAMES:
                connection.execute(f"SELECT * FROM {name} LIMIT 1").fetchall()
    except sqlite3.Error as error:
        return None if _is_under_way(error) else str(error)
    return None


def unusable(path: Path, *, thorough: bool) -> str | None:
    """What is wrong with any file that SQLite is to read; None for one that is not there."""
    try:
        mode = os.lstat(path).st_mode
    except FileNotFoundError:
        return None
    except OSError as error:
        return str(error.strerror)
    if not stat.S_ISREG(mode):
        return "it is no file"
    try:
        with _reading(path) as connection:
            connection.execute("SELECT count(*) FROM sqlite_master").fetchall()
            if thorough:
                said = connection.execute("PRAGMA integrity_check(1)").fetchone()[0]
                return None if said == "ok" else str(said)
    except sqlite3.Error as error:
        return None if _is_under_way(error) else str(error)
    return None


def _reading(path: Path) -> closing[sqlite3.Connection]:
    name = os.fspath(path.absolute())
    for special in "%?#":
        name = name.replace(special, f"%{ord(special):02x}")
    return closing(sqlite3.connect(f"file:{name}?mode=ro", uri=True, timeout=10))


def _is_under_way(error: sqlite3.Error) -> bool:
    return getattr(error, "sqlite_errorcode", 0) & 0xFF in _UNDER_WAY
