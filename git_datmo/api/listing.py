"""Reading snapshots: ls, inspect, and the files of one."""

from __future__ import annotations

from typing import Any, Unpack

from git_datmo.api import choice, lookup
from git_datmo.errors import ValidationFailed
from git_datmo.model.fields import parse_sort
from git_datmo.model.snapshot import Snapshot
from git_datmo.records import catalogue
from git_datmo.records.kinds import SNAPSHOT
from git_datmo.records.project import Project


def ls(
    project: Project,
    *,
    session_id: str | None = None,
    all: bool = False,
    deleted: bool = False,
    filter: str | None = None,
    where: str | None = None,
    label: str | None = None,
    remote: str | None = None,
    sort: str | None = None,
    limit: int | None = None,
    offset: int = 0,
) -> list[Snapshot]:
    """The snapshots, newest first; hidden (automatic) ones only with `all`. With `deleted` those
    that are deleted, hidden ones too.

    `filter` is a part of message or label, `where` an expression such as
    `stats.acc > 0.9 and label is null`, `sort` keys such as `-stats.acc,created`, `label` one that
    they carry, `remote` one that had them when it was last asked (`.`: none has). `offset` passes
    over so many. Raises ProjectNotInitialized, SessionDoesNotExist, QuerySyntaxError,
    ValidationFailed, EntityNotFound.
    """
    keys = parse_sort(sort) if sort else None
    if limit is not None and limit < 0:
        raise ValidationFailed(f"a listing cannot have {limit} rows")
    project.require_known()
    index = catalogue.refresh(project)
    chosen = choice.filters(
        project,
        index,
        SNAPSHOT,
        session_id=session_id,
        all=all,
        filter=filter,
        where=where,
        label=label,
        remote=remote,
        deleted=deleted,
    )
    names = lookup.Names(index)
    found = index.select(SNAPSHOT, **chosen, sort=keys, limit=limit, offset=offset)
    return [lookup.value(project, record, names) for record in found]


def count(project: Project, **asked: Unpack[choice.Asked]) -> int:
    """How many snapshots `ls` would give without a limit. Raises what that does."""
    project.require_known()
    index = catalogue.refresh(project)
    chosen = choice.filters(project, index, SNAPSHOT, **asked)
    return index.count(SNAPSHOT, **chosen)


def inspect(project: Project, snapshot_id: str) -> Snapshot:
    """One snapshot. Raises SnapshotNotFound, AmbiguousId."""
    record = lookup.snapshot(project, snapshot_id)
    return lookup.value(project, record, lookup.Names(project.index))


def files(project: Project, snapshot_id: str) -> list[dict[str, Any]]:
    """The files of a snapshot: path, size in bytes, and the key of stored content."""
    from git_datmo.api import content

    return content.listing(project, lookup.snapshot(project, snapshot_id).id)
