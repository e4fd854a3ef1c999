"""What processes that were killed left lying about, and nobody will ever use.

Who knows how a thing looks while it is made also knows when it is litter: this only asks them.
"""

from __future__ import annotations

import os
import re
import shutil
import time
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path

from git_datmo.api import connection
from git_datmo.api.symptom import Patient, Symptom
from git_datmo.errors import Conflict
from git_datmo.model.freed import PART, TEMPORARY, VIEW
from git_datmo.records import flights
from git_datmo.records.project import Project
from git_datmo.remotes import gitwire
from git_datmo.remotes import live as uploads
from git_datmo.storage import aside, objectfiles, pack, pool, surplus
from git_datmo.storage.litter import LITTER_SECONDS

# What we write beside a file before it takes its place: small, and there for milliseconds.
_BESIDE = re.compile(
    r"(index|capture|intent|imports|environment|visited)\.[0-9]+|\.tmp-[A-Za-z0-9_]+"
)
_NEW = re.compile(r"new-[0-9a-f]{8}")
# What a restore makes in the work tree, with a name that nobody else gives.
_RESTORED = re.compile(r"\.datmo-(tmp-[0-9a-f]{16}|[0-9a-f]{16}|probe-[0-9a-f]{16}-.*)")

_Finder = Callable[[Project], Iterable[Path]]


def examine(patient: Patient) -> Iterator[Symptom]:
    """Litter in the git folder, and what an interrupted checkout left in the work tree."""
    project = patient.project
    finders: tuple[tuple[str, _Finder], ...] = (
        ("a copy into the store that was cut off", _stored),
        ("a git object, or a push, that was cut off", _objects),
        ("a pack that was cut off", lambda p: pack.litter(p.repository.common_dir)),
        ("a file that never took its place", _beside),
        ("objects on their way to a remote, cut off", _on_their_way),
        ("what is left of a run that never began, or was recorded", flights.litter),
        ("a work tree that was to be removed", lambda p: pool.litter(p.home)),
        ("a view of an artifact, cut off", _views),
    )
    for what, find in finders:
        for path in find(project):
            yield Symptom(
                "litter",
                str(path),
                f"{path}: {what}",
                "it is removed",
                partial(_remove, project, find, path),
                f"rm -r '{path}'",
            )
    yield from _slots(project)
    if project.repository.work_tree is not None:
        for path in _in_work_tree(project.repository.work_tree, everywhere=patient.full):
            yield Symptom(
                "litter",
                str(path),
                f"{path}: left by a checkout that was interrupted",
                "it is moved aside",
                partial(_put_aside, project, path),
                f"rm -r '{path}'",
            )


def _remove(project: Project, find: _Finder, path: Path) -> None:
    # Asked again: by now it may be somebody's.
    if path not in find(project):
        return
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
    if os.path.lexists(path):
        raise Conflict(f"{path} could not be removed")


def _stored(project: Project) -> Iterator[Path]:
    for row in surplus.leftovers(project.store, float("inf")):
        if row.kind in (TEMPORARY, PART):
            yield Path(row.name)


def _objects(project: Project) -> Iterator[Path]:
    return objectfiles.litter(project.repository.common_dir)


def _views(project: Project) -> Iterator[Path]:
    for row in surplus.leftovers(project.store, float("inf")):
        if row.kind == VIEW and Path(row.name).name.startswith("."):
            yield Path(row.name)


def _beside(project: Project) -> Iterator[Path]:
    common = project.repository.common_dir
    rooms = [git_dir / "datmo" for git_dir in (common, *connection.work_trees(common))]
    for room in rooms:
        yield from _old(room, _BESIDE)
    for room in _folders(project.home / "ledgers"):
        yield from _old(room, _NEW)


def _on_their_way(project: Project) -> Iterator[Path]:
    for room in (project.home / uploads.ROOM, *_folders(project.home / "ledgers")):
        yield from gitwire.litter(room)


def _old(folder: Path, shape: re.Pattern[str]) -> Iterator[Path]:
    before = time.time() - LITTER_SECONDS
    try:
        with os.scandir(folder) as entries:
            found = [entry for entry in entries if shape.fullmatch(entry.name)]
    except OSError:
        return
    for entry in found:
        try:
            if entry.stat(follow_symlinks=False).st_mtime < before:
                yield Path(entry.path)
        except FileNotFoundError:
            continue


def _folders(folder: Path) -> list[Path]:
    return [path for path in folder.iterdir() if path.is_dir()] if folder.is_dir() else []


def _slots(project: Project) -> Iterator[Symptom]:
    keep = project.max_slots
    many = list(pool.surplus(project.home, keep))
    if many:
        yield Symptom(
            "litter",
            str(project.home / "pool"),
            f"{len(many)} isolated work trees are kept beyond the {keep} of datmo.maxSlots",
            "they are removed",
            partial(_trim, project, keep),
        )


def _trim(project: Project, keep: int) -> None:
    pool.trim(project.home, keep)


def _in_work_tree(root: Path, *, everywhere: bool) -> Iterator[Path]:
    stack = [root]
    while stack:
        folder = stack.pop()
        yield from _old(folder, _RESTORED)
        if everywhere:
            try:
                with os.scandir(folder) as entries:
                    stack += [
                        Path(entry.path)
                        for entry in entries
                        if entry.is_dir(follow_symlinks=False)
                        and entry.name != ".git"
                        and not _RESTORED.fullmatch(entry.name)
                    ]
            except OSError:
                continue


def _put_aside(project: Project, path: Path) -> None:
    if os.path.lexists(path):
        aside.put(project.home, path, f"work-tree/{path.name}")
