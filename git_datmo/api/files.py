"""The files of snapshots, runs and artifacts, by commit and path, as far as they are here.

Paths are looked up in git's trees and nowhere else: none leads out. Nothing is fetched: who looks
at a page has not asked for gigabytes.
"""

from __future__ import annotations

import io
import os
from collections.abc import Iterable
from contextlib import suppress
from itertools import islice
from typing import IO

from git_datmo.errors import Conflict, ContentMissing, Corrupt, EntityNotFound, ValidationFailed
from git_datmo.model.diff import FileChange
from git_datmo.model.file import FILE, FOLDER, LINK, SUBMODULE, File, Folder
from git_datmo.records import artifacts, catalogue
from git_datmo.records.kinds import ARTIFACT, HOLDERS
from git_datmo.records.pointers import pointer_at
from git_datmo.records.project import Project
from git_datmo.storage import treediff
from git_datmo.storage.objects import EMPTY_TREE, GITLINK, TREE
from git_datmo.storage.objects import LINK as LINK_MODE
from git_datmo.storage.treediff import MAX_DEPTH, Leaf, find

LIMIT = 500
MOST_PATHS, MOST_BYTES = 100_000, 64 << 20


def look(project: Project, *, id: str, path: str) -> File:
    """What lies at a path of a snapshot, run (its commit) or artifact. Raises EntityNotFound."""
    return _file(project, path, leaf_at(project, id, path))


def folder(
    project: Project, *, id: str, path: str = "", limit: int = LIMIT, offset: int = 0
) -> Folder:
    """The things in a folder, folders first and then by name; `limit` of them after `offset`.

    Raises EntityNotFound where there is no such folder, ValidationFailed for negative numbers.
    """
    if limit < 0 or offset < 0:
        raise ValidationFailed("limit and offset count from 0")
    leaf = leaf_at(project, id, path)
    if leaf[0] != TREE:
        raise EntityNotFound(f"{path!r} is no folder")
    listed = sorted(
        project.repository.objects.tree(leaf[1]), key=lambda entry: (entry[1] != TREE, entry[0])
    )
    lead = path + "/" if path else ""
    found = (
        _file(project, lead + os.fsdecode(name), (mode, oid))
        for name, mode, oid in listed[offset : offset + limit]
    )
    return Folder(path, tuple(found), len(listed))


def changed(
    project: Project, *, before: str | None, after: str, limit: int = LIMIT
) -> tuple[list[FileChange], int]:
    """The paths that differ from one snapshot to another, the first `limit` of them by name, and
    how many there are. Without `before` everything was added. Raises EntityNotFound, and Conflict
    where there are more than anybody would look at.
    """
    objects = project.repository.objects
    trees = [leaf_at(project, id, "")[1] if id else EMPTY_TREE for id in (before, after)]
    moved = list(islice(treediff.diff(objects.tree, *trees), MOST_PATHS + 1))
    if len(moved) > MOST_PATHS:
        raise Conflict(
            f"more than {MOST_PATHS:,} paths differ",
            hint=f"git diff --stat {trees[0][:12]} {trees[1][:12]}",
        )
    moved.sort(key=lambda each: each[0])
    return [_change(project, *each) for each in moved[:limit]], len(moved)


def open(project: Project, *, id: str, path: str) -> IO[bytes]:
    """A file opened for reading. Raises EntityNotFound, DamagedContent, and ContentMissing when
    the content is not in this clone."""
    leaf = leaf_at(project, id, path)
    if leaf[0] in (TREE, GITLINK):
        raise EntityNotFound(f"{path!r} is no file")
    return opened(project, leaf[1], id, path)


def require(project: Project, *, id: str, paths: Iterable[str]) -> None:
    """Raise ContentMissing unless the content of all that lies at some paths is in this clone."""
    for path in paths:
        with suppress(EntityNotFound):
            if not look(project, id=id, path=path).here:
                raise _missing(id, path)


def opened(project: Project, blob: str, id: str, path: str) -> IO[bytes]:
    """What a blob holds or points to. Raises ContentMissing, DamagedContent, and Conflict for more
    in git itself than memory is for: git packs a gigabyte of zeros into a few kilobytes."""
    objects = project.repository.objects
    if objects.kind(blob) is None:
        raise _missing(id, path)
    pointer = pointer_at(project, blob)
    if pointer is None:
        if (objects.size(blob) or 0) > MOST_BYTES:
            raise Conflict(
                f"{path!r} is stored in git itself, and too large to be shown from there",
                hint=f"git cat-file blob {blob}",
            )
        return io.BytesIO(objects.blob(blob))
    if not project.store.has(pointer):
        raise _missing(id, path)
    return os.fdopen(project.store.open(pointer), "rb")


def leaf_at(project: Project, id: str, path: str) -> Leaf:
    """(mode, id) of a path below a commit that the index knows. Raises EntityNotFound."""
    record = catalogue.refresh(project).get(id)
    if record is None or record.kind not in HOLDERS:
        raise EntityNotFound(f"no snapshot, run or artifact is recorded as {id!r}")
    objects = project.repository.objects
    tree = record.tree or objects.commit(id).tree
    if record.kind == ARTIFACT:
        tree = artifacts.files_tree(project, tree)
    raw = os.fsencode(path)
    leaf = find(objects.tree, tree, raw) if raw.count(b"/") < MAX_DEPTH else None
    if leaf is None:
        raise EntityNotFound(f"there is no {path!r} in {id[:12]}")
    return leaf


def _missing(id: str, path: str) -> ContentMissing:
    return ContentMissing(
        f"the content of {path!r} is not in this clone",
        hint=f"'git datmo pull --content' brings all that is missing, "
        f"'git datmo pull REMOTE {id[:12]}' what {id[:12]} needs",
    )


def _change(project: Project, path: bytes, old: Leaf | None, new: Leaf | None) -> FileChange:
    text = os.fsdecode(path)
    was = None if old is None else _file(project, text, old)
    now = None if new is None else _file(project, text, new)
    return FileChange(
        text,
        "A" if was is None else "D" if now is None else "M" if was.kind == now.kind else "T",
        before_size=was.size if was else None,
        after_size=now.size if now else None,
        before_digest=(was.stored or (old and old[1])) if was else None,
        after_digest=(now.stored or (new and new[1])) if now else None,
        before_mode=old[0] if old else None,
        after_mode=new[0] if new else None,
    )


def _file(project: Project, path: str, leaf: Leaf) -> File:
    mode, oid = leaf
    if mode == TREE:
        return File(path, FOLDER)
    if mode == GITLINK:
        return File(path, SUBMODULE)
    kind = LINK if mode == LINK_MODE else FILE
    objects = project.repository.objects
    if objects.kind(oid) is None:
        return File(path, kind, here=False)
    try:
        pointer = pointer_at(project, oid) if kind == FILE else None
    except Corrupt:
        pointer = None  # Shown as the text that it is.
    if pointer is None:
        return File(path, kind, objects.size(oid))
    return File(path, kind, pointer.size, pointer.key, project.store.has(pointer))
