"""Refs of others that a plain fetch brought into refs/datmo/*: moved where others' refs lie.

A ref below refs/datmo/ has one maker. What this clone did not make goes to
`refs/datmo-remotes/_plain/*`, so that a later plain push carries only our own.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from git_datmo.errors import DatmoError, RepositoryBusy
from git_datmo.records import clones, layout, purged
from git_datmo.records.catalogue import made_here, refresh
from git_datmo.records.kinds import RUN
from git_datmo.records.project import Project
from git_datmo.storage import refs

if TYPE_CHECKING:
    from git_datmo.storage.index import Index

_SEEN = "own-refs"


def tidy(project: Project, *, thoroughly: bool = False) -> int:
    """Heal our own refs and move others' out of the way; returns how many were moved.

    Costs a few `stat` when nothing changed since the last time, unless `thoroughly`. What cannot
    be moved (a read-only repository) stays: reading takes it into account all the same. So does
    all of it in a bare repository and before `init`: what lies there was pushed or mirrored, for
    others.
    """
    common = project.repository.common_dir
    if not project.initialized:
        return 0
    stamp = refs.signature(common, layout.OWN)
    index = project.index
    if index.meta(purged.DUE) is not None:
        index = _obey(project)
        stamp = refs.signature(common, layout.OWN)
    if not thoroughly and index.meta(_SEEN) == stamp and clones.sound(common, project.home):
        return 0
    from git_datmo.records import chain, rewriting

    try:
        rewriting.undo(project)
        chain.heal(project)
        index = refresh(project)
        moved = _move(project, index)
        if project.repository.work_tree is not None:
            with index.update() as update:
                update.set_meta(_SEEN, refs.signature(common, layout.OWN))
    except DatmoError:
        return 0
    return moved


def _obey(project: Project) -> Index:
    """Let go of what some clone purged; what cannot be done now is tried again."""
    from git_datmo.records import obeying

    with suppress(DatmoError):
        obeying.obey(project)
    return project.index


def _move(project: Project, index: Index) -> int:
    if project.repository.work_tree is None or not strays(project, index):
        return 0
    from git_datmo.storage.locks import mutex

    objects, home = project.repository.objects, project.home
    with mutex(home):
        # Only now does nobody of ours write: what is ours has its note in the index.
        found = strays(project, refresh(project))
        moves = [{name: None, **_kept(project, name, oid)} for name, oid in found.items()]
        try:
            refs.update(objects, home, {n: o for move in moves for n, o in move.items()})
        except RepositoryBusy:
            raise
        except DatmoError:
            moves = [move for move in moves if _moved(project, move)]
    refresh(project)
    return len(moves)


def _moved(project: Project, move: dict[str, str | None]) -> bool:
    """Move one ref; False for a name that cannot be moved. Such a ref is read where it is."""
    try:
        refs.update(project.repository.objects, project.home, move)
    except DatmoError:
        return False
    return True


def strays(project: Project, index: Index) -> dict[str, str]:
    """The refs below refs/datmo/ that this clone did not make, with their objects."""
    found = refs.read(project.repository.common_dir, layout.OWN).found
    clone = clones.read(project.home)
    own = layout.notes_ref(clone.id) if clone is not None else None
    return {
        name: oid
        for name, oid in found.items()
        if name != own and _foreign(project, index, name, oid)
    }


def _foreign(project: Project, index: Index, name: str, oid: str) -> bool:
    """Whether another clone made a ref; environments are the same in all."""
    group, _, rest = name.removeprefix(layout.OWN).partition("/")
    if group == "snapshots":
        return rest != oid or not made_here(project, index, rest)
    if group == "runs":
        return oid not in index.find_text(("run_id",), rest, RUN) or not made_here(
            project, index, oid
        )
    if group == "artifacts":
        from git_datmo.records import artifacts

        return oid not in artifacts.named(index, rest) or not made_here(project, index, oid)
    return group != "environments"


def _kept(project: Project, ref: str, oid: str) -> dict[str, str | None]:
    """Where a ref goes. A diverging copy goes beside the one that is there, never over it."""
    objects = project.repository.objects
    place = layout.PLAIN + ref.removeprefix(layout.OWN)
    number = 0
    while True:
        name = place if number == 0 else place.replace("/_plain/", f"/_plain{number}/", 1)
        there = refs.read_one(project.repository.common_dir, name)
        if there is None or objects.descends(oid, there):
            return {name: oid}
        if objects.descends(there, oid):
            return {}
        number += 1
