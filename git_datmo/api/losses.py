"""Stored content that is damaged or not here, and whether a remote has it."""

from __future__ import annotations

import os
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from contextlib import suppress

from git_datmo.errors import Corrupt, RemoteError
from git_datmo.model.pointer import Pointer
from git_datmo.model.project import Loss
from git_datmo.records import catalogue
from git_datmo.records.kinds import HOLDERS
from git_datmo.records.pointers import pointers_of
from git_datmo.records.project import Project
from git_datmo.remotes import places
from git_datmo.storage.objects import EMPTY_TREE

Users = Mapping[Pointer, Sequence[tuple[str, str]]]


def find(
    project: Project, users: Users, *, fast: bool, progress: Callable[[int], None] | None
) -> Iterator[Loss]:
    """What is wrong with the content of `users`, which maps it to objects and paths in them.

    `fast` reads none that has the right size. What is not here and a remote has is no loss.
    """
    store = project.store
    wrong: dict[Pointer, bool] = {}
    for pointer in users:
        there = [path for path in store.candidates(pointer) if os.path.lexists(path)]
        if there and (not fast or not store.has(pointer)):
            if pointer not in [store.measure(path, advance=progress) for path in there]:
                wrong[pointer] = True
        elif not there:
            wrong[pointer] = False
    elsewhere = on_remotes(project, list(wrong))
    wrong = {p: damaged for p, damaged in wrong.items() if damaged or p not in elsewhere}
    touched = _touched(project, wrong) if wrong else {}
    for pointer, damaged in wrong.items():
        path = users[pointer][0][1]
        objects = tuple(touched.get(pointer, ()))
        yield Loss(pointer, path, damaged, pointer in elsewhere, objects)


def on_remotes(project: Project, wanted: list[Pointer]) -> set[Pointer]:
    """Which of some content the remotes have that can be reached now."""
    found: set[Pointer] = set()
    for _, place in places.places(project) if wanted else []:
        with suppress(RemoteError):
            found |= place.present([pointer for pointer in wanted if pointer not in found])
        place.close()
    return found


def _touched(project: Project, wanted: Container[Pointer]) -> dict[Pointer, dict[str, None]]:
    """Every living snapshot, run or artifact that refers to some content; walks all of them."""
    found: dict[Pointer, dict[str, None]] = {}
    index = catalogue.refresh(project)
    for record in (r for kind in HOLDERS for r in index.select(kind, include_hidden=True)):
        try:
            for _, pointer in pointers_of(project, record.tree or EMPTY_TREE):
                if pointer in wanted:
                    found.setdefault(pointer, {})[record.id] = None
        except Corrupt:
            continue  # has a finding of its own
    return found
