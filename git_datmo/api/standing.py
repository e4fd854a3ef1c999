"""What stands for a name of git's: the run or snapshot that was recorded where a branch is."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import suppress

from git_datmo.api import lookup, revision, run_lookup
from git_datmo.errors import CommitDoesNotExist, EntityNotFound, RunNotFound, SnapshotNotFound
from git_datmo.model.expression import In
from git_datmo.model.revision import Revision
from git_datmo.model.run import SUCCESS, Run
from git_datmo.model.snapshot import Snapshot
from git_datmo.records import catalogue
from git_datmo.records.kinds import RUN, SNAPSHOT
from git_datmo.records.project import Project
from git_datmo.storage.index import Index, Record

# How far back from a branch's tip something recorded is looked for, along first parents.
ANCESTORS = 50


def find(
    project: Project, name: str, *, apart_from: Collection[str] = ()
) -> tuple[Run | Snapshot | Revision, str | None]:
    """The run or snapshot with an id, beginning of an id or label; else what was recorded on the
    branch, tag or commit of that name, or on the nearest ancestor of it: the newest successful
    run that began with exactly that code, else a snapshot of it with stats. Ids `apart_from` are
    never meant. Where nothing was recorded it is the revision itself.

    The text says what was taken in place of what was named. Raises EntityNotFound, AmbiguousId.
    """
    with suppress(RunNotFound):
        return run_lookup.resolve(project, name), None
    with suppress(SnapshotNotFound):
        record = lookup.snapshot(project, name)
        meant = (record.label, "latest")
        if record.id.startswith(name.lower()) or name in meant or name.startswith("@{-"):
            return lookup.value(project, record, lookup.Names(project.index)), None
    try:
        named = revision.find(project, revision=name)
    except CommitDoesNotExist as error:
        raise EntityNotFound(
            f"no run, snapshot, branch or commit is called '{name}'",
            hint="'git datmo ls', 'git datmo snapshot ls' and 'git branch' list them",
        ) from error
    return _recorded(project, named, apart_from)


def _recorded(
    project: Project, named: Revision, apart_from: Collection[str]
) -> tuple[Run | Snapshot | Revision, str | None]:
    index = catalogue.refresh(project)
    names = lookup.Names(index)
    trees = _trees(project, named.commit)
    every = In(("code_id",), tuple(dict.fromkeys(tree for _, tree in trees)))
    by_tree: dict[str, list[Record]] = {}
    for record in index.select(SNAPSHOT, where=every, include_hidden=True):
        by_tree.setdefault(str(record.doc.get("code_id")), []).append(record)
    for commit, tree in trees:
        states = [one for one in by_tree.get(tree, ()) if one.id not in apart_from]
        where = f"on {commit[:12]}" + ("" if commit == named.commit else f", before {_text(named)}")
        run = _best_run(index, states, apart_from)
        if run is not None:
            found = run_lookup.value(project, run, names)
            return found, f"{_text(named)} is run {found.id[:12]}, {where}"
        known = next((one for one in states if one.visible and one.doc.get("stats")), None)
        if known is not None:
            said = f"{_text(named)} is snapshot {known.id[:12]}, {where}"
            return lookup.value(project, known, names), said
    return named, f"nothing was recorded on {_text(named)}: only code is compared to it"


def _best_run(
    index: Index, states: Collection[Record], apart_from: Collection[str]
) -> Record | None:
    """The newest successful run, else the newest, that began in one of some states."""
    found = []
    for state in states:
        for commit in index.find_text(("before_id",), state.id, RUN):
            record = index.get(commit)
            known = record is not None and record.doc.get("run_id") not in apart_from
            if record is not None and known and not record.deleted:
                found.append(record)
    return max(found, key=lambda one: (one.doc.get("status") == SUCCESS, one.created), default=None)


def _trees(project: Project, commit: str) -> list[tuple[str, str]]:
    """A commit and its ancestors, each with its tree."""
    arguments = ("rev-list", "--first-parent", f"--max-count={ANCESTORS}", "--format=%H %T")
    lines = project.repository.git.run(*arguments, commit).decode().splitlines()
    # Each is preceded by a line that only says `commit` and its id.
    return [(line[:40], line[41:]) for line in lines if not line.startswith("commit ")]


def _text(named: Revision) -> str:
    return named.name if named.name != named.commit else named.commit[:12]
