"""Reading snapshots: ls, inspect, and the files of one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from git_datmo.api import lookup
from git_datmo.errors import ValidationFailed
from git_datmo.model.fields import parse_sort
from git_datmo.model.snapshot import Snapshot
from git_datmo.records import catalogue
from git_datmo.records.kinds import SNAPSHOT
from git_datmo.records.project import Project

if TYPE_CHECKING:
    from git_datmo.model.expression import Expr


def ls(
    project: Project,
    *,
    session_id: str | None = None,
    all: bool = False,
    deleted: bool = False,
    filter: str | None = None,
    where: str | None = None,
    sort: str | None = None,
    limit: int | None = None,
) -> list[Snapshot]:
    """The snapshots, newest first; hidden (automatic) ones only with `all`. With `deleted` those
    that are deleted, hidden ones too.

    `filter` is a part of message or label, `where` an expression such as
    `stats.acc > 0.9 and label is null`, `sort` keys such as `-stats.acc,created`.
    Raises ProjectNotInitialized, SessionDoesNotExist, QuerySyntaxError, ValidationFailed.
    """
    keys = parse_sort(sort) if sort else None
    if limit is not None and limit < 0:
        raise ValidationFailed(f"a listing cannot have {limit} rows")
    if filter is not None and not isinstance(filter, str):
        raise ValidationFailed(f"filter must be text, not {type(filter).__name__}")
    project.require_known()
    index = catalogue.refresh(project)
    session = lookup.session_of(project, session_id) if session_id is not None else None
    names = lookup.Names(index)
    expression = _filter(where, names) if where else None
    if deleted:
        from git_datmo.api.undeletion import DELETED
        from git_datmo.model.expression import And

        expression = And((DELETED, expression)) if expression is not None else DELETED
    found = index.select(
        SNAPSHOT,
        where=expression,
        text=filter,
        session=session,
        include_hidden=all or deleted,
        include_deleted=deleted,
        sort=keys,
        limit=limit,
    )
    return [lookup.value(project, record, names) for record in found]


def _filter(where: str, names: lookup.Names) -> Expr:
    from git_datmo.api import filters

    return filters.read(where, names.ids())


def inspect(project: Project, snapshot_id: str) -> Snapshot:
    """One snapshot. Raises SnapshotNotFound, AmbiguousId."""
    record = lookup.snapshot(project, snapshot_id)
    return lookup.value(project, record, lookup.Names(project.index))


def files(project: Project, snapshot_id: str) -> list[dict[str, Any]]:
    """The files of a snapshot: path, size in bytes, and the key of stored content."""
    from git_datmo.api import content

    return content.listing(project, lookup.snapshot(project, snapshot_id).id)
