"""What lives, and which content it mentions: what must stay wherever content is freed.

Living is all that no chain known here has deleted, ours or a remote's, all that was deleted so
lately that it may still be wanted back, and what runs under way started from. What cannot be
read may mention anything: then nothing may be freed.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from git_datmo.errors import Corrupt, DatmoError, InvalidPointer
from git_datmo.model import operation
from git_datmo.model.pointer import Pointer
from git_datmo.records import catalogue, flights, layout, promises, purged
from git_datmo.records.pointers import pointer_at
from git_datmo.records.project import Project
from git_datmo.storage import notes, refs
from git_datmo.storage.index import Index
from git_datmo.storage.index.record import Outline
from git_datmo.storage.objects import BLOB, EXECUTABLE, TREE

PLACES = (layout.OWN, layout.REMOTES, layout.LOCAL)
_SHOWN = 5
# After so many the library lets go of the objects that it keeps in memory.
_FLAT = 2000


class Root(NamedTuple):
    """Something that lives: its id, what is noted of it (None: nothing), its trees."""

    id: str
    outline: Outline | None
    trees: tuple[str, ...]


class Living:
    """One look at what lives. `since`, in milliseconds: what was deleted later lives still."""

    def __init__(self, project: Project, since: int) -> None:
        self._project, self._since = project, since
        self._state: object = None

    def roots(self) -> Iterator[Root]:
        """All that lives now. Raises Corrupt when that cannot be told."""
        project = self._project
        self._state = _state(project)
        project.repository.objects.forget()
        index = catalogue.refresh(project)
        self._require_readable(index)
        for number, outline in enumerate(index.outlines(), 1):
            if number % _FLAT == 0:
                project.repository.objects.forget()
            if not outline.deleted or not self._gone(index, outline.id):
                trees = (outline.tree, self._environment(outline.environment))
                yield Root(outline.id, outline, tuple(tree for tree in trees if tree))
        yield from self._without_record(index)
        yield from self._under_way()

    def moved(self) -> bool:
        """Whether anything may have come to life since `roots` was last asked."""
        return self._state != _state(self._project)

    def pointers(self, root: Root, seen: set[bytes]) -> Iterator[Pointer]:
        """The content that something mentions. What is in `seen` is passed over and noted, so
        content comes once, and each tree is read once. Raises Corrupt."""
        try:
            for tree in root.trees:
                yield from self._below(tree, seen)
        except Corrupt as error:
            raise _unknown([f"{root.id[:12]}: {error.message}"]) from error

    def _below(self, tree: str, seen: set[bytes]) -> Iterator[Pointer]:
        objects = self._project.repository.objects
        large = promises.larger(self._project, tree)
        stack = [tree]
        while stack:
            folder = stack.pop()
            if not _new(folder, seen):
                continue
            for _, mode, oid in objects.tree(folder):
                if mode == TREE:
                    stack.append(oid)
                elif mode in (BLOB, EXECUTABLE) and oid not in large and _new(oid, seen):
                    try:
                        pointer = pointer_at(self._project, oid)
                    except InvalidPointer:
                        continue  # Its bytes never change: nobody can ever restore it.
                    if pointer is not None:
                        yield pointer

    def _require_readable(self, index: Index) -> None:
        common = self._project.repository.common_dir
        wrong = [f"{name}: {why}" for name, why in catalogue.problems(index).items()]
        for prefix in PLACES:
            wrong += [f"{name}: {why}" for name, why in refs.read(common, prefix).bad.items()]
        if wrong:
            raise _unknown(wrong)

    def _gone(self, index: Index, target: str) -> bool:
        """Whether all notes together say that something was deleted long enough ago, and every
        line of them is understood."""
        objects = self._project.repository.objects
        made: list[operation.Operation] = []
        try:
            for blob in index.note_blobs(target):
                known, problems = operation.parse_note(notes.read(objects, blob))
                if problems:
                    return False
                made += known
        except Corrupt:
            return False
        old = all(each.at >> 12 < self._since for each in made)
        return old and operation.fold(made).get("deleted") is True

    def _environment(self, tree: str | None) -> str | None:
        # A snapshot may name any environment; one that is nowhere mentions nothing.
        return tree if tree and self._project.repository.objects.has(tree) else None

    def _without_record(self, index: Index) -> Iterator[Root]:
        """What is noted and is no noun known here, and what refs name that no chain speaks of."""
        objects, common = self._project.repository.objects, self._project.repository.common_dir
        missing = []
        gone = purged.known(index)
        for target in index.unread():
            if target in gone:
                continue
            kind = objects.kind(target)
            if kind == "commit":
                yield Root(target, None, (objects.commit(target).tree,))
            elif kind is None and not self._gone(index, target):
                missing.append(f"{target[:12]} is missing from git")
        for prefix in PLACES:
            for name, oid in refs.read(common, prefix).found.items():
                chain = layout.clone_of(name) is not None or name == layout.LOCAL_TIP
                if chain or oid in gone or index.get(oid) is not None:
                    continue
                kind = objects.kind(oid)
                if kind == "commit":
                    yield Root(oid, None, (objects.commit(oid).tree,))
                elif kind is None:
                    missing.append(f"{name} names {oid[:12]}, which is missing from git")
        if missing:
            raise _unknown(missing)

    def _under_way(self) -> Iterator[Root]:
        objects = self._project.repository.objects
        for flight in flights.listed(self._project):
            facts = flight.facts()
            for name in ("before_id", "after_id"):
                oid = facts.get(name)
                if isinstance(oid, str) and layout.is_oid(oid) and objects.kind(oid) == "commit":
                    yield Root(oid, None, (objects.commit(oid).tree,))


def _state(project: Project) -> object:
    common = project.repository.common_dir
    found = {prefix: refs.read(common, prefix) for prefix in PLACES}
    flying = sorted(flight.id for flight in flights.listed(project))
    return {prefix: (known.found, known.bad) for prefix, known in found.items()}, flying


def _new(oid: str, seen: set[bytes]) -> bool:
    raw = bytes.fromhex(oid)
    if raw in seen:
        return False
    seen.add(raw)
    return True


def _unknown(wrong: list[str]) -> DatmoError:
    shown = "; ".join(wrong[:_SHOWN]) + (f" and {len(wrong) - _SHOWN} more" * (len(wrong) > _SHOWN))
    return Corrupt(
        f"nothing was freed, for not all that lives can be read: {shown}",
        hint="'git datmo fsck' names the damage; 'git datmo fetch', or in a shallow clone "
        "'git fetch --unshallow', brings what is missing",
    )
