"""Tables of pages: columns, cells, and which rows of how many."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Generic, TypeVar

from git_datmo.errors import DatmoError, NotFound, UsageError
from git_datmo.model.fields import Path, lookup, parse_columns, show_path
from git_datmo.model.frozen import field, frozen
from git_datmo.ui.escape import safe
from git_datmo.ui.rows import cell, local_time
from git_datmo.ui.web.address import Choices

T = TypeVar("T")

LONG = 200
SHORT = 12
KEYS = 40
DEPTH = 3
MOMENTS = frozenset({("created",), ("started",), ("ended",)})


@frozen
class Cell:
    """What stands in one place: text, a link, a hint of the whole of it, a class for the style."""

    text: str
    address: str | None = None
    title: str | None = None
    kind: str | None = None


@frozen
class Column:
    """One column; `sort` is the key that its head sorts by, `order` how it does now."""

    label: str
    sort: str | None = None
    order: str | None = None
    numeric: bool = False
    hint: str | None = None


@frozen
class Row:
    """One row, and the id that a comparison is asked for with."""

    id: str
    cells: Sequence[Cell]


@frozen
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


@frozen
class Part(Generic[T]):
    """What one page of a table shows, or why it cannot: then the choices are shown all the same,
    for somebody to mend them. `columns` are those that the address names."""

    found: Sequence[T] = ()
    columns: list[Path] | None = None
    problem: DatmoError | None = None

    @property
    def status(self) -> int:
        """The status of the answer."""
        if self.problem is None:
            return 200
        return 404 if isinstance(self.problem, NotFound) else 400

    def count(self, counted: Callable[[], int]) -> int:
        """How many there are on all pages."""
        return 0 if self.problem is not None else counted()


def part_of(choices: Choices, listed: Callable[..., Sequence[T]]) -> Part[T]:
    """The rows that an address asks for; `listed` takes sort, limit and offset."""
    try:
        offset = (choices.page - 1) * choices.rows
        columns = chosen_columns(choices)
        found = listed(sort=choices.one("sort"), limit=choices.rows, offset=offset)
    except (UsageError, NotFound) as error:
        return Part(problem=error)
    return Part(found, columns)


def keys_of(documents: Iterable[Mapping[str, Any]], part: str, most: int = KEYS) -> list[Path]:
    """The first `most` places below `part` where any of some documents has a value, in order."""
    found: dict[Path, None] = {}
    for document in documents:
        found.update(dict.fromkeys(_places(document.get(part), (part,))))
        if len(found) >= most:
            break
    return list(found)[:most]


def _places(value: object, path: Path) -> Iterator[Path]:
    if not isinstance(value, Mapping):
        if len(path) > 1:
            yield path
        return
    for key, inner in value.items():
        if len(path) < DEPTH:
            yield from _places(inner, (*path, str(key)))
        else:
            yield (*path, str(key))


def chosen_columns(choices: Choices) -> list[Path] | None:
    """The columns that the address names, each once; None where it names none. Raises
    QuerySyntaxError."""
    found = [path for text in choices.many("columns") for path in parse_columns(text)]
    return list(dict.fromkeys(found)) or None


def by_paths(
    documents: Sequence[Mapping[str, Any]],
    paths: Sequence[Path],
    choices: Choices,
    first: Callable[[Mapping[str, Any]], Sequence[Cell]],
    heads: Sequence[Column],
    *,
    total: int,
) -> Table:
    """A table of documents: `heads` and what `first` makes for them, then one column a path."""
    if not documents:
        return Table((), total=total)
    labels = Counter(_label(path) for path in paths)
    columns = [
        *heads,
        *(_column(path, documents, choices, labels[_label(path)] == 1) for path in paths),
    ]
    rows = [
        Row(str(document["id"]), [*first(document), *(_at(document, path) for path in paths)])
        for document in documents
    ]
    return Table(columns, rows, total, choices.page, choices.rows)


def head(
    label: str,
    key: str | None,
    choices: Choices,
    *,
    numeric: bool = False,
    hint: str | None = None,
) -> Column:
    """A column's head, which knows whether the table is sorted by it."""
    now = choices.one("sort")
    order = {f"-{key}": "descending", key: "ascending"}.get(now or "") if key else None
    return Column(label, key, order, numeric, hint)


def value(found: object) -> Cell:
    """A value as a cell: numbers to the right, long texts cut."""
    text = cell(found)
    if len(text) > LONG:
        return Cell(cut(text), title=text[: LONG * 10])
    numeric = isinstance(found, (int, float)) and not isinstance(found, bool)
    whole = exact(found)
    return Cell(text, kind="number" if numeric else None, title=whole if whole != text else None)


def cut(text: str) -> str:
    """The beginning of a long text, made safe."""
    return safe(text[:LONG]) + ("…" if len(text) > LONG else "")


def exact(found: object) -> str | None:
    """All digits of a fraction; None for anything else."""
    return repr(found) if isinstance(found, float) else None


def named(document: Mapping[str, Any], address: str) -> Cell:
    """The cell that leads to the page of what a document is about: its label, else its id."""
    label, oid = document.get("label"), str(document["id"])
    if label:
        return Cell(cut(str(label)), address, title=oid, kind="label")
    return Cell(oid[:SHORT], address, kind="id")


def _at(document: Mapping[str, Any], path: Path) -> Cell:
    found = lookup(document, path)
    if path in MOMENTS and isinstance(found, int):
        return Cell(local_time(found), kind="quiet")
    if path[-1].endswith("_id") and isinstance(found, str):
        return Cell(found[:SHORT], title=found, kind="id")
    return value(found)


def _label(path: Path) -> str:
    """What a column is called where no other is called so."""
    return ".".join(path[1:]) if len(path) > 1 else path[0].replace("_", " ")


def _column(
    path: Path, documents: Sequence[Mapping[str, Any]], choices: Choices, short: bool
) -> Column:
    values = [found for one in documents if (found := lookup(one, path)) is not None]
    numeric = path not in MOMENTS and bool(values)
    numeric = numeric and all(
        isinstance(one, (int, float)) and not isinstance(one, bool) for one in values
    )
    name = show_path(path)
    label = safe(_label(path) if short else name)
    return head(label, name, choices, numeric=numeric, hint=safe(name) if len(path) > 1 else None)
