"""The index, brought up to date from the notes chains: ours and everyone's.

Sources are the tips of all chains. A chain that moved costs a comparison of two notes trees;
each object whose notes changed is folded anew from all sources.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable
from typing import TYPE_CHECKING

from git_datmo.errors import Corrupt, DamagedObject, NewerFormat, NoSpace, RemoteError
from git_datmo.records import clones, layout, purged, revivals
from git_datmo.records.project import Project
from git_datmo.storage import refs

if TYPE_CHECKING:
    from git_datmo.model.operation import Operation
    from git_datmo.storage.index import Index, Update

CONVENIENCE = frozenset({"snapshots", "environments", "runs", "artifacts"})
PROBLEMS = "problems"


def sources(project: Project) -> dict[str, str]:
    """The tip of every notes chain here, by ref name."""
    common = project.repository.common_dir
    ours = refs.read(common, layout.NOTES)
    theirs = refs.read(common, layout.REMOTES, skip=CONVENIENCE)
    project.unreadable = {**ours.bad, **theirs.bad}
    found = {**ours.found, **theirs.found}
    chains = {name: oid for name, oid in found.items() if layout.clone_of(name)}
    own = refs.read_one(common, layout.LOCAL_TIP)
    if own is not None:
        clone = clones.read(project.home)
        if clone is not None:
            chains.pop(layout.notes_ref(clone.id), None)
        chains[layout.LOCAL_TIP] = own
    return chains


def refresh(project: Project) -> Index:
    """Bring the index up to the present refs and return it."""
    index = project.index
    current = sources(project)
    if index.tips() == current:
        return index
    try:
        _catch_up(project, index, current)
    except NoSpace:
        # Derived data: a full disk fails no listing, and no command that has done its work.
        index.keep_in_memory()
        _catch_up(project, index, current)
    except sqlite3.DatabaseError:
        # Derived data: what cannot be used is made again.
        index.close()
        (project.home / "index.sqlite").unlink(missing_ok=True)
        project.__dict__.pop("index", None)
        index = project.index
        _catch_up(project, index, current)
    return index


def problems(index: Index) -> dict[str, str]:
    """Chains that could not be read, by ref name, with the reason."""
    text = index.meta(PROBLEMS)
    return dict(json.loads(text)) if text else {}


def _catch_up(project: Project, index: Index, current: dict[str, str]) -> None:
    with index.update() as update:
        known = index.tips()
        found = problems(index)
        notes = _Notes(index, update)
        for name in known.keys() - current.keys():
            notes.drop(name)
            update.set_tip(name, None)
            found.pop(name, None)
        for name, tip in current.items():
            if known.get(name) != tip:
                _follow(project, notes, name, known.get(name), tip, found)
        touched = set(notes.before)
        if touched and project.repository.objects.promised.remotes:
            from git_datmo.records import promises

            promises.bring_records(project, touched)
        gone = purged.follow(project, index, update, touched)
        for target in touched:
            if target in gone:
                update.remove(target)
            elif notes.changed(target):
                _fold(project, index, update, target)
        update.set_meta(PROBLEMS, json.dumps(found))


class _Notes:
    """What chains say of objects, as they move; `before` is what was said of each that was
    touched. A chain that goes where another says the same costs no reading."""

    def __init__(self, index: Index, update: Update) -> None:
        self._index, self.update = index, update
        self.before: dict[str, list[str]] = {}

    def set(self, name: str, target: str, blob: str | None) -> None:
        """Say which note a chain holds on an object."""
        if target not in self.before:
            self.before[target] = self._index.note_blobs(target)
        self.update.set_note(name, target, blob)

    def drop(self, name: str) -> None:
        """Forget all that a chain says."""
        for target in list(self.update.objects_of(name)):
            self.set(name, target, None)

    def changed(self, target: str) -> bool:
        """Whether an object has to be folded anew."""
        if target not in self.before or self._index.get(target) is None:
            return True
        return self.before[target] != self._index.note_blobs(target)


def _follow(
    project: Project,
    said: _Notes,
    name: str,
    before: str | None,
    tip: str,
    found: dict[str, str],
) -> None:
    from git_datmo.storage import notes
    from git_datmo.storage.objects import EMPTY_TREE

    objects = project.repository.objects
    try:
        new = notes_tree(project, tip)
    except Corrupt as error:
        found[name] = error.message
        said.update.set_tip(name, tip)
        return
    old = EMPTY_TREE
    if before is not None:
        try:
            old = notes_tree(project, before)
        except Corrupt:
            said.drop(name)
    try:
        changed: Iterable[tuple[str, str | None, str | None]] = notes.diff(objects, old, new)
        if objects.promised.remotes:
            changed = list(changed)
            objects.bring(blob for _, _, blob in changed if blob is not None)
    except RemoteError as error:
        # A partial clone without its remote: what it knew holds until it can read on.
        found[name] = error.message
        return
    found.pop(name, None)
    for target, _, blob in changed:
        said.set(name, target, blob)
    said.update.set_tip(name, tip)


def notes_tree(project: Project, tip: str) -> str:
    """The notes tree of a chain's tip. Raises DamagedObject, NewerFormat."""
    commit = project.repository.objects.commit(tip)
    layout.trailers(commit.message)
    return commit.tree


def _fold(project: Project, index: Index, update: Update, target: str) -> None:
    """Fold one object's operations into the index."""
    from git_datmo.model import operation
    from git_datmo.records.entries import record_of
    from git_datmo.storage import notes

    operations: list[operation.Operation] = []
    for blob in index.note_blobs(target):
        try:
            parsed, _ = operation.parse_note(notes.read(project.repository.objects, blob))
        except DamagedObject:
            continue
        operations += parsed
    if not operations:
        update.remove(target)
        return
    try:
        record = record_of(project, target, operations)
    except (DamagedObject, NewerFormat):
        record = None
    if any("deleted" in each.set for each in operations):
        revivals.follow(index, update, target, record)
    if record is None:
        update.remove(target)
    else:
        update.put(record)


def operations_of(project: Project, target: str) -> Iterable[bytes]:
    """Every distinct operation line on an object, in no order."""
    from git_datmo.storage import notes

    seen: set[bytes] = set()
    for blob in refresh(project).note_blobs(target):
        for line in notes.read(project.repository.objects, blob).splitlines():
            if line not in seen:
                seen.add(line)
                yield line


def first_operation(project: Project, index: Index, target: str) -> Operation | None:
    """The operation that made an object: the first of all that are known about it."""
    from git_datmo.model import operation
    from git_datmo.storage import notes

    objects = project.repository.objects
    made: list[Operation] = []
    for blob in index.note_blobs(target):
        try:
            made += operation.parse_note(notes.read(objects, blob))[0]
        except DamagedObject:
            continue
    return min(made, key=lambda m: (m.at, m.clone, m.line), default=None)


def made_here(project: Project, index: Index, target: str) -> bool:
    """Whether this clone made an object: our own chain holds the operation that made it, and
    that one is ours, not one that was absorbed from a chain of somebody else's."""
    from git_datmo.storage import notes

    clone = clones.read(project.home)
    if clone is None or not index.has_note(layout.LOCAL_TIP, target):
        return False
    first = first_operation(project, index, target)
    if first is None or first.clone not in (clone.id, *clone.former):
        return False
    if len(index.note_blobs(target)) == 1:
        return True
    objects = project.repository.objects
    own = notes.get(objects, notes_tree(project, index.tips()[layout.LOCAL_TIP]), target)
    return own is not None and first.line in objects.blob(own).splitlines()
