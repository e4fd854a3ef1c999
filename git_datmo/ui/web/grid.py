"""The table of a comparison: a field a row, or, where there are many columns, a run a row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from git_datmo.model.frozen import frozen
from git_datmo.ui.escape import safe
from git_datmo.ui.lineup import Document, Field, about
from git_datmo.ui.rows import local_time
from git_datmo.ui.run import duration
from git_datmo.ui.web import answers, tables
from git_datmo.ui.web.address import Choices, to
from git_datmo.ui.web.tables import Cell

# From so many on, each has a row rather than a column.
MANY = 8
# Fields, and cells, of a table at most.
MOST, CELLS = 500, 50_000
TITLES = {"about": "What it is", "config": "Config", "results": "Results", "metrics": "Metrics"}
LINKS = {"before": "snapshots"}
SHORTENED = ("environment", "before", "code")


@frozen
class Line:
    """One field and the cell of each that is compared."""

    name: str
    cells: tuple[Cell, ...]
    differs: bool


@frozen
class Head:
    """One that is compared."""

    text: str
    address: str


@frozen
class Grid:
    """The fields of some runs and snapshots by part; `equal` fields are left out as they are the
    same in all, `more` as there are too many. `turned`: each that is compared has a row."""

    heads: tuple[Head, ...]
    parts: tuple[tuple[str, tuple[Line, ...]], ...]
    equal: int
    more: int
    turned: bool

    @property
    def lines(self) -> list[Line]:
        """The fields of all parts."""
        return [line for _, lines in self.parts for line in lines]


def make(
    documents: Sequence[Document], fields: Mapping[str, Sequence[Field]], asked: Choices
) -> Grid:
    """The table; `same` in the address adds what is equal in all, `turn` turns it."""
    everything = asked.flag("same") or len(documents) < 2
    parts, equal, left = [], 0, min(MOST, CELLS // max(1, len(documents)))
    more = 0
    for part, found in (("about", about(documents)), *fields.items()):
        shown = [one for one in found if everything or one.differs]
        equal += len(found) - len(shown)
        more += max(0, len(shown) - left)
        lines = tuple(_line(part, one) for one in shown[:left])
        left -= len(lines)
        if lines:
            parts.append((TITLES[part], lines))
    heads = tuple(
        Head(safe(one["title"][:40]), to(f"{one['kind']}s", one["id"])) for one in documents
    )
    turned = (len(documents) > MANY) != asked.flag("turn")
    return Grid(heads, tuple(parts), equal, more, turned)


def _line(part: str, found: Field) -> Line:
    if part == "about":
        name = found.path[0]
        return Line(name, tuple(_about(name, value) for value in found.values), found.differs)
    cells = tuple(tables.value(value) for value in found.values)
    return Line(safe(".".join(found.path[1:])), cells, found.differs)


def _about(name: str, value: object) -> Cell:
    if value is None:
        return Cell("")
    if name == "created" and isinstance(value, int):
        return Cell(local_time(value), kind="quiet")
    if name == "duration" and isinstance(value, (int, float)):
        return Cell(duration(value), kind="number", title=f"{value} s")
    if name == "status":
        return Cell(str(value), kind=f"status {value}")
    if name in SHORTENED:
        address = to(LINKS[name], str(value)) if name in LINKS else None
        return Cell(str(value)[: answers.SHORT], address, title=str(value), kind="id")
    return tables.value(value)
