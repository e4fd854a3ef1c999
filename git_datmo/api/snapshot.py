"""Snapshots: create, ls, inspect, diff, checkout, update, delete."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from git_datmo.api import content, lookup, settings
from git_datmo.api.comparison import diff
from git_datmo.api.creation import create
from git_datmo.api.restoration import checkout
from git_datmo.errors import RequiredArgumentMissing, ValidationFailed
from git_datmo.model import query
from git_datmo.model.snapshot import Snapshot
from git_datmo.records import catalogue, chain
from git_datmo.records.project import Project
from git_datmo.records.snapshots import SNAPSHOT

__all__ = ["checkout", "create", "delete", "diff", "inspect", "ls", "update"]


def ls(
    project: Project,
    *,
    session_id: str | None = None,
    all: bool = False,
    filter: str | None = None,
    where: str | None = None,
    sort: str | None = None,
    limit: int | None = None,
) -> list[Snapshot]:
    """The snapshots, newest first; hidden (automatic) ones only with `all`.

    `filter` is a part of message or label, `where` an expression such as
    `stats.acc > 0.9 and label is null`, `sort` keys such as `-stats.acc,created`.
    Raises SessionDoesNotExist, QuerySyntaxError.
    """
    expression = query.parse(where) if where else None
    keys = query.parse_sort(sort) if sort else None
    if limit is not None and limit < 0:
        raise ValidationFailed(f"a listing cannot have {limit} rows")
    index = catalogue.refresh(project)
    session = lookup.session_of(project, session_id) if session_id is not None else None
    names = lookup.Names(index)
    found = index.select(
        SNAPSHOT,
        where=expression,
        text=filter,
        session=session,
        include_hidden=all,
        sort=keys,
        limit=limit,
    )
    return [lookup.value(project, record, names) for record in found]


def inspect(project: Project, snapshot_id: str) -> Snapshot:
    """One snapshot. Raises SnapshotNotFound, AmbiguousId."""
    record = lookup.snapshot(project, snapshot_id)
    return lookup.value(project, record, lookup.Names(project.index))


def files(project: Project, snapshot_id: str) -> list[dict[str, Any]]:
    """The files of a snapshot: path, size in bytes, and the key of stored content."""
    return content.listing(project, lookup.snapshot(project, snapshot_id).id)


def update(
    project: Project,
    snapshot_id: str | None = None,
    *,
    config: Mapping[str, Any] | None = None,
    stats: Mapping[str, Any] | None = None,
    message: str | None = None,
    label: str | None = None,
) -> Snapshot:
    """Change what is mutable: config and stats key by key, message, label (empty: no label).

    Raises RequiredArgumentMissing when nothing was given, SnapshotNotFound, ValidationFailed.
    """
    if not snapshot_id:
        raise RequiredArgumentMissing("update needs the id of a snapshot")
    changes: dict[str, Any] = {}
    unset: list[list[str]] = []
    for kind, given in (("config", config), ("stats", stats)):
        if given is None:
            continue
        if not isinstance(given, Mapping):
            raise ValidationFailed(f"{kind} must be a dictionary, not {type(given).__name__}")
        if given:
            changes[kind] = settings.check(kind, given)
    if message is not None:
        changes["message"] = message
    if label:
        changes["label"] = label
    elif label is not None:
        unset.append(["label"])
    if not changes and not unset:
        raise RequiredArgumentMissing(
            "nothing to update", hint="give a config, stats, message or label"
        )
    project.require_initialized()
    oid = lookup.snapshot(project, snapshot_id).id
    with chain.writing(project) as writer:
        writer.note(oid, set=changes or None, unset=unset)
    return inspect(project, oid)


def delete(project: Project, snapshot_id: str | None = None) -> Snapshot:
    """Hide a snapshot, here and wherever its deletion travels; its bytes stay until a gc.

    Returns what was deleted. Raises RequiredArgumentMissing, SnapshotNotFound.
    """
    if not snapshot_id:
        raise RequiredArgumentMissing("delete needs the id of a snapshot")
    project.require_initialized()
    oid = lookup.snapshot(project, snapshot_id).id
    hide(project, [oid])
    return inspect(project, oid)


def hide(project: Project, ids: Iterable[str]) -> None:
    """Mark snapshots as deleted, all in one note commit."""
    from git_datmo.records import layout
    from git_datmo.storage import refs

    with chain.writing(project) as writer:
        held = refs.read(project.repository.common_dir, layout.SNAPSHOTS).found
        for oid in ids:
            writer.note(oid, set={"deleted": True})
            if layout.SNAPSHOTS + oid in held:
                writer.ref(layout.SNAPSHOTS + oid, None)
