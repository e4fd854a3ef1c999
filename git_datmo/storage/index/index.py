"""The index as its users see it: reading. Writing happens in an `Update`."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path as FilePath
from typing import TYPE_CHECKING, Any

from git_datmo.storage.index.database import Database, is_text, read_id
from git_datmo.storage.index.record import Outline, Record

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Unpack

    from git_datmo.model.fields import Path
    from git_datmo.storage.index.narrowing import Filters
    from git_datmo.storage.index.update import Update

_FIELDS = (
    "o.id, o.kind, o.created, o.visible, o.deleted, o.label, o.message, o.session, o.tree,"
    " o.environment, o.author, o.at_max, docs.doc"
)
_RECORDS = f"SELECT {_FIELDS} FROM objects o JOIN docs ON docs.obj = o.obj"
OUT, IN = "out", "in"
_BATCH = 500
_PAGE = 5000


class Index:
    """An open index file; a context manager that closes it.

    Reading sees what other processes have committed. Any method may raise RepositoryBusy (a
    writer did not let go within ten seconds) or DamagedIndex (open it again: it is empty now).
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    @classmethod
    def open(cls, path: FilePath, *, readonly: bool = False) -> Index:
        """Open the index, making it first when there is none that this version can read.

        Where nothing can be written, and with `readonly`, changes are kept in memory only.
        """
        return cls(Database(path, readonly=readonly))

    @classmethod
    def in_memory(cls) -> Index:
        """An empty index that is no file."""
        return cls(Database(FilePath(os.devnull), readonly=True))

    @property
    def lasting(self) -> bool:
        """Whether an update will still be there for the next process."""
        return self._database.lasting

    def keep_in_memory(self) -> None:
        """Keep all further changes in memory: the disk takes no more."""
        self._database.keep_in_memory()

    def close(self) -> None:
        """Let go of the file."""
        self._database.close()

    def __enter__(self) -> Index:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @contextmanager
    def update(self) -> Iterator[Update]:
        """One transaction: all of it is seen by others at its end, or nothing.

        No other process writes meanwhile, so what is read inside it stays true: compare tips
        here, not before.
        """
        from git_datmo.storage.index.update import Update  # brings orjson: 10 ms

        self._database.begin()
        try:
            yield Update(self._database)
            self._database.rows("COMMIT")
        finally:
            self._database.rollback()

    def tips(self) -> dict[str, str]:
        """The commit up to which each source, a notes ref, was read."""
        found = self._rows("SELECT name, tip FROM sources WHERE tip IS NOT NULL")
        return {str(name): str(tip) for name, tip in found}

    def meta(self, key: str) -> str | None:
        """What was stored with `Update.set_meta`."""
        found = self._rows("SELECT value FROM meta WHERE key = ?", (key,))
        return str(found[0][0]) if found else None

    def note_blobs(self, object_id: str) -> list[str]:
        """The different blobs that all sources together hold as the object's note, sorted."""
        sql = "SELECT DISTINCT blob FROM notes WHERE object = ? ORDER BY blob"
        return [blob.hex() for (blob,) in self._rows(sql, (_wanted(object_id),))]

    def has_note(self, source: str, object_id: str) -> bool:
        """Whether one source has a note on the object."""
        sql = """SELECT 1 FROM notes JOIN sources USING (source) WHERE name = ? AND object = ?"""
        return bool(self._rows(sql, (source, _wanted(object_id))))

    def notes_on(self, object_id: str) -> dict[str, str]:
        """The blob that each source holds as the object's note, by source."""
        sql = "SELECT name, blob FROM notes JOIN sources USING (source) WHERE object = ?"
        return {name: blob.hex() for name, blob in self._rows(sql, (_wanted(object_id),))}

    def noted(self) -> Iterator[str]:
        """Every object that any source has a note on."""
        for (target,) in self._rows("SELECT DISTINCT object FROM notes"):
            yield target.hex()

    def unread(self) -> Iterator[str]:
        """What is noted and has no record: it is missing, damaged, or of a kind that is not known
        here."""
        sql = """SELECT DISTINCT n.object FROM notes n
            LEFT JOIN objects o ON o.id = n.object WHERE o.obj IS NULL"""
        for (target,) in self._rows(sql):
            yield target.hex()

    def outlines(self) -> Iterator[Outline]:
        """Every record without its document, deleted ones too, in flat memory."""
        last = -1
        names = ", ".join(Outline._fields)
        sql = f"SELECT {names}, obj FROM objects WHERE obj > ? ORDER BY obj LIMIT {_PAGE}"
        while found := self._rows(sql, (last,)):
            yield from (Outline.from_row(row) for row in found)
            last = found[-1][-1]

    def get(self, object_id: str) -> Record | None:
        """The record of an object by its full id."""
        found = self._rows(f"{_RECORDS} WHERE o.id = ?", (_wanted(object_id),))
        return Record.from_row(found[0]) if found else None

    def find_prefix(self, prefix: str, kind: str | None = None) -> list[str]:
        """The ids that start with these hex digits, sorted; none for what is not hex."""
        if not prefix or not set(prefix) <= set("0123456789abcdefABCDEF"):
            return []
        pad = len(prefix) % 2
        low = bytes.fromhex(prefix + "0" * pad)
        after = int(prefix, 16) + 1
        sql, values = "SELECT id FROM objects WHERE id >= ?", [low]
        if after < 16 ** len(prefix):
            sql += " AND id < ?"
            values.append(bytes.fromhex(f"{after:0{len(prefix)}x}" + "0" * pad))
        return self._ids(sql, values, kind, "id")

    def find_text(self, path: Path, prefix: str, kind: str) -> list[str]:
        """The ids of what has a text at `path` of its document that starts with `prefix`, ASCII
        letters and digits; newest first."""
        from git_datmo.storage.index.paths import path_id

        number = path_id(self._database, path)
        if number is None or not prefix.isascii() or not prefix.isalnum():
            return []
        sql = """SELECT o.id FROM facts f CROSS JOIN objects o ON o.obj = f.obj
            WHERE f.path = ? AND f.value >= ? AND f.value < ? AND o.kind = ?
            ORDER BY o.created DESC, o.at_max DESC, o.id"""
        after = prefix[:-1] + chr(ord(prefix[-1]) + 1)
        return [row[0].hex() for row in self._rows(sql, (number, prefix, after, kind))]

    def edges(self, object_id: str) -> list[tuple[str, str, str]]:
        """What an object says of others, and they of it: (the other's id, role, direction).

        The direction is OUT for what it says itself, IN for what others say. Sorted.
        """
        sql = """SELECT target, role, 'out' FROM edges WHERE source = ?1
            UNION ALL SELECT source, role, 'in' FROM edges WHERE target = ?1"""
        found = self._rows(sql, (_wanted(object_id),))
        return sorted((other.hex(), role, direction) for other, role, direction in found)

    def find_label(self, label: str, kind: str | None = None) -> list[str]:
        """The ids of what carries the label and is not deleted, newest first."""
        if not is_text(label):
            return []
        sql = "SELECT id FROM objects WHERE label = ? AND deleted = 0"
        return self._ids(sql, [label], kind, "created DESC, at_max DESC, id")

    def select(
        self,
        kind: str,
        *,
        sort: Sequence[tuple[Path, bool]] | None = None,
        limit: int | None = None,
        offset: int = 0,
        **filters: Unpack[Filters],
    ) -> Iterator[Record]:
        """The records that pass every filter; newest first unless `sort` says otherwise.

        `sort` is what `parse_sort` gives; what has no value at a sort key comes last in both
        directions, NaN just before it. `offset` passes over so many. Changes made while iterating
        may or may not be seen.
        """
        from git_datmo.storage.index import narrowing, select

        if narrowing.impossible(filters):
            return
        asked = select.Selection(kind, **filters, sort=tuple(sort or ()))
        for found in select.rows(self._database, asked, limit, max(0, offset)):
            for start in range(0, len(found), _BATCH):
                yield from self._records(found[start : start + _BATCH])

    def count(self, kind: str, **filters: Unpack[Filters]) -> int:
        """How many records `select` would give without a limit."""
        from git_datmo.storage.index import narrowing, select, totals

        if narrowing.impossible(filters):
            return 0
        asked = select.Selection(kind, **filters)
        return totals.remembered(self._database, asked, lambda: select.total(self._database, asked))

    def tally(self, kind: str, path: Path, limit: int = -1) -> list[tuple[str, int]]:
        """The texts at a path of what is not deleted, sorted, with how many have each; at most
        `limit` of them."""
        from git_datmo.storage.index import narrowing, totals

        found = totals.remembered(
            self._database,
            ("tally", kind, path, limit),
            lambda: tuple(narrowing.tally(self._database, kind, path, limit)),
        )
        return list(found)

    def variety(self, kind: str, path: Path) -> int:
        """How many different texts what is not deleted has at a path of its document."""
        from git_datmo.storage.index import narrowing, totals

        return totals.remembered(
            self._database,
            ("variety", kind, path),
            lambda: narrowing.variety(self._database, kind, path),
        )

    def latest(self, kind: str, visible: bool | None = True) -> Record | None:
        """The newest that is not deleted: visible, hidden, or either with None."""
        sql = f"{_RECORDS} WHERE o.kind = ? AND o.deleted = 0"
        if visible is not None:
            sql += f" AND o.visible = {int(visible)}"
        found = self._rows(f"{sql} ORDER BY o.created DESC, o.at_max DESC, o.id LIMIT 1", (kind,))
        return Record.from_row(found[0]) if found else None

    def _records(self, numbers: list[int]) -> Iterator[Record]:
        # Numbers first, records after: sorting need not carry the documents.
        marks = ", ".join("?" * len(numbers))
        sql = f"SELECT o.obj, {_FIELDS} FROM objects o JOIN docs ON docs.obj = o.obj"
        found = {row[0]: row[1:] for row in self._rows(f"{sql} WHERE o.obj IN ({marks})", numbers)}
        for number in numbers:
            if number in found:
                yield Record.from_row(found[number])

    def _ids(self, sql: str, values: list[Any], kind: str | None, order: str) -> list[str]:
        if kind is not None:
            sql += " AND +kind = ?"  # the plus: never by the index of kinds
            values.append(kind)
        return [found.hex() for (found,) in self._rows(f"{sql} ORDER BY {order}", values)]

    def _rows(self, sql: str, values: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        return self._database.rows(sql, values)


def _wanted(object_id: str) -> bytes:
    """The id's bytes; bytes that no object has when it is no id."""
    try:
        return read_id(object_id)
    except ValueError:
        return b""
