"""Changing what is mutable of a snapshot: update and delete."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from git_datmo.api import lookup, settings
from git_datmo.api.listing import inspect
from git_datmo.errors import RequiredArgumentMissing, ValidationFailed
from git_datmo.model.snapshot import Snapshot
from git_datmo.records import chain, layout
from git_datmo.records.project import Project
from git_datmo.storage import refs


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
    for what, text in (("message", message), ("label", label)):
        if text is not None and not isinstance(text, str):
            raise ValidationFailed(f"{what} must be text, not {type(text).__name__}")
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
    _ = project.identity
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
    _ = project.identity
    oid = lookup.snapshot(project, snapshot_id).id
    hide(project, [oid])
    return inspect(project, oid)


def hide(project: Project, ids: Iterable[str]) -> None:
    """Mark snapshots as deleted, all in one note commit."""
    with chain.writing(project) as writer:
        held = refs.read(project.repository.common_dir, layout.SNAPSHOTS).found
        for oid in ids:
            writer.note(oid, set={"deleted": True})
            if layout.SNAPSHOTS + oid in held:
                writer.ref(layout.SNAPSHOTS + oid, None)
