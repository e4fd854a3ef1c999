"""Obeying what other clones purged, and keeping it from being shared again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from git_datmo.errors import Conflict, Corrupt, DatmoError
from git_datmo.model.quantity import counted
from git_datmo.records import absorption, catalogue, clones, environments, erasure, layout, lineage
from git_datmo.records import purged as purges
from git_datmo.records.project import Project
from git_datmo.records.purging import let_go
from git_datmo.storage import notes
from git_datmo.storage.index import Index


def obey(project: Project) -> tuple[str, ...]:
    """Let go here of what any clone purged; what to tell about it, in sentences.

    Costs one question to the index when nothing new was purged. What cannot be done now is told,
    and tried again by the next command.
    """
    index = catalogue.refresh(project)
    due = index.meta(purges.DUE)
    if not project.initialized or due is None or due == _others(index):
        return ()
    roots = purges.known(index)
    notices: list[str] = []
    left = False
    try:
        if roots:
            done = let_go(project, roots, absorb=False)
            erasure.forget(project, done.view.doomed)
            if done.clone is not None or done.dropped:
                count = counted(len(done.view.doomed), "purged object")
                notices.append(
                    f"let go of {count}; this clone's notes were written anew without them"
                    if done.clone is not None
                    else f"let go of the chains here that held {count}"
                )
            notices += [
                f"{ref} still holds what was purged: {why}" for ref, why in done.left.items()
            ]
            left = bool(done.left)
            _, files, _ = erasure.free(project, done.view.doomed)
            if files:
                notices.append(f"freed {files} stored files that only purged objects had")
        with catalogue.refresh(project).update() as update:
            # What is left can go as soon as other chains say the same.
            update.set_meta(purges.DUE, _others(project.index) if left else None)
    except DatmoError as error:
        notices.append(f"what was purged could not be let go of: {error.message}")
    return tuple(notices)


def _others(index: Index) -> str:
    """A stamp of what others' chains say here."""
    tips = sorted(item for item in index.tips().items() if item[0].startswith(layout.REMOTES))
    return layout.blob_id(repr(tips).encode())


def superseded(
    project: Project, there: Mapping[str, str], *, everybody: bool = False
) -> dict[str, str]:
    """Of the refs of a remote: our own former chains that our present one says all of since
    something was purged, and refs to what was purged; with `everybody` also the chains of others
    that hold what was purged and say nothing else that ours does not."""
    index, objects = catalogue.refresh(project), project.repository.objects
    gone = purges.known(index)
    clone, tip = clones.read(project.home), index.tips().get(layout.LOCAL_TIP)
    if not gone or clone is None or tip is None:
        return {}
    own = catalogue.notes_tree(project, tip)
    asked = [oid for name, oid in there.items() if layout.clone_of(name) and objects.has(oid)]
    apart = set(lineage.unreached(project, asked, [tip]))
    found = {}
    for name, oid in there.items():
        if name.startswith(layout.OWN) and oid in gone:
            found[name] = oid
        maker = layout.clone_of(name)
        ours = maker in clone.former
        if maker in (None, clone.id) or not (ours or everybody) or oid not in apart:
            continue
        try:
            theirs = catalogue.notes_tree(project, oid)
            if not ours and not purges.held(objects, theirs, gone):
                continue
            if list(absorption.news(project, own, notes.without(objects, theirs, gone))):
                continue
        except Corrupt:
            continue
        if not _only_here(project, oid, tip, gone):
            found[name] = oid
    return found


def _only_here(project: Project, oid: str, tip: str, gone: Mapping[str, str]) -> list[str]:
    """What a chain carries and ours does not, but for what was purged or stands on that, and
    environments that nothing uses any more."""
    index, objects = catalogue.refresh(project), project.repository.objects
    left = []
    for commit in lineage.unreached(project, lineage.mentions(project, [oid]), [tip]):
        record = index.get(commit)
        if commit in gone or (
            record is None and environments.is_environment(objects.commit(commit))
        ):
            continue
        left.append(commit)
    return left


def refuse(project: Project, updates: Iterable[tuple[str, str]]) -> None:
    """Raise Conflict when a push, given as (object id, ref), would bring what was purged."""
    gone = purges.known(catalogue.refresh(project))
    for oid, ref in updates if gone else ():
        if not ref.startswith(layout.OWN) or not oid.strip("0"):
            continue
        held = oid in gone
        if layout.clone_of(ref) and project.repository.objects.has(oid):
            tree = catalogue.notes_tree(project, oid)
            held = bool(purges.held(project.repository.objects, tree, gone))
        if held:
            raise Conflict(
                f"{ref} was not pushed: it holds what was purged",
                hint="push again: this clone's notes are written anew without it",
            )
