"""Looking at runs, those under way and those recorded, and ending them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any, Unpack

from git_datmo.api import choice, lookup
from git_datmo.api.run_lookup import find_value, resolve, under_way, value, value_of
from git_datmo.api.user import NOBODY, User
from git_datmo.errors import RequiredArgumentMissing, RunNotFound, RunUnderWay, ValidationFailed
from git_datmo.model.expression import evaluate
from git_datmo.model.fields import parse_sort
from git_datmo.model.run import Run
from git_datmo.records import catalogue, flights, runs
from git_datmo.records.flights import GRACE_SECONDS, Flight
from git_datmo.records.kinds import RUN
from git_datmo.records.project import Project
from git_datmo.storage import refs
from git_datmo.storage.index.narrowing import Filters

CHUNK = 1 << 16
FOLLOW_SECONDS = 0.1


def ls(
    project: Project,
    *,
    session_id: str | None = None,
    all: bool = False,
    deleted: bool = False,
    filter: str | None = None,
    where: str | None = None,
    label: str | None = None,
    status: str | None = None,
    remote: str | None = None,
    sort: str | None = None,
    limit: int | None = None,
    offset: int = 0,
    user: User = NOBODY,
) -> list[Run]:
    """The runs, newest first, those under way before all others.

    `filter` is a part of command, message, label or other name, `where` an expression such as
    `status == "failed" and results.accuracy > 0.9`, `sort` keys such as `-results.accuracy`,
    `label` one that they carry, `remote` one that had them when it was last asked (`.`: none has).
    `all` adds deleted ones, with `deleted` there are only those; `offset` passes over so many.
    Runs whose supervisor died are seen to first.
    Raises ProjectNotInitialized, SessionDoesNotExist, QuerySyntaxError, ValidationFailed,
    EntityNotFound.
    """
    keys = None
    if sort:
        keys = [(choice.RUN_KEYS.get(path, path), down) for path, down in parse_sort(sort)]
    if limit is not None and limit < 0:
        raise ValidationFailed(f"a listing cannot have {limit} rows")
    project.require_known()
    _tend(project, user)
    index = catalogue.refresh(project)
    names = lookup.Names(index)
    chosen = choice.filters(
        project,
        index,
        RUN,
        session_id=session_id,
        all=all,
        filter=filter,
        where=where,
        label=label,
        status=status,
        remote=remote,
        deleted=deleted,
    )
    found = _flying(project, names, chosen)
    before = max(0, offset - len(found))
    recorded = index.select(RUN, **chosen, sort=keys, limit=limit, offset=before)
    # One is under way until its results lie in the work tree, and is recorded before that.
    flying = {run.id for run in found}
    known = (value(project, record, names) for record in recorded)
    return [*found[offset:], *(run for run in known if run.id not in flying)][:limit]


def count(project: Project, **asked: Unpack[choice.Asked]) -> int:
    """How many runs `ls` would give without a limit. Raises what that does."""
    project.require_known()
    index = catalogue.refresh(project)
    chosen = choice.filters(project, index, RUN, **asked)
    return len(_flying(project, lookup.Names(index), chosen)) + index.count(RUN, **chosen)


def _flying(project: Project, names: lookup.Names, chosen: Filters) -> list[Run]:
    """The runs under way that pass; no remote has any."""
    session, text, where = chosen.get("session"), chosen.get("text"), chosen.get("where")
    noted = chosen.get("noted")
    if noted is not None and noted.wanted:
        return []
    return [
        run
        for run in under_way(project, names)
        if (session is None or run.session_id == session)
        and (text is None or text in run.text or text in (run.label or ""))
        and (where is None or evaluate(where, _seen(run)))
    ]


def _seen(run: Run) -> dict[str, Any]:
    """A run under way as filters see a recorded one."""
    said = {"session": run.session_id, "run_id": run.id, "kind": RUN, "message": run.text}
    return {**run.to_dict(), "note": run.message, **said}


def inspect(project: Project, run_id: str, *, user: User = NOBODY) -> Run:
    """One run, by id or its beginning, label, or `latest`. Raises RunNotFound, AmbiguousId."""
    _tend(project, user)
    return resolve(project, run_id)


def logs(
    project: Project, run_id: str, *, follow: bool = False, user: User = NOBODY
) -> Iterator[bytes]:
    """What a run has printed, in pieces; with `follow` until it has ended.

    Raises RunNotFound, AmbiguousId.
    """
    _tend(project, user)
    run = resolve(project, run_id)
    flight = flights.find(project, run.id)
    if flight is None:
        return iter([run.read("log")])
    return _follow(project, flight, user) if follow else _read_log(flight)


def _tend(project: Project, user: User) -> None:
    """See to runs that nobody looks after. Most of the time there are none, and nothing is loaded
    for it."""
    if all(flight.attended for flight in flights.listed(project)):
        flights.sweep(project)
        return
    from git_datmo.api import adoption

    adoption.tend(project, user)


def _read_log(flight: Flight) -> Iterator[bytes]:
    with open(flight.log, "rb") as log:
        while data := log.read(CHUNK):
            yield data


def _follow(project: Project, flight: Flight, user: User) -> Iterator[bytes]:
    with open(flight.log, "rb", buffering=0) as log:
        while True:
            gone = not flight.path.exists()
            while data := log.read(CHUNK):
                yield data
            if gone:
                return
            if not flight.attended:
                _tend(project, user)
            time.sleep(FOLLOW_SECONDS)


def stop(
    project: Project,
    run_id: str | None = None,
    *,
    all: bool = False,
    grace: float = GRACE_SECONDS,
    user: User = NOBODY,
) -> list[Run]:
    """End a run, or all that run here, and wait until they are recorded.

    What has ended stays as it is. Raises RequiredArgumentMissing, RunNotFound, and RunUnderWay
    when one cannot be ended.
    """
    if not run_id and not all:
        raise RequiredArgumentMissing("which run is to be stopped?", hint="name one, or --all")
    project.require_initialized()
    _tend(project, user)
    if run_id:
        chosen = resolve(project, run_id)
        if not chosen.is_running:
            return [chosen]
        wanted = [chosen.id]
    else:
        wanted = [run.id for run in under_way(project)]
    for name in wanted:
        flight = flights.find(project, name)
        if flight is not None:
            from git_datmo.api import supervision

            supervision.request_stop(flight, grace)
    return [_ended(project, name, grace, user) for name in wanted]


def _ended(project: Project, run_id: str, grace: float, user: User) -> Run:
    deadline = time.monotonic() + grace + 60.0
    while time.monotonic() < deadline:
        flight = flights.find(project, run_id)
        if flight is None:
            break
        if not flight.attended:
            _tend(project, user)
        time.sleep(0.03)
    found = find_value(project, run_id)
    if found is None or found.is_running:
        raise RunUnderWay(
            f"the run {run_id[:12]} did not end",
            hint="its supervisor may be stuck: see the processes of git-datmo",
        )
    return found


def delete(project: Project, run_id: str) -> Run:
    """Hide a run, in every clone that gets to know of it; its snapshots stay.

    Raises RequiredArgumentMissing, RunNotFound, AmbiguousId, RunUnderWay.
    """
    if not run_id:
        raise RequiredArgumentMissing("delete needs the id of a run")
    project.require_initialized()
    run = resolve(project, run_id)
    if run.commit is None:
        raise RunUnderWay(
            f"the run {run.id[:12]} has not ended", hint=f"git datmo stop {run.id[:12]}"
        )
    from git_datmo.records import chain

    with chain.writing(project) as writer:
        writer.note(run.commit, set={"deleted": True})
        name = runs.ref(run.id)
        if refs.read_one(project.repository.common_dir, name) == run.commit:
            writer.ref(name, None)
    return value_of(project, run.commit)


def undelete(project: Project, run_id: str) -> Run:
    """Bring a deleted run back, here and wherever that travels; one that is not deleted stays as
    it is.

    It is named by its id or the beginning of that, or by its label; `notices` say what of its
    record was freed here meanwhile. Its snapshots are brought back one by one. Raises
    RequiredArgumentMissing, RunNotFound, AmbiguousId.
    """
    from git_datmo.api.undeletion import labelled, revive

    if not run_id:
        raise RequiredArgumentMissing("undelete needs the id of a run")
    project.require_initialized()
    _ = project.identity
    try:
        run = resolve(project, run_id)
    except RunNotFound:
        found = labelled(project, RUN, run_id)
        if not found:
            raise
        run = value_of(project, found[0].id)
    record = catalogue.refresh(project).get(run.commit) if run.commit else None
    if record is None or not record.deleted:
        return run
    notices = revive(project, [record], {runs.ref(run.id): record.id})
    return value_of(project, record.id, notices=notices)
