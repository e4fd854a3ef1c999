"""Which content a push needs, and moving it between our store and the remotes' places."""

from __future__ import annotations

import os
from collections.abc import Callable, Container, Iterable

from git_datmo.errors import ContentMissing, Corrupt, DamagedContent
from git_datmo.model.pointer import Pointer
from git_datmo.records import catalogue
from git_datmo.records.kinds import RUN, SNAPSHOT
from git_datmo.records.pointers import pointers_of
from git_datmo.records.project import Project
from git_datmo.remotes import places
from git_datmo.remotes.directory import Directory
from git_datmo.storage import notes
from git_datmo.storage.objects import EMPTY_TREE

Progress = Callable[[int], None]


def unsent(
    project: Project,
    tip: str | None,
    known: str | None,
    kinds: Container[str] = (SNAPSHOT, RUN),
) -> list[str]:
    """The living snapshots and runs that a chain gained between two of its tips, oldest first."""
    objects = project.repository.objects
    if tip is None or tip == known:
        return []
    before = EMPTY_TREE
    if known and objects.has(known):
        try:
            before = catalogue.notes_tree(project, known)
        except Corrupt:
            before = EMPTY_TREE
    after = catalogue.notes_tree(project, tip)
    index = catalogue.refresh(project)
    found = []
    for target, old, new in notes.diff(objects, before, after):
        if old is None and new is not None:
            record = index.get(target)
            if record is not None and record.kind in kinds and not record.deleted:
                found.append((record.created, target))
    return [target for _, target in sorted(found)]


def needed(
    project: Project, snapshots: Iterable[str], damaged: dict[str, str] | None = None
) -> dict[Pointer, str]:
    """The content that snapshots or runs refer to, each with one path as its name.

    Raises Corrupt when one cannot be read; with `damaged`, that is noted there by snapshot.
    """
    seen: set[str] = set()
    wanted: dict[Pointer, str] = {}
    index = catalogue.refresh(project)
    for oid in snapshots:
        record = index.get(oid)
        if record is None or record.deleted:
            continue
        if record.doc.get("file_collection_id") == EMPTY_TREE:
            continue
        try:
            for path, pointer in pointers_of(project, record.tree or EMPTY_TREE, seen):
                wanted.setdefault(pointer, os.fsdecode(path))
        except Corrupt as error:
            if damaged is None:
                raise
            damaged[oid] = error.message
            seen.clear()
    return wanted


def send(
    project: Project,
    place: Directory,
    wanted: dict[Pointer, str],
    others: dict[Pointer, str],
    progress: Progress | None = None,
) -> tuple[int, int, list[Pointer]]:
    """Bring content to a place; what is not here is first looked for on the other remotes.

    Returns (files, bytes) sent, and which of `others`, content of snapshots that other clones
    made, cannot be had. Raises ContentMissing when that is so for any of `wanted`, our own.
    """
    to_send = [pointer for pointer in {**wanted, **others} if not place.has(pointer)]
    absent = {p: "" for p in to_send if not project.store.has(p)}
    lost = collect(project, absent, progress)[2] if absent else []
    ours = [pointer for pointer in lost if pointer in wanted]
    if ours:
        raise ContentMissing(
            f"{len(ours)} files to be pushed are neither in this clone's store nor on another "
            f"remote, among them {wanted[ours[0]]} ({ours[0].size} bytes, {ours[0].key})",
            hint="delete the snapshots that need them, or bring the files back: "
            "'git datmo fsck' names both",
        )
    sent = [pointer for pointer in to_send if pointer not in lost]
    for pointer in sent:
        place.put(project.store, pointer, progress)
    return len(sent), sum(pointer.size for pointer in sent), lost


def collect(
    project: Project,
    wanted: dict[Pointer, str],
    progress: Progress | None = None,
    only: str | None = None,
) -> tuple[int, int, list[Pointer]]:
    """Fetch content that is not here from the remotes that have it.

    Returns (files, bytes, what no remote had). Raises DamagedContent when all that a remote
    has under a name is damaged.
    """
    missing = project.store.missing(wanted)
    if not missing:
        return 0, 0, []
    known = places.places(project, only)
    files, size, lost = 0, 0, []
    for pointer in missing:
        if _get(project, known, pointer, progress):
            files, size = files + 1, size + pointer.size
        else:
            lost.append(pointer)
    return files, size, lost


def _get(
    project: Project, known: list[Directory], pointer: Pointer, progress: Progress | None
) -> bool:
    damaged: DamagedContent | None = None
    for place in known:
        if not place.has(pointer):
            continue
        try:
            place.get(project.store, pointer, progress)
            return True
        except DamagedContent as error:
            damaged = error
        except ContentMissing:
            continue
    if damaged is not None:
        raise damaged
    return False
