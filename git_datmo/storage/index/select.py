"""Which rows a listing shows, in which order, and how SQLite is made to find them quickly.

Without statistics SQLite guesses; here the plan is chosen and spelled out (INDEXED BY, CROSS
JOIN):

1. something selects few rows (a fact, a session, all that is listed): start there and sort;
2. the first sort key is a fact: walk the index of its values, class by class;
3. otherwise: walk the listing, which an index keeps in its order.

A class is numbers, text, booleans, NaN, then what has no value to sort by: they come in this
order whether the sort ascends or descends.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from git_datmo.model.frozen import frozen
from git_datmo.storage.index.database import Database
from git_datmo.storage.index.narrowing import NOTHING, Last, Noted, conditions, wanted
from git_datmo.storage.index.paths import Bindings, path_id
from git_datmo.storage.index.record import COLUMNS

if TYPE_CHECKING:
    from git_datmo.model.expression import Expr
    from git_datmo.model.fields import Path

FEW = 1000

NEWEST_FIRST = "o.created DESC, o.at_max DESC, o.id"

_CLASSES = ("{0} < ''", "{0} >= '' AND {0} < x''", "{0} >= x'' AND {0} <= x'01'", "{0} = x'02'")
_RANK = (
    "CASE WHEN {0} IS NULL OR {0} > x'02' THEN 4 WHEN {0} = x'02' THEN 3"
    " WHEN {0} >= x'' THEN 2 WHEN {0} >= '' THEN 1 ELSE 0 END"
)


@frozen
class Selection:
    """What `Index.select` was asked for, apart from how much of it."""

    kind: str
    where: Expr | None = None
    text: str | None = None
    session: str | None = None
    include_hidden: bool = False
    include_deleted: bool = False
    tree: str | None = None
    environment: str | None = None
    noted: Noted | None = None
    last: Last | None = None
    sort: tuple[tuple[Path, bool], ...] = ()

    @property
    def columns(self) -> dict[str, object]:
        """The columns that have to have one value, of those with an index."""
        known = {"session": self.session}
        ids = {"tree": wanted(self.tree), "environment": wanted(self.environment)}
        return {name: value for name, value in (known | ids).items() if value is not None}


def rows(
    database: Database, selection: Selection, limit: int | None, offset: int
) -> Iterator[list[int]]:
    """The numbers of the rows to show, in order, in as many lists as there were queries."""
    plan = _Plan(database, selection)
    if plan.where == NOTHING:
        return
    for statement in plan.statements(limit is None):
        if limit is not None and limit <= 0:
            return
        most = -1 if limit is None else limit
        sql = f"SELECT o.obj {statement} LIMIT {most} OFFSET {offset}"
        found = database.rows(sql, plan.bindings)
        yield [int(row[0]) for row in found]
        limit = None if limit is None else limit - len(found)
        if offset and not found:
            passed = f"SELECT count(*) FROM (SELECT 1 {statement} LIMIT {offset})"
            offset -= _number(database, passed, plan.bindings)
        else:
            offset = 0


def total(database: Database, selection: Selection) -> int:
    """How many rows there are to show."""
    plan = _Plan(database, selection)
    if plan.where == NOTHING:
        return 0
    source, few = plan.source(everything=True)
    return _number(database, f"SELECT count(*) FROM {source} WHERE {few}", plan.bindings)


class _Plan:
    def __init__(self, database: Database, selection: Selection) -> None:
        self.database = database
        self.selection = selection
        self.bindings = Bindings()
        self.where, self.drivers = "1", list[str]()
        if selection.where is not None:
            from git_datmo.storage.index.where import Conditions  # most listings have none

            compiled = Conditions(database, self.bindings)
            self.where = compiled.condition(selection.where)
            self.drivers = compiled.drivers(selection.where)
        self.narrowed = list(conditions(database, self.bindings, selection.noted, selection.last))
        if NOTHING in self.narrowed:
            self.where = NOTHING
        self.shelf = " AND ".join(self._shelf())
        self.filters = " AND ".join(self._filters())

    def statements(self, everything: bool) -> Iterator[str]:
        """FROM, WHERE and ORDER BY of each query; together they give all rows in order."""
        keys = [self._key(path, number) for number, (path, _) in enumerate(self.selection.sort)]
        sorts = [
            (key, "DESC" if descending else "ASC")
            for key, (_, descending) in zip(keys, self.selection.sort, strict=True)
            if key is not None
        ]
        walks = self._walks(everything)
        if walks is None and sorts and sorts[0][0].join:
            yield from self._by_value(sorts)
            return
        source, few = walks or self._listing()
        joins = "".join(key.join for key, _ in sorts)
        yield f"FROM {source}{joins} WHERE {few} ORDER BY {_order(sorts)}"

    def source(self, *, everything: bool) -> tuple[str, str]:
        """FROM and WHERE without an order."""
        return self._walks(everything) or self._listing()

    def _by_value(self, sorts: list[tuple[_Key, str]]) -> Iterator[str]:
        (first, direction), rest = sorts[0], sorts[1:]
        joins = "".join(key.join for key, _ in rest)
        source = f"facts {first.alias} INDEXED BY facts_value CROSS JOIN objects o"
        for number, test in enumerate(_CLASSES):
            order = _order(rest) if number == 3 else f"{first.value} {direction}, {_order(rest)}"
            yield (
                f"FROM {source} ON o.obj = {first.alias}.obj{joins}"
                f" WHERE {first.alias}.path = {first.path} AND {test.format(first.value)}"
                f" AND {self.filters} ORDER BY {order}"
            )
        source, few = self._listing()
        yield (
            f"FROM {source}{joins} WHERE {few} AND NOT EXISTS (SELECT 1 FROM facts f"
            f" WHERE f.obj = o.obj AND f.path = {first.path} AND +f.value <= x'02')"
            f" ORDER BY {_order(rest)}"
        )

    def _walks(self, everything: bool) -> tuple[str, str] | None:
        """FROM and WHERE that start where few rows are, None when nothing selects few."""
        selection = self.selection
        starts = [
            (f"objects o INDEXED BY objects_{name}", f"o.{name} = {self.bindings.add(value)}")
            for name, value in selection.columns.items()
        ]
        starts += [("facts d INDEXED BY facts_value", test) for test in self.drivers]
        listing, _ = self._listing()
        if selection.sort or selection.where or selection.text is not None:
            # Counted without the other filters: they cost.
            starts.append((listing, self.shelf))
        best: tuple[int, str, str] | None = None
        for source, test in starts:
            few = f"SELECT 1 FROM {source} WHERE {test} LIMIT {FEW}"
            found = _number(self.database, f"SELECT count(*) FROM ({few})", self.bindings)
            if best is None or found < best[0]:
                best = found, source, test
        if best is None or (best[0] >= FEW and not (everything and best[1] != listing)):
            return None
        _, source, test = best
        if source.startswith("facts"):
            source += " CROSS JOIN objects o ON o.obj = d.obj"
        return source, f"{test} AND {self.filters}"

    def _listing(self) -> tuple[str, str]:
        hidden = self.selection.include_hidden or self.selection.include_deleted
        index = "objects_all" if hidden else "objects_listed"
        return f"objects o INDEXED BY {index}", self.filters

    def _shelf(self) -> Iterator[str]:
        yield f"o.kind = {self.bindings.add(self.selection.kind)}"
        if not self.selection.include_hidden:
            yield "o.visible = 1"
        if not self.selection.include_deleted:
            yield "o.deleted = 0"

    def _filters(self) -> Iterator[str]:
        selection, add = self.selection, self.bindings.add
        yield self.shelf
        for name, value in selection.columns.items():
            yield f"o.{name} = {add(value)}"
        if selection.text is not None:
            needle = add(selection.text)
            yield f"(instr(o.message, {needle}) > 0 OR instr(o.label, {needle}) > 0)"
        if self.where != "1":
            yield f"({self.where})"
        yield from self.narrowed

    def _key(self, path: Path, number: int) -> _Key | None:
        if path[0] in COLUMNS:
            return _Key(f"o.{path[0]}", f"o.{path[0]} IS NULL") if len(path) == 1 else None
        known = path_id(self.database, path)
        if known is None:
            return None
        alias = f"s{number}"
        value = f"{alias}.value"
        join = f" LEFT JOIN facts {alias} ON {alias}.obj = o.obj AND {alias}.path = {known}"
        return _Key(value, _RANK.format(value), alias, known, join)


@frozen
class _Key:
    """One sort key: its value, its class, and for a fact the join that brings it."""

    value: str
    rank: str
    alias: str = ""
    path: int = 0
    join: str = ""

    def order(self, direction: str) -> str:
        if not self.join:
            return f"{self.rank}, {self.value} {direction}"
        return f"{self.rank}, CASE WHEN {self.value} < x'02' THEN {self.value} END {direction}"


def _order(sorts: list[tuple[_Key, str]]) -> str:
    return ", ".join([*(key.order(direction) for key, direction in sorts), NEWEST_FIRST])


def _number(database: Database, sql: str, bindings: Bindings) -> int:
    return int(database.rows(sql, bindings)[0][0])
