"""Writing to the index, inside the one transaction that `Index.update` opens."""

from __future__ import annotations

from collections.abc import Iterator

import orjson

from git_datmo.errors import InvalidDocument
from git_datmo.model.fields import Path, show_path
from git_datmo.storage.index.database import Database, is_text, read_id
from git_datmo.storage.index.facts import facts
from git_datmo.storage.index.record import Record
from git_datmo.storage.index.schema import NAMES

_INSERT = """INSERT INTO objects (id, kind, created, visible, deleted, label, message, session,
    tree, environment, author, at_max) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"""
_CHANGE = """UPDATE objects SET id = ?, kind = ?, created = ?, visible = ?, deleted = ?,
    label = ?, message = ?, session = ?, tree = ?, environment = ?, author = ?, at_max = ?
    WHERE obj = ?"""


class Update:
    """What can be changed in an index. Objects and blobs are named by hex ids."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._paths: dict[Path, int] = {}
        self._sources: dict[str, int] = {}

    def set_tip(self, source: str, tip: str | None) -> None:
        """Say up to which commit a source was read; None forgets it with all its notes."""
        if tip is not None:
            sql = "UPDATE sources SET tip = ? WHERE source = ?"
            self._database.rows(sql, (tip, self._source(source)))
            return
        number = self._source(source)
        del self._sources[source]
        self._database.rows("DELETE FROM notes WHERE source = ?", (number,))
        self._database.rows("DELETE FROM sources WHERE source = ?", (number,))

    def set_note(self, source: str, object_id: str, blob: str | None) -> None:
        """Say which blob a source holds as an object's note; None when it holds none."""
        number, name = self._source(source), read_id(object_id)
        if blob is None:
            sql = "DELETE FROM notes WHERE source = ? AND object = ?"
            self._database.rows(sql, (number, name))
        else:
            sql = "INSERT OR REPLACE INTO notes (source, object, blob) VALUES (?, ?, ?)"
            self._database.rows(sql, (number, name, read_id(blob)))

    def objects_of(self, source: str) -> Iterator[str]:
        """The objects that a source has notes on, by id."""
        sql = """SELECT object FROM notes JOIN sources USING (source)
            WHERE name = ? ORDER BY object"""
        for row in self._database.rows(sql, (source,)):
            yield row[0].hex()

    def put(self, record: Record) -> None:
        """Add a record, or put it in the place of the one with its id.

        Raises InvalidDocument when its document is not JSON. What UTF-8 cannot hold in a label
        or message becomes a question mark.
        """
        try:
            text = orjson.dumps(record.doc).decode()
        except orjson.JSONEncodeError as error:
            raise InvalidDocument(f"the document of {record.id} is not JSON: {error}") from None
        values = (
            read_id(record.id),
            record.kind,
            record.created,
            record.visible,
            record.deleted,
            _storable(record.label),
            _storable(record.message),
            _storable(record.session),
            None if record.tree is None else read_id(record.tree),
            None if record.environment is None else read_id(record.environment),
            _storable(record.author),
            record.at_max,
        )
        wanted = {self._path(path): value for path, value in facts(record.doc)}
        number = self._object(record.id)
        if number is None:
            number = self._database.insert(_INSERT, values)
            known: dict[int, object] = {}
        else:
            self._database.rows(_CHANGE, (*values, number))
            found = self._database.rows("SELECT path, value FROM facts WHERE obj = ?", (number,))
            known = dict(found)
        self._connect(record)
        self._database.rows("INSERT OR REPLACE INTO docs (obj, doc) VALUES (?, ?)", (number, text))
        self._database.each(
            "DELETE FROM facts WHERE obj = ? AND path = ?",
            [(number, path) for path in known if path not in wanted],
        )
        self._database.each(
            "INSERT OR REPLACE INTO facts (obj, path, value) VALUES (?, ?, ?)",
            [
                (number, path, value)
                for path, value in sorted(wanted.items())
                if path not in known or type(known[path]) is not type(value) or known[path] != value
            ],
        )

    def _connect(self, record: Record) -> None:
        """Make the edges of a record those that it states now."""
        source = read_id(record.id)
        sql = "SELECT role, target FROM edges WHERE source = ?"
        known = {(role, target) for role, target in self._database.rows(sql, (source,))}
        wanted = {(role, read_id(target)) for role, target in record.edges}
        for role, target in known - wanted:
            sql = "DELETE FROM edges WHERE source = ? AND role = ? AND target = ?"
            self._database.rows(sql, (source, role, target))
        rows = [(source, role, target) for role, target in sorted(wanted - known)]
        self._database.each("INSERT INTO edges (source, role, target) VALUES (?, ?, ?)", rows)

    def remove(self, object_id: str) -> None:
        """Forget a record; not having it is fine. What others say of it stays."""
        self._database.rows("DELETE FROM edges WHERE source = ?", (read_id(object_id),))
        number = self._object(object_id)
        if number is not None:
            for table in ("facts", "docs", "objects"):
                self._database.rows(f"DELETE FROM {table} WHERE obj = ?", (number,))

    def clear(self) -> None:
        """Forget everything: sources, notes, records and meta."""
        for table in NAMES:
            self._database.rows(f"DELETE FROM {table}")
        self._paths.clear()
        self._sources.clear()

    def set_meta(self, key: str, value: str | None) -> None:
        """Remember a text under a key; None forgets it."""
        if value is None:
            self._database.rows("DELETE FROM meta WHERE key = ?", (key,))
        else:
            self._database.rows(
                "INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)", (key, value)
            )

    def _object(self, object_id: str) -> int | None:
        found = self._database.rows("SELECT obj FROM objects WHERE id = ?", (read_id(object_id),))
        return int(found[0][0]) if found else None

    def _source(self, name: str) -> int:
        if name not in self._sources:
            found = self._database.rows("SELECT source FROM sources WHERE name = ?", (name,))
            self._sources[name] = (
                int(found[0][0])
                if found
                else self._database.insert("INSERT INTO sources (name) VALUES (?)", (name,))
            )
        return self._sources[name]

    def _path(self, path: Path) -> int:
        if path not in self._paths:
            name = show_path(path)
            found = self._database.rows("SELECT path FROM paths WHERE name = ?", (name,))
            self._paths[path] = (
                int(found[0][0])
                if found
                else self._database.insert("INSERT INTO paths (name) VALUES (?)", (name,))
            )
        return self._paths[path]


def _storable(value: str | None) -> str | None:
    return value if value is None or is_text(value) else value.encode(errors="replace").decode()
