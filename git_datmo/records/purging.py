"""Letting go of what was purged: our own chain, and what is kept of others'.

Order: the new chain is durable before any ref moves; the local tip moves first; refs of old
chains go last. So whatever moment a kill comes at, doing it again finishes it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from git_datmo.errors import Corrupt
from git_datmo.model.frozen import frozen
from git_datmo.records import (
    absorption,
    catalogue,
    chain,
    clones,
    environments,
    layout,
    lineage,
)
from git_datmo.records import purged as purges
from git_datmo.records.kinds import ENVIRONMENT, HOLDERS, RUN, SNAPSHOT
from git_datmo.records.project import Project
from git_datmo.storage import notes, refs
from git_datmo.storage.index import Index
from git_datmo.storage.locks import mutex
from git_datmo.storage.objects import EMPTY_TREE

FOREIGN = "it holds operations under this clone's name that this clone lacks"
ALONE = "it says things that no other chain here says"


@frozen
class Survey:
    """What is to go: `doomed` are noted objects with their kinds, `stained` all commits that
    are or stand on one of them, `idle` environments that only they used."""

    doomed: dict[str, str]
    stained: set[str]
    idle: set[str] = field(default_factory=set)


@dataclass
class Outcome:
    """What was done here: what was found, the clone's new id if its chain was written anew, the
    tips of the chains that were let go of by clone, and by ref why a chain was left as it is."""

    view: Survey
    clone: str | None = None
    dropped: dict[str, set[str]] = field(default_factory=dict)
    left: dict[str, str] = field(default_factory=dict)


def survey(project: Project, index: Index, roots: Mapping[str, str]) -> Survey:
    """Everything that goes with `roots`, object ids with their kinds. Raises GitFailed."""
    objects = project.repository.objects
    doomed = {oid: kind for oid, kind in roots.items() if purges.takes_along(objects, oid)}
    stained = lineage.standing_on(project, doomed)
    for oid in stained - doomed.keys():
        record = index.get(oid)
        if record is not None and record.kind in HOLDERS:
            doomed[oid] = record.kind
    return Survey(doomed, stained, _idle(project, index, doomed))


def _idle(project: Project, index: Index, doomed: Mapping[str, str]) -> set[str]:
    """The commits of environments that only doomed snapshots and runs have, and nobody kept."""
    used = set()
    for oid in doomed:
        record = index.get(oid)
        said = record.environment if record is not None else _environment_of(project, oid)
        if said and said != EMPTY_TREE and project.repository.objects.has(said):
            used.add(said)
    found = set()
    for tree in used:
        users = [
            record.id
            for kind in (SNAPSHOT, RUN)
            for record in index.select(
                kind, environment=tree, include_hidden=True, include_deleted=True
            )
        ]
        if all(oid in doomed for oid in users) and not index.count(ENVIRONMENT, environment=tree):
            found.add(environments.commit_of(project, tree))
    return found


def _environment_of(project: Project, oid: str) -> str | None:
    try:
        _, said = layout.trailers(project.repository.objects.commit(oid).message)
    except Corrupt:
        return None
    named = said.get("Datmo-Environment", "")
    return named if layout.is_oid(named) else None


def let_go(project: Project, roots: Mapping[str, str], *, absorb: bool) -> Outcome:
    """Write our chain without what goes with `roots`, and say so to every clone.

    With `absorb` the chains of other clones that hold it are taken over first, all that they
    say of anything else, and then dropped here; without, only those that say nothing else.
    Raises GitFailed, RepositoryBusy, NoSpace.
    """
    chain.heal(project, thoroughly=True)
    with chain.writing(project) as writer:
        index = writer.index
        view = survey(project, index, roots)
        done = Outcome(view)
        taken: list[str] = []
        own = catalogue.notes_tree(project, writer.tip) if writer.tip else EMPTY_TREE
        for name, tip in _holding(project, view).items():
            if not absorb:
                continue
            reason = _take(project, writer, own, tip, view.doomed)
            if reason is not None:
                done.left[name] = reason
                continue
            taken.append(tip)
            writer.ref(name, None)
            _noted(done, layout.clone_of(name) or "", tip)
        tips = [*([writer.tip] if writer.tip else []), *taken]
        gone = view.stained | view.idle
        if writer.tip in view.stained:
            carried = [m for m in lineage.mentions(project, tips) if m not in gone]
            former = clones.read(project.home)
            _noted(done, former.id if former is not None else "", str(writer.tip))
            done.clone = writer.start_anew(view.doomed, carried)
        elif taken:
            carried = [m for m in lineage.mentions(project, taken) if m not in gone]
            for commit in lineage.unreached(project, carried, tips[: len(tips) - len(taken)]):
                writer.mention(commit)
        known = purges.everybody_named(project, index)
        missing = {oid: kind for oid, kind in view.doomed.items() if oid not in known}
        for said in purges.operations(missing):
            writer.note(layout.PROJECT_ID, set=said, whenever=True)
        for name, oid in _conveniences(project).items():
            if oid in view.stained or oid in view.idle:
                writer.ref(name, None)
    if not absorb:
        _forget_covered(project, roots, done)
    return done


def _noted(done: Outcome, clone: str, tip: str) -> None:
    done.dropped.setdefault(clone, set()).add(tip)


def _holding(project: Project, view: Survey) -> dict[str, str]:
    """The chains of others, as kept here, that reach what is to go."""
    found = refs.read(project.repository.common_dir, layout.REMOTES, skip=catalogue.CONVENIENCE)
    return {
        name: oid
        for name, oid in found.found.items()
        if layout.clone_of(name) and oid in view.stained
    }


def _conveniences(project: Project) -> dict[str, str]:
    """All refs to single snapshots, runs and environments, ours and others'."""
    found: dict[str, str] = {}
    for prefix in (layout.OWN, layout.REMOTES):
        found |= refs.read(project.repository.common_dir, prefix).found
    return {name: oid for name, oid in found.items() if not layout.clone_of(name)}


