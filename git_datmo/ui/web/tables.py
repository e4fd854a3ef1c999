"""Tables of pages: columns, cells, and which rows of how many."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from git_datmo.model.fields import lookup, parse_columns, show_path
from git_datmo.ui.rows import cell
from git_datmo.ui.web.address import Choices

LONG = 200


@dataclass(frozen=True)
class Cell:
    """What stands in one place: text, a link, a hint of the whole of it, a class for the style."""

    text: str
    address: str | None = None
    title: str | None = None
    kind: str | None = None


@dataclass(frozen=True)
class Column:
    """One column; `sort` is the key that its head sorts by, `order` how it does now."""

    label: str
    sort: str | None = None
    order: str | None = None
    numeric: bool = False


@dataclass(frozen=True)
class Row:
    """One row, and the id that a comparison is asked for with."""

    id: str
    cells: Sequence[Cell]


@dataclass(frozen=True)
class Table:
    """The rows `first` to `last` (from 1) of `total`."""

    columns: Sequence[Column]
    rows: Sequence[Row] = field(default_factory=tuple)
    total: int = 0
    page: int = 1
    size: int = 100

    @property
    def first(self) -> int:
        """The number of the first row shown."""
        return (self.page - 1) * self.size + 1

    @property
    def last(self) -> int:
        """The number of the last row shown."""
        return min(self.first + len(self.rows) - 1, self.total)


def keys_of(documents: Iterable[Mapping[str, Any]], part: str, most: int) -> list[tuple[str, ...]]:
    """The first `most` keys that any of some documents has below `part`, in order."""
    found: dict[tuple[str, ...], None] = {}
    for document in documents:
        inner = document.get(part)
        if isinstance(inner, Mapping):
            found.update(dict.fromkeys((part, str(key)) for key in inner))
        if len(found) >= most:
            break
    return list(found)[:most]


def chosen_columns(choices: Choices) -> list[tuple[str, ...]] | None:
    """The columns that the address names; None where it names none. Raises QuerySyntaxError."""
    text = choices.one("columns")
    return parse_columns(text) if text else None


def by_paths(
    documents: Sequence[Mapping[str, Any]],
    paths: Sequence[tuple[str, ...]],
    choices: Choices,
    first: Callable[[Mapping[str, Any]], Sequence[Cell]],
    heads: Sequence[Column],
    *,
    total: int,
) -> Table:
    """A table of documents: `heads` and what `first` makes for them, then one column a path."""
    columns = [*heads, *(_column(path, documents, choices) for path in paths)]
    rows = [
        Row(str(document["id"]), [*first(document), *(value(lookup(document, p)) for p in paths)])
        for document in documents
    ]
    return Table(columns, rows, total, choices.page, choices.rows)


def head(label: str, key: str | None, choices: Choices, *, numeric: bool = False) -> Column:
    """A column's head, which knows whether the table is sorted by it."""
    now = choices.one("sort")
    order = {f"-{key}": "descending", key: "ascending"}.get(now or "") if key else None
    return Column(label, key, order, numeric)


def value(found: object) -> Cell:
    """A value as a cell: numbers to the right, long texts cut."""
    text = cell(found)
    numeric = isinstance(found, (int, float)) and not isinstance(found, bool)
    if len(text) > LONG:
        return Cell(text[:LONG] + "…", title=text[: LONG * 10])
    exact = repr(found) if isinstance(found, float) else None
    return Cell(text, kind="number" if numeric else None, title=exact if exact != text else None)


def _column(
    path: tuple[str, ...], documents: Sequence[Mapping[str, Any]], choices: Choices
) -> Column:
    values = [found for one in documents if (found := lookup(one, path)) is not None]
    numeric = bool(values) and all(
        isinstance(one, (int, float)) and not isinstance(one, bool) for one in values
    )
    label = path[-1] if len(path) > 1 else path[0].replace("_", " ")
    return head(label, show_path(path), choices, numeric=numeric)
