"""Putting a snapshot back: into the work tree, or into another folder."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from git_datmo.api import content, lookup
from git_datmo.api.user import NOBODY, User
from git_datmo.errors import UnsafePath, ValidationFailed
from git_datmo.model.frozen import frozen
from git_datmo.model.quantity import counted
from git_datmo.model.snapshot import Snapshot
from git_datmo.records import catalogue, clones
from git_datmo.records.kinds import SNAPSHOT
from git_datmo.records.project import Project
from git_datmo.remotes.content import needed
from git_datmo.storage import restore, treediff
from git_datmo.storage.objects import TREE


@frozen
class Restored:
    """What a checkout did. `saved` holds the state that was there before, `target` is a folder."""

    snapshot: Snapshot
    saved: Snapshot | None
    target: str
    written: int
    removed: int


def checkout(
    project: Project,
    snapshot_id: str,
    *,
    into: str | os.PathLike[str] | None = None,
    user: User = NOBODY,
    progress: Callable[[int], None] | None = None,
    expect: Callable[[int], None] | None = None,
) -> Restored:
    """Put a snapshot's code, environment files and files into the work tree, or into `into`.

    In place, unsaved work is first recorded as a hidden snapshot; only paths that a snapshot
    holds are overwritten or deleted; HEAD, branches and the index stay as they are.
    Raises SnapshotNotFound, ContentMissing, UnsafeName, UnsafePath, FileAlreadyExistsError,
    ValidationFailed.
    """
    if into is not None and not os.fspath(into):
        raise ValidationFailed("the folder to put it into has no name")
    record = lookup.snapshot(project, snapshot_id)
    snapshot = lookup.value(project, record, lookup.Names(project.index))
    objects = project.repository.objects
    source = content.Content(project, progress, [record.id], expect)
    plan = restore.plan(objects, record.tree or "")
    source.prepare(needed(project, [record.id]))
    if into is not None:
        target = Path(into).absolute()
        report = restore.write_into(plan, objects, source, target, progress=None)
        return Restored(snapshot, None, os.fspath(target), report.written, 0)

    root = project.repository.needs_work_tree("check out a snapshot")
    if not project.initialized:
        # A fresh clone that fetched snapshots: its own state needs a place to be kept in.
        clones.create(project.home)
    saved = _saved(project, f"saved before checkout of {record.id[:12]}", user)
    present, wanted = saved.tree, record.tree or ""
    moved = list(treediff.diff(objects.tree, present, wanted))
    _refuse_unsaved(project, root, moved)
    changed = {path for path, _, new in moved if new is not None}
    gone = [path for path, old, new in moved if new is None and old is not None]
    report = restore.apply(
        plan,
        objects,
        source,
        root,
        remove=gone,
        unchanged=lambda path, mode, oid: path not in changed,
        progress=None,
    )
    lookup.visit(project, record.id)
    kept = saved if saved.id != record.id else None
    return Restored(snapshot, kept, os.fspath(root), report.written, report.removed)


def _saved(project: Project, message: str, user: User) -> Snapshot:
    """A snapshot that holds the work tree: the one you are on, any other, or a new hidden one."""
    _ = project.identity
    from git_datmo.api import recording, state  # a folder elsewhere has no state to keep

    now = state.of_work_tree(project, user, {}, count_ignored=False)
    index = catalogue.refresh(project)
    held = {r.id: r for r in index.select(SNAPSHOT, tree=now.tree, include_hidden=True)}
    if held:
        on = [oid for oid in reversed(lookup.visited(project)) if oid in held]
        known = held[on[0]] if on else next(iter(held.values()))
        lookup.visit(project, known.id)
        project.let_go()
        return lookup.value(project, known, lookup.Names(index))
    session = lookup.session_of(project, None)
    return recording.record(project, now, recording.Words(session, message, visible=False))


def _refuse_unsaved(
    project: Project,
    root: Path,
    moved: list[tuple[bytes, treediff.Leaf | None, treediff.Leaf | None]],
) -> None:
    """Refuse to write over a file that no snapshot holds: ignored, or a secret left out."""
    in_the_way = []
    base = os.fsencode(root)
    for path, old, new in moved:
        if old is not None or new is None or new[0] == TREE:
            continue
        if os.path.lexists(base + b"/" + path) and not os.path.isdir(base + b"/" + path):
            in_the_way.append(os.fsdecode(path))
    if in_the_way:
        shown = ", ".join(in_the_way[:5]) + (", …" if len(in_the_way) > 5 else "")
        raise UnsafePath(
            f"{counted(len(in_the_way), 'file')} that no snapshot holds would be overwritten: "
            f"{shown}",
            hint="move them away, or restore elsewhere: git datmo snapshot checkout ID --into DIR",
        )
