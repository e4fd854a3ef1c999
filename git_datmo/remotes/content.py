"""Which content a push needs, and moving it between our store and the remotes' places."""

from __future__ import annotations

import os
from collections.abc import Callable, Container, Iterable

from git_datmo.errors import ContentMissing, Corrupt, DamagedContent, DatmoError, RemoteError
from git_datmo.model.frozen import frozen
from git_datmo.model.pointer import Pointer
from git_datmo.model.quantity import counted
from git_datmo.records import catalogue
from git_datmo.records.kinds import HOLDERS
from git_datmo.records.pointers import pointers_of
from git_datmo.records.project import Project
from git_datmo.records.promises import bring_pointers
from git_datmo.remotes.base import Place
from git_datmo.storage import notes
from git_datmo.storage.objects import EMPTY_TREE

Progress = Callable[[int], None]


def unsent(
    project: Project,
    tip: str | None,
    known: str | None,
    kinds: Container[str] = HOLDERS,
) -> list[str]:
    """The living snapshots, runs and artifacts that a chain gained or brought back between two of
    its tips, oldest first."""
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
        record = index.get(target) if new is not None else None
        if record is None or record.kind not in kinds or record.deleted:
            continue
        if old is None or (new is not None and _was_deleted(project, old, new)):
            found.append((record.created, target))
    return [target for _, target in sorted(found)]


def _was_deleted(project: Project, before: str, after: str) -> bool:
    """Whether a note's new lines speak of deletion: what is brought back may have been freed."""
    known = set(project.repository.objects.blob(before).splitlines())
    lines = project.repository.objects.blob(after).splitlines()
    return any(b'"deleted"' in line for line in lines if line not in known)


def needed(
    project: Project, snapshots: Iterable[str], damaged: dict[str, str] | None = None
) -> dict[Pointer, str]:
    """The content that snapshots, runs or artifacts refer to, each with one path as its name.

    Raises Corrupt when one cannot be read; with `damaged`, that is noted there by snapshot.
    """
    seen: set[str] = set()
    wanted: dict[Pointer, str] = {}
    index = catalogue.refresh(project)
    trees: dict[str, str] = {}
    for oid in snapshots:
        record = index.get(oid)
        if record is None or record.deleted:
            continue
        if record.doc.get("file_collection_id") != EMPTY_TREE:
            trees[oid] = record.tree or EMPTY_TREE
    bring_pointers(project, trees.values())
    for oid, tree in trees.items():
        try:
            for path, pointer in pointers_of(project, tree, seen):
                wanted.setdefault(pointer, os.fsdecode(path))
        except Corrupt as error:
            if damaged is None:
                raise
            damaged[oid] = error.message
            seen.clear()
    return wanted


@frozen
class Collected:
    """What fetching content did; `lost` says for each content that could not be had why not,
    place by place."""

    files: int
    size: int
    lost: dict[Pointer, tuple[str, ...]]


def send(
    project: Project,
    place: Place,
    wanted: dict[Pointer, str],
    others: dict[Pointer, str],
    progress: Progress | None = None,
    expect: Progress | None = None,
) -> tuple[int, int, list[Pointer]]:
    """Bring content to a place; what is not here is first looked for on the other remotes.

    `expect` is told of the bytes that are about to move. Returns (files, bytes) sent, and which
    of `others`, content of snapshots that other clones made, cannot be had. Raises
    ContentMissing when that is so for any of `wanted`, our own.
    """
    asked = list({**wanted, **others})
    there = place.present(asked) if asked else set()
    to_send = [pointer for pointer in asked if pointer not in there]
    absent = {p: "" for p in to_send if not project.store.has(p)}
    lost = collect(project, absent, progress, expect).lost if absent else {}
    ours = [pointer for pointer in lost if pointer in wanted]
    if ours:
        raise ContentMissing(
            f"{counted(len(ours), 'file')} to be pushed cannot be had, neither from this clone's "
            f"store nor from another remote, among them {wanted[ours[0]]} ({ours[0].size} bytes, "
            f"{ours[0].key})",
            hint="delete the snapshots that need them, or bring the files back: "
            "'git datmo fsck' names both",
        )
    sent = [pointer for pointer in to_send if pointer not in lost]
    size = sum(pointer.size for pointer in sent)
    if expect is not None and size:
        expect(size)
    if sent:
        place.put(project.store, sent, progress or _silent)
    return len(sent), size, list(lost)


def collect(
    project: Project,
    wanted: Iterable[Pointer],
    progress: Progress | None = None,
    expect: Progress | None = None,
    only: str | None = None,
) -> Collected:
    """Fetch content that is not here from the remotes that have it.

    A remote that cannot be reached, or has something else under a name, does not keep others
    from giving it. Raises DamagedContent when all that any remote has is damaged.
    """
    missing = project.store.missing(wanted)
    if not missing:
        return Collected(0, 0, {})
    if expect is not None:
        expect(sum(pointer.size for pointer in missing))
    from git_datmo.remotes import places

    reasons: dict[Pointer, list[str]] = {pointer: [] for pointer in missing}
    damaged: dict[Pointer, DatmoError] = {}
    left = missing
    for remote, place in places.places(project, only):
        if not left:
            break
        try:
            failed = place.get(project.store, left, progress or _silent)
        except RemoteError as refusal:
            for pointer in (left := project.store.missing(left)):
                reasons[pointer].append(f"{remote} ({place.name}): {refusal.message}")
            continue
        finally:
            place.close()
        for pointer, error in failed.items():
            reasons[pointer].append(f"{remote} ({place.name}): {_why(error)}")
            if isinstance(error, DamagedContent):
                damaged[pointer] = DamagedContent(
                    f"{remote} ({place.name}): {error.message}",
                    hint="whoever may write there deletes that file; then 'git datmo push "
                    "--content' in a clone that has it brings it again",
                )
        left = [pointer for pointer in left if pointer in failed]
    for pointer in left:
        if pointer in damaged:
            raise damaged[pointer]
    got = [pointer for pointer in missing if pointer not in set(left)]
    lost = {pointer: tuple(reasons[pointer]) for pointer in left}
    return Collected(len(got), sum(pointer.size for pointer in got), lost)


def _why(error: DatmoError) -> str:
    if not isinstance(error, ContentMissing):
        return error.message
    # What every such error advises is no news; what this place advises is.
    own = vars(error).get("hint")
    return f"it is not there ({own})" if own else "it is not there"


def _silent(count: int) -> None:
    pass
