"""Counts that were made before, for as long as the index says the same.

Counting is what grows with an index, while a page of a listing does not: a process that shows
page after page counts once after each change.
"""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Callable, Hashable
from threading import Lock
from typing import Any, Final, TypeVar

from git_datmo.storage.index.database import Database

T = TypeVar("T")

KEPT: Final = 1000
# Where SQLite's files say how often they were changed: https://www.sqlite.org/fileformat.html
_COUNTER = slice(24, 28)

_known: OrderedDict[Hashable, Any] = OrderedDict()
_lock = Lock()


def remembered(database: Database, asked: Hashable, count: Callable[[], T]) -> T:
    """What `count` gives, or gave when the same was asked of the same state of the index."""
    if not (database.lasting or database.readonly) or database.connection.in_transaction:
        return count()
    database.rows("BEGIN")
    try:
        # From the first read to the end nobody writes: the file is as what is read from it.
        database.rows("SELECT 1 FROM meta LIMIT 1")
        key = (_state(database), asked)
        with _lock:
            if key in _known:
                _known.move_to_end(key)
                found: T = _known[key]
                return found
        made = count()
        with _lock:
            _known[key] = made
            while len(_known) > KEPT:
                _known.popitem(last=False)
        return made
    finally:
        database.rollback()


def _state(database: Database) -> Hashable:
    """What no two states of an index have alike: a file that took another's place may have its
    number and count its changes from the beginning."""
    with open(database.path, "rb") as file:
        about = os.fstat(file.fileno())
        head = file.read(_COUNTER.stop)
    place = os.path.realpath(database.path)
    return place, about.st_ino, about.st_mtime_ns, about.st_size, head[_COUNTER]
