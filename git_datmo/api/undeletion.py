"""Bringing back what was deleted: an operation like any other, that travels as the deletion did."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

from git_datmo.api import lookup
from git_datmo.errors import AmbiguousId, RequiredArgumentMissing, SnapshotNotFound
from git_datmo.model.expression import And, Compare
from git_datmo.model.operation import Operation
from git_datmo.model.pointer import Pointer
from git_datmo.model.quantity import counted
from git_datmo.model.snapshot import Snapshot
from git_datmo.records import catalogue, chain, layout
from git_datmo.records.kinds import SNAPSHOT
from git_datmo.records.pointers import pointers_of
from git_datmo.records.project import Project
from git_datmo.storage.index import Record
from git_datmo.storage.objects import EMPTY_TREE

SHOWN = 10
DELETED = Compare(("deleted",), "==", True)


def undelete(project: Project, snapshot_id: str | None = None) -> Snapshot:
    """Bring a deleted snapshot back, here and wherever that travels; one that is not deleted
    stays as it is.

    It is named by its id or the beginning of that, or by its label. `notices` say which of its
    files were freed here meanwhile. Raises RequiredArgumentMissing, SnapshotNotFound, AmbiguousId.
    """
    if not snapshot_id:
        raise RequiredArgumentMissing("undelete needs the id of a snapshot")
    project.require_initialized()
    _ = project.identity
    try:
        record = lookup.snapshot(project, snapshot_id)
    except SnapshotNotFound:
        found = labelled(project, SNAPSHOT, snapshot_id)
        if not found:
            raise
        record = found[0]
    notices: tuple[str, ...] = ()
    if record.deleted:
        notices = revive(project, [record], {layout.SNAPSHOTS + record.id: record.id})
        record = lookup.snapshot(project, record.id)
    return lookup.value(project, record, lookup.Names(project.index), notices=notices)


def labelled(project: Project, kind: str, label: str) -> list[Record]:
    """What is deleted and has a label: one, or none. Raises AmbiguousId."""
    index = catalogue.refresh(project)
    chosen = And((DELETED, Compare(("label",), "==", label)))
    found = list(index.select(kind, where=chosen, include_hidden=True, include_deleted=True))
    if len(found) > 1:
        raise AmbiguousId(
            f"'{label}' was the label of {len(found)} that are deleted",
            candidates=[record.id for record in found],
            hint="name one of them by its id",
        )
    return found


def revive(
    project: Project, found: Sequence[Record], refs: Mapping[str, str] | None = None
) -> tuple[str, ...]:
    """Note that records are not deleted, and set `refs` of those that were made here.

    Returns what to know of their content. It counts as new: a gc leaves it for a while.
    """
    gone: dict[Pointer, str] = {}
    seen: set[str] = set()
    try:
        for record in found:
            for path, pointer in pointers_of(project, record.tree or EMPTY_TREE, seen):
                if not project.store.keep(pointer):
                    gone.setdefault(pointer, os.fsdecode(path))
        with chain.writing(project) as writer:
            for record in found:
                writer.note(record.id, set={"deleted": False})
            for name, oid in (refs or {}).items():
                if catalogue.made_here(project, writer.index, oid):
                    writer.ref(name, oid)
    finally:
        project.let_go()
    if not gone:
        return ()
    listed = ", ".join(list(gone.values())[:SHOWN])
    more = f" and {len(gone) - SHOWN} more" if len(gone) > SHOWN else ""
    size = sum(pointer.size for pointer in gone)
    return (
        f"the content of {counted(len(gone), 'file')} ({size} bytes) is not here any more: "
        f"{listed}{more}; "
        "it is fetched when it is needed, from a remote that still has it",
    )


def deleted_at(project: Project, oid: str) -> int:
    """The clock of the newest operation that deleted an object; 0 when none did."""
    made = (Operation.parse(line) for line in catalogue.operations_of(project, oid))
    return max((each.at for each in made if each.set.get("deleted") is True), default=0)
