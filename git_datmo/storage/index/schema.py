"""The tables of the index.

Ids are stored as their bytes. `facts` has one row for each leaf of a record's document that is
not null, and one for each list and dictionary in it. SQLite orders values by class (numbers,
text, bytes), so one column without affinity keeps them apart:

    number               itself; outside the signed 64 bit range as a float
    text                 itself
    false, true          x'00', x'01'
    NaN, list, dict      x'02', x'03', x'04'

`edges` has what an object says of others, by its id and theirs: those need not be here.
"""

from __future__ import annotations

VERSION = 2

FALSE, TRUE, NAN, LIST, DICT = (bytes([marker]) for marker in range(5))

TABLES = (
    "CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID",
    "CREATE TABLE sources (source INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, tip TEXT)",
    """CREATE TABLE notes (
        source INTEGER NOT NULL, object BLOB NOT NULL, blob BLOB NOT NULL,
        PRIMARY KEY (source, object)
    ) WITHOUT ROWID""",
    "CREATE INDEX notes_object ON notes (object)",
    """CREATE TABLE objects (
        obj INTEGER PRIMARY KEY, id BLOB NOT NULL UNIQUE, kind TEXT NOT NULL,
        created INTEGER NOT NULL, visible INTEGER NOT NULL, deleted INTEGER NOT NULL,
        label TEXT, message TEXT, session TEXT, tree BLOB, environment BLOB, author TEXT,
        at_max INTEGER NOT NULL
    )""",
    """CREATE INDEX objects_listed ON objects (kind, created DESC, at_max DESC, id)
        WHERE visible = 1 AND deleted = 0""",
    """CREATE INDEX objects_all ON objects
        (kind, created DESC, at_max DESC, id, visible, deleted)""",
    "CREATE INDEX objects_label ON objects (label) WHERE label IS NOT NULL",
    "CREATE INDEX objects_session ON objects (session) WHERE session IS NOT NULL",
    "CREATE INDEX objects_tree ON objects (tree) WHERE tree IS NOT NULL",
    """CREATE INDEX objects_environment ON objects (environment)
        WHERE environment IS NOT NULL""",
    "CREATE TABLE docs (obj INTEGER PRIMARY KEY, doc TEXT NOT NULL)",
    "CREATE TABLE paths (path INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE)",
    """CREATE TABLE facts (
        obj INTEGER NOT NULL, path INTEGER NOT NULL, value NOT NULL, PRIMARY KEY (obj, path)
    ) WITHOUT ROWID""",
    "CREATE INDEX facts_value ON facts (path, value, obj)",
    """CREATE TABLE edges (
        source BLOB NOT NULL, role TEXT NOT NULL, target BLOB NOT NULL,
        PRIMARY KEY (source, role, target)
    ) WITHOUT ROWID""",
    "CREATE INDEX edges_target ON edges (target)",
)

NAMES = ("meta", "sources", "notes", "objects", "docs", "paths", "facts", "edges")
