"""Refs of others that a plain fetch brought into refs/datmo/*: moved where others' refs lie.

A ref below refs/datmo/ has one maker. What this clone did not make goes to
`refs/datmo-remotes/_plain/*`, so that a later plain push carries only our own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from git_datmo.errors import DatmoError
from git_datmo.records import clones, layout
from git_datmo.records.catalogue import refresh
from git_datmo.records.project import Project
from git_datmo.storage import refs

if TYPE_CHECKING:
    from git_datmo.storage.index import Index

_SEEN = "own-refs"


def tidy(project: Project) -> int:
    """Heal our own refs and move others' out of the way; returns how many were moved.

    Costs a few `stat` when nothing changed since the last time. What cannot be moved (a
    read-only repository) stays: reading takes it into account all the same.
    """
    common = project.repository.common_dir
    stamp = refs.signature(common, layout.OWN)
    index = project.index
    if index.meta(_SEEN) == stamp and clones.sound(common, project.home):
        return 0
    from git_datmo.records import chain

    try:
        chain.heal(project)
        index = refresh(project)
        moved = _move(project, index)
        with index.update() as update:
            update.set_meta(_SEEN, refs.signature(common, layout.OWN))
    except DatmoError:
        return 0
    return moved


def _move(project: Project, index: Index) -> int:
    common = project.repository.common_dir
    found = refs.read(common, layout.OWN)
    clone = clones.read(project.home)
    own_notes = layout.notes_ref(clone.id) if clone is not None else None
    changes: dict[str, str | None] = {}
    for name, oid in found.found.items():
        if name == own_notes or not _foreign(index, name):
            continue
        changes[name] = None
        place = layout.PLAIN + name.removeprefix(layout.OWN)
        changes.update(_kept(project, place, oid))
    if not changes:
        return 0
    from git_datmo.storage.locks import mutex

    with mutex(project.home):
        refs.update(project.repository.objects, project.home, changes)
    refresh(project)
    return sum(1 for oid in changes.values() if oid is None)


def _foreign(index: Index, name: str) -> bool:
    """Whether a ref is one that another clone made; environments are the same in all."""
    group, _, rest = name.removeprefix(layout.OWN).partition("/")
    if group == "notes":
        return True
    if group == "snapshots":
        return not index.has_note(layout.LOCAL_TIP, rest)
    return group != "environments"


def _kept(project: Project, place: str, oid: str) -> dict[str, str | None]:
    """Where the ref goes. A diverging copy goes beside the one that is there, never over it."""
    repo = project.repository.objects.repo
    number = 0
    while True:
        name = place if number == 0 else place.replace("/_plain/", f"/_plain{number}/", 1)
        there = refs.read_one(project.repository.common_dir, name)
        if there is None or there == oid or repo.descendant_of(oid, there):
            return {name: oid}
        if repo.descendant_of(there, oid):
            return {}
        number += 1
