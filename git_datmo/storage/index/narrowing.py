"""Filters that look beyond a row: who has a note on it, whether something later took its place."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple, TypedDict

from git_datmo.storage.index.database import Database, is_text, read_id
from git_datmo.storage.index.paths import Bindings, path_id

if TYPE_CHECKING:
    from git_datmo.model.expression import Expr
    from git_datmo.model.fields import Path

NOTHING = "0"

_TEXTS = """FROM facts f INDEXED BY facts_value CROSS JOIN objects o ON o.obj = f.obj
    WHERE f.path = :path AND f.value >= '' AND f.value < x'' AND o.deleted = 0
    AND o.kind = :kind GROUP BY f.value"""


class Noted(NamedTuple):
    """Whether a source whose name begins so has a note on it, or none has."""

    begins: str
    wanted: bool = True


class Last(NamedTuple):
    """The last of each group alone: of all that have one text at `group` the one with the highest
    `number`, then the newest. `role` is that of edges from a later one to the one before."""

    group: Path
    number: Path
    role: str


class Filters(TypedDict, total=False):
    """What rows have to pass. `text` is looked for, by case, in message and label."""

    where: Expr | None
    text: str | None
    session: str | None
    include_hidden: bool
    include_deleted: bool
    tree: str | None
    environment: str | None
    noted: Noted | None
    last: Last | None


def impossible(filters: Filters) -> bool:
    """Whether no text that the index can hold is asked for."""
    return not (is_text(filters.get("text") or "") and is_text(filters.get("session") or ""))


def wanted(object_id: str | None) -> bytes | None:
    """The id's bytes; bytes that no object has when it is no id."""
    try:
        return None if object_id is None else read_id(object_id)
    except ValueError:
        return b""


def conditions(
    database: Database, bindings: Bindings, noted: Noted | None, last: Last | None
) -> Iterator[str]:
    """SQL that is 1 for the rows `o` that pass; just NOTHING when none can."""
    if noted is not None:
        found = database.rows(
            "SELECT source FROM sources WHERE substr(name, 1, length(?1)) = ?1", (noted.begins,)
        )
        if found:
            word = "" if noted.wanted else "NOT "
            numbers = ", ".join(str(int(source)) for (source,) in found)
            yield (
                f"{word}EXISTS (SELECT 1 FROM notes n WHERE n.object = o.id"
                f" AND n.source IN ({numbers}))"
            )
        elif noted.wanted:
            yield NOTHING
    if last is not None:
        yield from _last(database, bindings, last)


def _last(database: Database, bindings: Bindings, last: Last) -> Iterator[str]:
    group, number = path_id(database, last.group), path_id(database, last.number)
    if group is None or number is None:
        yield NOTHING
        return
    # An edge tells at once of almost all that something followed.
    yield (
        "NOT EXISTS (SELECT 1 FROM edges e CROSS JOIN objects l ON l.id = e.source"
        f" WHERE e.target = o.id AND e.role = {bindings.add(last.role)} AND l.deleted = 0)"
    )
    yield (
        "NOT EXISTS (SELECT 1 FROM facts g"
        f" CROSS JOIN facts t INDEXED BY facts_value ON t.path = {group} AND t.value = g.value"
        f" CROSS JOIN facts m ON m.obj = o.obj AND m.path = {number}"
        f" CROSS JOIN facts n ON n.obj = t.obj AND n.path = {number}"
        " CROSS JOIN objects l ON l.obj = t.obj"
        f" WHERE g.obj = o.obj AND g.path = {group} AND l.deleted = 0 AND l.kind = o.kind"
        " AND (n.value, l.created, o.id) > (m.value, o.created, l.id))"
    )


def tally(database: Database, kind: str, path: Path, limit: int) -> list[tuple[str, int]]:
    """The texts at a path of what is not deleted, sorted, and how many have each; at most `limit`
    of them."""
    from git_datmo.storage.index.record import COLUMNS

    if path[0] in COLUMNS:
        sql = f"""SELECT o.{path[0]}, count(*) FROM objects o WHERE o.{path[0]} IS NOT NULL
            AND o.deleted = 0 AND +o.kind = :kind GROUP BY o.{path[0]} LIMIT :limit"""
        return database.rows(sql, {"kind": kind, "limit": limit})
    known = path_id(database, path)
    if known is None:
        return []
    sql = f"SELECT f.value, count(*) {_TEXTS} LIMIT :limit"
    return database.rows(sql, {"path": known, "kind": kind, "limit": limit})


def variety(database: Database, kind: str, path: Path) -> int:
    """How many different texts what is not deleted has at a path of its document."""
    known = path_id(database, path)
    if known is None:
        return 0
    sql = f"SELECT count(*) FROM (SELECT 1 {_TEXTS})"
    return int(database.rows(sql, {"path": known, "kind": kind})[0][0])
