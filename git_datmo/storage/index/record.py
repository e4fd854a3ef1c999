"""What the index knows of one object, and the facts a filter can ask about it.

A record's document is typed JSON: {"$float": "nan"} and {"$int": "<decimal>"} stand for what
JSON cannot say, and a key that starts with "$" is written with one more.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from git_datmo.model.expression import Path, is_nan, machine_number
from git_datmo.storage.index.schema import DICT, FALSE, LIST, NAN, TRUE

_FLOATS = {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}
_DIGITS = 4000

# Paths that are columns of the index; the same keys of a document are not seen by filters.
COLUMNS = (
    "id",
    "kind",
    "created",
    "visible",
    "deleted",
    "label",
    "message",
    "session",
    "tree",
    "environment",
    "author",
)


@dataclass(frozen=True)
class Record:
    """One object as the fold of its notes gave it.

    `id`, `tree` and `environment` are hex; `created` is in ms since 1970; `at_max` is the
    clock of the newest operation. `doc`, typed JSON, is parsed when first asked for.
    """

    id: str
    kind: str
    created: int
    visible: bool
    deleted: bool
    label: str | None
    message: str | None
    session: str | None
    tree: str | None
    environment: str | None
    author: str | None
    at_max: int
    doc: dict[str, Any]

    @classmethod
    def from_row(cls, row: tuple[Any, ...]) -> Record:
        """The record of a row of `objects` joined with `docs`."""
        record = object.__new__(cls)
        fields = record.__dict__
        fields.update(zip(_FIELDS, row, strict=True))
        fields["id"] = row[0].hex()
        fields["visible"] = bool(row[3])
        fields["deleted"] = bool(row[4])
        fields["tree"] = row[8] and row[8].hex()
        fields["environment"] = row[9] and row[9].hex()
        return record

    def __getattr__(self, name: str) -> Any:
        if name != "doc" or "_text" not in self.__dict__:
            raise AttributeError(name)
        parsed = json.loads(self.__dict__["_text"])
        self.__dict__["doc"] = parsed
        return parsed

    def view(self) -> dict[str, object]:
        """The document that filters see: decoded, with the columns on top."""
        seen: dict[str, object] = {_key(key): plain(value) for key, value in self.doc.items()}
        for name in COLUMNS:
            seen[name] = getattr(self, name)
        return seen


_FIELDS = (*(name for name in Record.__dataclass_fields__ if name != "doc"), "_text")


def facts(document: dict[str, Any]) -> Iterator[tuple[Path, object]]:
    """Each path of the document that leads to something, with the value that is indexed."""
    stack: list[tuple[Path, Any]] = [
        ((_key(key),), value) for key, value in document.items() if _key(key) not in COLUMNS
    ]
    while stack:
        path, value = stack.pop()
        if isinstance(value, dict):
            scalar = _typed(value)
            if scalar is None:
                yield path, DICT
                stack.extend(((*path, _key(key)), inner) for key, inner in value.items())
                continue
            value = scalar
        if isinstance(value, list):
            yield path, LIST
        elif isinstance(value, bool):
            yield path, TRUE if value else FALSE
        elif isinstance(value, str):
            yield path, value
        elif value is not None:
            yield path, NAN if is_nan(value) else machine_number(value)


def plain(value: Any) -> object:
    """Typed JSON as Python values."""
    if isinstance(value, dict):
        scalar = _typed(value)
        if scalar is not None:
            return scalar
        return {_key(key): plain(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [plain(inner) for inner in value]
    return value


def _typed(value: dict[str, Any]) -> int | float | None:
    """The number that a tagged object stands for; None when it is an object like any other."""
    if len(value) != 1:
        return None
    ((tag, text),) = value.items()
    if tag == "$float":
        return _FLOATS.get(text) if isinstance(text, str) else None
    if tag != "$int" or not isinstance(text, str) or not text.removeprefix("-").isdecimal():
        return None
    if len(text) < _DIGITS:
        return int(text)
    from decimal import Decimal  # int() itself refuses more than 4,300 digits

    return int(Decimal(text))


def _key(key: str) -> str:
    return key[1:] if key.startswith("$$") else key
