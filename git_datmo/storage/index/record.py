"""What the index knows of one object.

A record's document is typed JSON: {"$float": "nan"} and {"$int": "<decimal>"} stand for what
JSON cannot say, and a key that starts with "$" is written with one more.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from git_datmo.model.frozen import frozen

_FLOATS = {name: float(name) for name in ("nan", "inf", "-inf")}
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


@frozen
class Record:
    """One object as the fold of its notes gave it.

    `id`, `tree` and `environment` are hex; `created` is in ms since 1970; `at_max` is the
    clock of the newest operation. `doc`, typed JSON, is parsed when first asked for. `edges` are
    (role, id) of what the object says of others, for `Update.put` alone: see `Index.edges`.
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
    edges: tuple[tuple[str, str], ...] = ()

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
        import json  # a listing of columns never needs it

        parsed = json.loads(self.__dict__["_text"])
        self.__dict__["doc"] = parsed
        return parsed

    def view(self) -> dict[str, object]:
        """The document that filters see: decoded, with the columns on top."""
        seen: dict[str, object] = {user_key(key): plain(value) for key, value in self.doc.items()}
        for name in COLUMNS:
            seen[name] = getattr(self, name)
        return seen


class Outline(NamedTuple):
    """A record without its document; the fields are those of `Record`."""

    id: str
    kind: str
    created: int
    visible: bool
    deleted: bool
    label: str | None
    session: str | None
    tree: str | None
    environment: str | None
    at_max: int

    @classmethod
    def from_row(cls, row: tuple[Any, ...]) -> Outline:
        """Of a row of `objects`, the ids as bytes; what follows the fields is left out."""
        oid, kind, created, visible, deleted, label, session, tree, environment, at_max = row[:10]
        ids = [known and known.hex() for known in (oid, tree, environment)]
        flags = bool(visible), bool(deleted)
        return cls(ids[0], kind, created, *flags, label, session, ids[1], ids[2], at_max)


_FIELDS = (*(name for name in Record.__dataclass_fields__ if name not in ("doc", "edges")), "_text")


def plain(value: Any) -> object:
    """Typed JSON as Python values."""
    if isinstance(value, dict):
        scalar = typed(value)
        if scalar is not None:
            return scalar
        return {user_key(key): plain(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [plain(inner) for inner in value]
    return value


def typed(value: dict[str, Any]) -> int | float | None:
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


def user_key(key: str) -> str:
    return key[1:] if key.startswith("$$") else key
