"""One connection to the index file: opening it, replacing a damaged one, and its errors.

A rollback journal, not WAL: WAL needs memory shared by all processes, which a home directory
on a cluster's network file system does not give. A process killed in the middle leaves a
journal that the next one rolls back.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from git_datmo.errors import (
    DamagedIndex,
    DatmoError,
    NoSpace,
    ReadOnlyRepository,
    RepositoryBusy,
)
from git_datmo.storage.index.schema import TABLES, VERSION

if TYPE_CHECKING:
    from pathlib import Path

WAIT_SECONDS = 10.0

Parameters = Sequence[object] | Mapping[str, object]

_DAMAGE = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
_BUSY = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_PROTOCOL)
# The bytes SQLite itself locks (https://www.sqlite.org/src/file/src/os.h, PENDING_BYTE).
_LOCK_START, _LOCK_LENGTH = 0x40000000, 512


class Database:
    """A connection; `lasting` is False when what is written lives in memory only.

    Every method raises RepositoryBusy, NoSpace, ReadOnlyRepository, or DamagedIndex after
    which the file is gone and a new opening finds an empty index.
    """

    def __init__(self, path: Path, *, readonly: bool) -> None:
        self.path = path
        self.readonly = readonly or not _writable(path)
        self.lasting = not self.readonly
        if not self.readonly:
            try:
                self.connection = self._open_to_write()
                return
            except ReadOnlyRepository:
                self.readonly, self.lasting = True, False
        self.connection = self._open_to_read()

    def rows(self, sql: str, parameters: Parameters = ()) -> list[tuple[Any, ...]]:
        """Run one statement, return all its rows."""
        try:
            return self.connection.execute(sql, parameters).fetchall()
        except sqlite3.DatabaseError as error:
            raise self._meaning(error) from error

    def insert(self, sql: str, parameters: Parameters) -> int:
        """Run one INSERT, return the row's number."""
        try:
            return self.connection.execute(sql, parameters).lastrowid or 0
        except sqlite3.DatabaseError as error:
            raise self._meaning(error) from error

    def each(self, sql: str, rows: Iterable[Sequence[object]]) -> None:
        """Run one statement for each row of parameters."""
        try:
            self.connection.executemany(sql, rows)
        except sqlite3.DatabaseError as error:
            raise self._meaning(error) from error

    def begin(self) -> None:
        """Start a transaction that no other writer can be in.

        A read-only index is first copied into memory, and changes there.
        """
        if self.readonly:
            self.keep_in_memory()
        elif self.lasting and self._replaced():
            self.connection.close()
            self.connection = self._open_to_write()
        self.rows("BEGIN IMMEDIATE")

    def keep_in_memory(self) -> None:
        """Go on with a copy in memory. The file stays as the last transaction left it."""
        self.rollback()
        memory = _in_memory(empty=False)
        self.connection.backup(memory)
        self.connection.close()
        self.connection, self.readonly, self.lasting = memory, False, False

    def rollback(self) -> None:
        """Undo the transaction, if one is open."""
        try:
            if self.connection.in_transaction:
                self.connection.rollback()
        except sqlite3.ProgrammingError:
            return  # closed already, because the file was damaged

    def function(self, name: str, arity: int, body: Callable[..., bool]) -> None:
        """Make a Python function known to SQL."""
        self.connection.create_function(name, arity, body, deterministic=True)

    def close(self) -> None:
        """Let go of the file. Doing so twice is fine."""
        self.connection.close()

    def _open_to_write(self) -> sqlite3.Connection:
        if not self.path.parent.exists():
            from git_datmo.storage.durability import disk_errors

            with disk_errors(self.path):
                self.path.parent.mkdir(parents=True, exist_ok=True)
        while True:
            connection = None
            try:
                connection = sqlite3.connect(self.path, timeout=WAIT_SECONDS, isolation_level=None)
                _tune(connection)
                if _prepare(connection):
                    self._inode = os.stat(self.path).st_ino
                    return connection
            except sqlite3.DatabaseError as error:
                if error.sqlite_errorcode & 0xFF not in _DAMAGE:
                    if connection is not None:
                        connection.close()
                    raise self._meaning(error) from error
            if connection is not None:
                connection.close()
            discard(self.path)

    def _open_to_read(self) -> sqlite3.Connection:
        name = os.fspath(self.path.absolute())
        for special in "%?#":
            name = name.replace(special, f"%{ord(special):02x}")
        try:
            connection = sqlite3.connect(
                f"file:{name}?mode=ro", uri=True, timeout=WAIT_SECONDS, isolation_level=None
            )
            _tune(connection)
            if connection.execute("PRAGMA user_version").fetchone()[0] == VERSION:
                return connection
            connection.close()
        except sqlite3.DatabaseError as error:
            if error.sqlite_errorcode & 0xFF in _BUSY:
                raise self._meaning(error) from error
        self.readonly = False
        return _in_memory(empty=True)

    def _replaced(self) -> bool:
        try:
            return os.stat(self.path).st_ino != self._inode
        except FileNotFoundError:
            return True

    def _meaning(self, error: sqlite3.DatabaseError) -> Exception:
        code = getattr(error, "sqlite_errorcode", 0)
        if code & 0xFF in _BUSY or code == sqlite3.SQLITE_READONLY_DBMOVED:
            return RepositoryBusy(
                f"another process is writing the index {self.path}", hint="try again"
            )
        if code & 0xFF == sqlite3.SQLITE_FULL:
            return NoSpace(
                f"no space left on the disk that holds {self.path}",
                hint="free some space and try again; nothing that was saved before is affected",
            )
        if code & 0xFF in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN):
            return ReadOnlyRepository(f"the index {self.path} cannot be written: {error}")
        if code & 0xFF == sqlite3.SQLITE_IOERR:
            return DatmoError(f"the index {self.path} cannot be read or written: {error}")
        if code & 0xFF in _DAMAGE:
            self.connection.close()
            if self.lasting:
                discard(self.path)
            return DamagedIndex(f"the index {self.path} is damaged")
        return error


