"""purge: take snapshots, runs and artifacts back, with all that stands on them and their bytes."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence

from git_datmo.api import artifact_lookup, fetching, holders, lookup, run_lookup, withdrawal
from git_datmo.errors import (
    ArtifactNotFound,
    Corrupt,
    DatmoError,
    RemoteError,
    RequiredArgumentMissing,
    RunNotFound,
    RunUnderWay,
    SnapshotNotFound,
)
from git_datmo.model.pointer import Pointer
from git_datmo.model.purge import Cleared, Doomed, Holder, Purge
from git_datmo.records import catalogue, clones, erasure, flights, purged, purging, twins
from git_datmo.records.kinds import ARTIFACT, HOLDERS, RUN, SNAPSHOT
from git_datmo.records.project import Project
from git_datmo.records.purging import Outcome, Survey
from git_datmo.remotes import places
from git_datmo.storage.index import Index

Progress = Callable[[int], None]

# A clone that pushes while we purge moves its ref; then we look again.
TRIES = 3

_PREFIX = re.compile(r"[0-9a-f]{4,40}")


def known(project: Project, ids: Iterable[str]) -> set[str]:
    """Those of these ids of objects that were purged, as far as is known here."""
    return set(ids) & purged.known(catalogue.refresh(project)).keys()


def purge(
    project: Project,
    ids: Sequence[str] = (),
    *,
    path: Sequence[str] = (),
    remote: bool = True,
    dry_run: bool = False,
    progress: Progress | None = None,
) -> Purge:
    """Take snapshots, runs or artifacts back for good, with all that stands on them: on a version
    of an artifact its later ones.

    Every chain here is freed of them, ours is written anew, every other clone does the same when
    it hears of it, and content that nothing else mentions goes at once; with `remote` on all
    remotes too. With `path`, all other objects go along that hold the same bytes as the named
    ones have at or below those paths. What was purged is never taken in again. Without
    `ids` it goes on with what was purged before, wherever that still is.

    Raises RequiredArgumentMissing, SnapshotNotFound, AmbiguousId, RunUnderWay, Corrupt,
    GitFailed. What a remote refuses is told in the result.
    """
    project.require_initialized()
    _ = project.identity
    if not ids and (path or not purged.known(catalogue.refresh(project))):
        raise RequiredArgumentMissing("purge needs the id of a snapshot, run or artifact")
    names = places.remotes(project) if remote else []
    errors = _fetch(project, names)
    index = catalogue.refresh(project)
    named = dict(_resolve(project, index, text) for text in ids)
    blobs = _blobs(project, named, path)
    if path:
        named |= _holding(project, index, blobs)
    before = purged.known(index)
    view = purging.survey(project, index, {**before, **named})
    _refuse_under_way(project, view)
    rows = _rows(project, index, view, named, before)
    if dry_run:
        content, notices = _content(project, view)
        held = [*holders.of_refs(project, view), *_others(project, index, view, blobs)]
        size = sum(pointer.size for pointer in content)
        return Purge(rows, None, (), len(content), size, (), tuple(held), notices, dry_run=True)
    done, cleared = _let_go(project, {**before, **named}, names, errors, progress)
    return _finish(project, rows, done, cleared, blobs)


def _fetch(project: Project, names: Iterable[str]) -> dict[str, str]:
    """Hear of everything first; what could not be reached, with the reason."""
    errors = {}
    for name in names:
        try:
            fetching.fetch(project, name)
        except RemoteError as error:
            errors[name] = error.message
    return errors


def _resolve(project: Project, index: Index, text: str) -> tuple[str, str]:
    """What a name means: an object id and its kind. What was purged before is known too."""
    try:
        return lookup.snapshot(project, text).id, SNAPSHOT
    except SnapshotNotFound:
        pass
    try:
        run = run_lookup.resolve(project, text)
    except RunNotFound:
        run = None
    if run is None:
        try:
            return artifact_lookup.find(project, text, deleted=True).id, ARTIFACT
        except ArtifactNotFound:
            pass
        known = purged.known(index)
        found = [oid for oid in known if _PREFIX.fullmatch(text) and oid.startswith(text)]
        if len(found) == 1:
            return found[0], known[found[0]]
        raise SnapshotNotFound(
            f"no snapshot, run or artifact has the id, label or name '{text}'",
            hint="'git datmo snapshot ls --all', 'git datmo ls --all' and 'git datmo artifact ls "
            "--all' list them",
        )
    if run.commit is None:
        raise RunUnderWay(f"the run {run.id[:12]} has not ended yet", hint=_stop(run.id))
    return run.commit, RUN


def _stop(run_id: str) -> str:
    return f"git datmo stop {run_id[:12]}, then purge"


def _blobs(project: Project, named: Mapping[str, str], paths: Sequence[str]) -> dict[str, str]:
    """The files that are meant, as path by blob: those at `paths`, else what each has alone."""
    found: dict[str, str] = {}
    for oid in named:
        try:
            found |= twins.at_paths(project, oid, paths) if paths else twins.own_files(project, oid)
        except Corrupt:
            continue
    if paths and not found:
        listed = ", ".join(paths)
        raise SnapshotNotFound(f"none of what was named holds {listed}")
    return found


def _holding(project: Project, index: Index, blobs: Mapping[str, str]) -> dict[str, str]:
    found = {}
    for oid in twins.of_snapshots(project, index, blobs, ()):
        record = index.get(oid)
        if record is not None and record.kind in HOLDERS:
            found[oid] = record.kind
    return found


def _refuse_under_way(project: Project, view: Survey) -> None:
    for flight in flights.listed(project):
        facts = flight.facts()
        if {facts.get("before_id"), facts.get("after_id")} & view.doomed.keys():
            raise RunUnderWay(
                f"the run {flight.id[:12]} is not recorded yet and stands on what is to be purged",
                hint=_stop(flight.id),
            )


def _rows(
    project: Project,
    index: Index,
    view: Survey,
    named: Mapping[str, str],
    before: Mapping[str, str],
) -> tuple[Doomed, ...]:
    found = []
    for oid, kind in view.doomed.items():
        record = index.get(oid)
        if oid in before and oid not in named:
            continue
        said = (record.message or "") if record is not None else ""
        shown = record.doc.get("run_id") if record is not None and kind == RUN else None
        title = said.partition("\n")[0]
        if record is not None and kind == ARTIFACT:
            title = f"{record.doc.get('artifact')}:v{record.doc.get('version')}  {title}".rstrip()
        found.append(Doomed(str(shown or oid), kind or SNAPSHOT, title, oid in named))
    return tuple(sorted(found, key=lambda row: (not row.named, row.kind, row.id)))


def _content(project: Project, view: Survey) -> tuple[dict[Pointer, str], tuple[str, ...]]:
    try:
        return erasure.only_theirs(project, view.doomed), ()
    except Corrupt as error:
        return {}, (error.message,)


def _let_go(
    project: Project,
    roots: Mapping[str, str],
    names: Sequence[str],
    errors: dict[str, str],
    progress: Progress | None,
) -> tuple[Outcome, dict[str, Cleared]]:
    """Here, then on every remote that answers; again where somebody pushed meanwhile."""
    cleared = {name: Cleared(name, error=error) for name, error in errors.items()}
    pending = [name for name in names if name not in errors]
    done = purging.let_go(project, roots, absorb=True)
    for attempts_left in reversed(range(TRIES)):
        again = []
        for name in pending:
            try:
                cleared[name], moved = withdrawal.withdraw(project, name, done.view, progress)
            except DatmoError as error:
                cleared[name], moved = Cleared(name, error=error.message), False
            if moved:
                again.append(name)
        if not again or not attempts_left:
            break
        pending = again
        errors |= _fetch(project, pending)
        more = purging.let_go(project, roots, absorb=True)
        more.clone = more.clone or done.clone
        for clone, tips in done.dropped.items():
            more.dropped.setdefault(clone, set()).update(tips)
        done = more
    return done, cleared


def _finish(
    project: Project,
    rows: tuple[Doomed, ...],
    done: Outcome,
    cleared: dict[str, Cleared],
    blobs: Mapping[str, str],
) -> Purge:
    """Free the bytes, and look who still has them."""
    view, index = done.view, catalogue.refresh(project)
    found: list[Holder] = holders.of_chains(project, done)
    notices: tuple[str, ...] = ()
    files = size = 0
    erasure.forget(project, view.doomed)
    try:
        content, files, size = erasure.free(project, view.doomed)
    except DatmoError as error:
        notices = (error.message,)
    else:
        for name, remote in cleared.items():
            if remote.error is None:
                cleared[name], kept = withdrawal.remove_content(project, remote, content)
                found += kept
    for name, remote in cleared.items():
        if remote.error is None:
            found += holders.of_remote(project, name, view)
    found += [*holders.of_refs(project, view), *_others(project, index, view, blobs)]
    found += holders.of_objects(project, list(view.doomed))
    with index.update() as update:
        update.set_meta(purged.DUE, None)
    own = clones.read(project.home)
    absorbed = tuple(sorted(done.dropped.keys() - set(own.former if own is not None else ())))
    return Purge(
        rows,
        done.clone,
        absorbed,
        files,
        size,
        tuple(cleared[name] for name in sorted(cleared)),
        tuple(found),
        notices,
    )


def _others(project: Project, index: Index, view: Survey, blobs: Mapping[str, str]) -> list[Holder]:
    """Snapshots and runs that stay and hold the same files, and commits of the user's that do."""
    listed = twins.of_snapshots(project, index, blobs, view.doomed)
    found = [
        Holder(
            (record.kind if (record := index.get(oid)) is not None else SNAPSHOT),
            f"{oid[:12]} ({path})",
            f"purge it too if that matters: git datmo purge {oid[:12]}",
        )
        for oid, path in sorted(listed.items())
    ]
    return [*found, *holders.of_commits(project, blobs)]