def _take(
    project: Project, writer: chain.Writer, own: str, tip: str, doomed: Mapping[str, str]
) -> str | None:
    """Carry what a chain says of anything else; the reason when it cannot be taken over."""
    clone = clones.read(project.home)
    names = {writer.clone, *((clone.id, *clone.former) if clone is not None else ())}
    try:
        theirs = notes.without(
            project.repository.objects, catalogue.notes_tree(project, tip), doomed
        )
        fresh = list(absorption.news(project, own, theirs))
    except Corrupt as error:
        return error.message
    if any(made.clone in names for _, lines in fresh for made in lines):
        return FOREIGN
    for target, lines in fresh:
        writer.carry(target, [made.line for made in lines])
    return None


def _forget_covered(project: Project, roots: Mapping[str, str], done: Outcome) -> None:
    """Drop the chains that hold what goes where other chains say all the rest of theirs."""
    index = catalogue.refresh(project)
    with mutex(project.home):
        view = survey(project, index, roots)
        changes: dict[str, str | None] = {}
        for name, tip in _holding(project, view).items():
            if _covered(project, index, view, tip):
                changes[name] = None
                _noted(done, layout.clone_of(name) or "", tip)
            else:
                done.left[name] = ALONE
        refs.update(project.repository.objects, project.home, changes)
    catalogue.refresh(project)


def _covered(project: Project, index: Index, view: Survey, tip: str) -> bool:
    """Whether chains that are clean say all that the one at `tip` says of what stays."""
    objects = project.repository.objects
    clean = {name: oid for name, oid in index.tips().items() if oid not in view.stained}
    try:
        listed = list(notes.walk(objects, catalogue.notes_tree(project, tip)))
        for target, blob in listed:
            if target in view.doomed:
                continue
            others = {b for source, b in index.notes_on(target).items() if source in clean}
            if blob in others:
                continue
            said = {line for other in others for line in notes.read(objects, other).splitlines()}
            if not said.issuperset(notes.read(objects, blob).splitlines()):
                return False
    except Corrupt:
        return False
    gone = view.stained | view.idle
    carried = [m for m in lineage.mentions(project, [tip]) if m not in gone]
    return not lineage.unreached(project, carried, clean.values())
