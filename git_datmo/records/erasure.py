"""Content that only purged objects mention, and what is kept of them beside the store."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable
from contextlib import suppress
from pathlib import Path

from git_datmo.errors import Corrupt
from git_datmo.model.pointer import Pointer
from git_datmo.records.living import Living
from git_datmo.records.pointers import pointers_of
from git_datmo.records.project import Project
from git_datmo.storage import erasing, pool, views

# Caches of a work tree that count on content or objects which may be gone.
_CACHES = ("capture", "index")


def only_theirs(project: Project, doomed: Collection[str]) -> dict[Pointer, str]:
    """The content that nothing but `doomed` mentions, each with one path as its name.

    Raises Corrupt when not all that lives can be read: then anything may be mentioned.
    """
    found: dict[Pointer, str] = {}
    seen: set[str] = set()
    for oid in doomed:
        try:
            tree = project.repository.objects.commit(oid).tree
            for path, pointer in pointers_of(project, tree, seen):
                found.setdefault(pointer, os.fsdecode(path))
        except Corrupt:
            continue  # What is gone from git already can name nothing.
    if not found:
        return found
    living = Living(project, 0)
    read: set[bytes] = set()
    for root in living.roots():
        if root.id in doomed:
            continue
        for pointer in living.pointers(root, read):
            found.pop(pointer, None)
        if not found:
            break
    return found


def free(project: Project, doomed: Collection[str]) -> tuple[dict[Pointer, str], int, int]:
    """Take the content that only `doomed` mentions out of this clone's store, and what else is
    kept of it; returns that content, and the files and bytes freed. Raises Corrupt,
    RepositoryBusy."""
    if not project.store.folder.is_dir():
        return only_theirs(project, doomed), 0, 0
    # Nobody can record anything meanwhile, so what is mentioned stays what it was.
    with project.store.lock.alone():
        content = only_theirs(project, doomed)
        files, size = erasing.erase(project.store, content)
    return content, files, size


def forget(project: Project, doomed: Collection[str]) -> None:
    """Drop warm work trees, caches and the memory of where one was, as far as not in use, and the
    files of artifacts that were put on the disk, in use or not."""
    pool.trim(project.home, 0)
    for oid in doomed:
        with suppress(OSError):
            views.remove(project.home / views.ROOM / oid)
    for folder in _git_dirs(project.repository.common_dir):
        for name in _CACHES:
            with suppress(OSError):
                (folder / "datmo" / name).unlink()
        _unvisit(folder / "datmo" / "visited", doomed)


def _git_dirs(common: Path) -> Iterable[Path]:
    yield common
    with suppress(OSError):
        yield from sorted((common / "worktrees").iterdir())


def _unvisit(path: Path, doomed: Collection[str]) -> None:
    try:
        seen = path.read_text("ascii").split()
    except (OSError, UnicodeDecodeError):
        return
    left = [oid for oid in seen if oid not in doomed]
    if left == seen:
        return
    temporary = path.with_name(f"visited.{os.getpid()}")
    with suppress(OSError):
        temporary.write_text("".join(f"{oid}\n" for oid in left), "ascii")
        os.replace(temporary, path)
