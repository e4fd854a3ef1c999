"""The contents of a snapshot: which paths are files, and their bytes."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import IO, Any

from git_datmo.api import absence
from git_datmo.errors import ContentMissing
from git_datmo.model.pointer import Pointer
from git_datmo.records import snapshots
from git_datmo.records.pointers import pointer_at, pointers_of
from git_datmo.records.project import Project
from git_datmo.storage.objects import GITLINK, TREE
from git_datmo.storage.treediff import Finder, Leaf, walk


class Content:
    """Verified content by pointer, fetched from the remotes when it is not in the store.

    Of `snapshots`, all that is missing is fetched when the first of it is asked for.
    """

    def __init__(
        self,
        project: Project,
        progress: Callable[[int], None] | None = None,
        snapshots: Sequence[str] = (),
        expect: Callable[[int], None] | None = None,
    ) -> None:
        self._project = project
        self._progress, self._expect = progress, expect
        self._snapshots = snapshots

    def prepare(self, wanted: dict[Pointer, str]) -> None:
        """Bring what is missing. Raises ContentMissing that names all that cannot be had, where
        it was looked for, and who can bring it."""
        from git_datmo.remotes import content as remote_content

        lost = remote_content.collect(self._project, wanted, self._progress, self._expect).lost
        if lost:
            raise absence.error(self._project, wanted, lost, self._snapshots)

    def open(self, pointer: Pointer) -> int:
        """A descriptor of the content. Raises ContentMissing, DamagedContent."""
        if self._project.store.has(pointer):
            # What lies under its name may turn out to be something else.
            with suppress(ContentMissing):
                return self._project.store.open(pointer)
        from git_datmo.remotes import content as remote_content

        along = remote_content.needed(self._project, self._snapshots, {})
        self.prepare({pointer: pointer.key, **along})
        return self._project.store.open(pointer)


def files_of(project: Project, oid: str) -> dict[bytes, Leaf]:
    """The paths of a snapshot that count as files: named in it, or pointers."""
    objects = project.repository.objects
    commit = objects.commit(oid)
    found: dict[bytes, Leaf] = {}
    finder = Finder(objects.tree, commit.tree)
    for path in snapshots.file_paths(commit):
        leaf = finder(path.rstrip(b"/")) if path.strip(b"/") else (TREE, commit.tree)
        if leaf is None:
            continue
        if leaf[0] == TREE:
            prefix = path.rstrip(b"/") + b"/" if path.strip(b"/") else b""
            found.update((prefix + p, (mode, o)) for p, mode, o in walk(objects.tree, leaf[1]))
        else:
            found[path] = leaf
    if snapshots.facts(commit)["file_collection_id"]:
        for path, _ in pointers_of(project, commit.tree):
            leaf = finder(path)
            if leaf is not None:
                found[path] = leaf
    objects.bring(blob for mode, blob in found.values() if mode not in (GITLINK, TREE))
    return {path: leaf for path, leaf in found.items() if leaf[0] != TREE}


def listing(project: Project, oid: str) -> list[dict[str, Any]]:
    """The files of a snapshot with their sizes in bytes, by path."""
    rows = []
    for path, (_, blob) in sorted(files_of(project, oid).items()):
        pointer = pointer_at(project, blob)
        size = pointer.size if pointer else project.repository.objects.size(blob)
        rows.append(
            {"path": os.fsdecode(path), "size": size, "stored": pointer.key if pointer else None}
        )
    return rows


def open_files(project: Project, oid: str, mode: str) -> list[IO[Any]]:
    """Every file of a snapshot, opened for reading; what `Snapshot.get_files` gives."""
    found = sorted(files_of(project, oid).items())
    pointers = {path: pointer_at(project, blob) for path, (_, blob) in found}
    content = Content(project, snapshots=[oid])
    content.prepare({p: os.fsdecode(path) for path, p in pointers.items() if p is not None})
    opened: list[IO[Any]] = []
    for path, (_, blob) in found:
        pointer = pointers[path]
        raw: IO[bytes]
        if pointer is not None:
            raw = _Named(content.open(pointer), os.fsdecode(path))
        else:
            raw = _Bytes(project.repository.objects.blob(blob), os.fsdecode(path))
        opened.append(raw if "b" in mode else io.TextIOWrapper(raw, encoding="utf-8"))
    return opened


class _Bytes(io.BytesIO):
    def __init__(self, data: bytes, name: str) -> None:
        super().__init__(data)
        self.name = name


class _Named(io.BufferedReader):
    def __init__(self, fd: int, name: str) -> None:
        super().__init__(io.FileIO(fd, "rb", closefd=True))
        self._path = name

    @property
    def name(self) -> str:
        return self._path