def read_id(written: str) -> bytes:
    """The bytes of a hex id; raises ValueError for anything else."""
    read = bytes.fromhex(written)
    if len(read) * 2 != len(written):
        raise ValueError(f"not an id: {written!r}")
    return read


def is_text(value: str) -> bool:
    """Whether UTF-8, and so the database, can hold the text."""
    return value.isascii() or not any("\ud800" <= c <= "\udfff" for c in value)


def _writable(path: Path) -> bool:
    place = path.parent
    while not place.exists() and place != place.parent:
        place = place.parent
    return os.access(place, os.W_OK) and (not path.exists() or os.access(path, os.W_OK))


def _tune(connection: sqlite3.Connection) -> None:
    for setting in (
        "cache_size = -65536",  # KiB, taken only as needed
        "temp_store = MEMORY",
        "journal_mode = TRUNCATE",
        "synchronous = NORMAL",
    ):
        connection.execute(f"PRAGMA {setting}")


def _prepare(connection: sqlite3.Connection) -> bool:
    """Make the tables of a new file; False when the file holds something else."""
    if connection.execute("PRAGMA user_version").fetchone()[0] == VERSION:
        return True
    connection.execute("BEGIN IMMEDIATE")
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    empty = not connection.execute("SELECT 1 FROM sqlite_master").fetchone()
    if version == 0 and empty:
        for statement in TABLES:
            connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {VERSION}")
        version = VERSION
    connection.execute("COMMIT")
    return bool(version == VERSION)


def _in_memory(*, empty: bool) -> sqlite3.Connection:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    if empty:
        _prepare(connection)
    return connection


def discard(path: Path) -> None:
    """Unlink the file and its journal while nobody is in a transaction on it.

    A process that still has it open can no longer write: SQLite sees that it was moved.
    """
    deadline = time.monotonic() + WAIT_SECONDS
    try:
        file = open(path, "r+b")  # noqa: SIM115
    except FileNotFoundError:
        return
    with file:
        while True:
            try:
                fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, _LOCK_LENGTH, _LOCK_START)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise RepositoryBusy(f"the damaged index {path} is in use") from None
                time.sleep(0.01)
        try:
            if os.stat(path).st_ino == os.fstat(file.fileno()).st_ino:
                path.with_name(path.name + "-journal").unlink(missing_ok=True)
                path.unlink()
        except FileNotFoundError:
            return
