"""Runs whose supervisor is another process, or gone: handing over, taking over, closing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from git_datmo.api import execution, preparation, run_lookup, supervision
from git_datmo.api.supervision import Outcome
from git_datmo.api.underway import Underway
from git_datmo.api.user import NOBODY, User
from git_datmo.errors import DatmoError, EngineError, NotFound, RunNotFound, RunUnderWay
from git_datmo.model.run import ENDED, FAILED, INLINE, LOST, RUNNING, Run
from git_datmo.model.workspace import SERVERS
from git_datmo.records import flights
from git_datmo.records.flights import Flight
from git_datmo.records.project import Project
from git_datmo.runners.base import Prepared, Process
from git_datmo.storage import pool
from git_datmo.storage.pool import Slot

START_SECONDS = 60.0
TAKE_SECONDS = 10.0
TASK_VARIABLES = frozenset({"DATMO_RUN_ID", "DATMO_TASK_DIR", "DATMO_DATA_DIR"})


def hand_over(
    project: Project,
    run: Underway,
    variables: Mapping[str, str],
    user: User,
    notices: tuple[str, ...] = (),
) -> Run:
    """Leave a prepared run to a process of its own; returns when its command has started."""
    flight = run.flight
    flight.release()
    spawn(project, flight, variables, user)
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        done = run_lookup.find_value(project, run.id)
        if done is not None and done.status != "preparing":
            return run_lookup.with_notices(done, notices)
        time.sleep(0.02)
    raise EngineError(
        f"the run {run.id[:12]} did not start within {START_SECONDS:.0f} s",
        hint=f"see {flight.path / 'supervisor.log'}",
    )


def spawn(project: Project, flight: Flight, variables: Mapping[str, str], user: User) -> None:
    """Start a supervisor for a flight, detached from this process and its terminal.

    Values of variables go through a pipe, so that no file and no process list shows them.
    """
    home = project.repository.work_tree or project.repository.git_dir
    # It is nobody's task: what a run around us set would end it together with that run.
    env = {name: value for name, value in user.environ.items() if name not in TASK_VARIABLES}
    with open(flight.path / "supervisor.log", "ab") as log:
        started = subprocess.Popen(
            [sys.executable, "-m", "git_datmo", "-C", os.fspath(home), "supervise", flight.id],
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=log,
            start_new_session=True,
            env=env or None,
        )
    assert started.stdin is not None
    with started.stdin as pipe, suppress(BrokenPipeError):
        pipe.write(json.dumps(dict(variables)).encode())
    # It outlives us on purpose; without this Python would complain about that.
    started.returncode = 0


def supervise(
    project: Project,
    run_id: str,
    *,
    variables: Mapping[str, str] | None = None,
    user: User = NOBODY,
) -> Run:
    """Look after a run that nobody looks after, until it is recorded.

    Raises RunNotFound, RunUnderWay when somebody else does.
    """
    flight = flights.find(project, run_id)
    if flight is None:
        raise RunNotFound(f"no run under way has the id '{run_id}'")
    deadline = time.monotonic() + TAKE_SECONDS
    while not flight.hold():
        if time.monotonic() > deadline:
            raise RunUnderWay(f"the run {run_id[:12]} is looked after by another process")
        time.sleep(0.02)
    try:
        return _go_on(project, Underway.of(flight), dict(variables or {}), user)
    finally:
        flight.release()


def tend(project: Project, user: User = NOBODY) -> None:
    """See to runs whose supervisor died: record those that have ended, and give the others a new
    one. Costs one listing of a folder when there are none.
    """
    flights.sweep(project)
    for flight in flights.listed(project):
        if flight.attended or flight.illegible or not project.initialized:
            continue
        run = Underway.of(flight)
        if _lives(project, run, user):
            spawn(project, flight, {}, user)
            continue
        with flights.held(flight) as taken:
            if taken:
                # One that cannot be recorded now (a full disk) must not stop everything else.
                with suppress(DatmoError):
                    _go_on(project, Underway.of(flight), {}, user)


def living(project: Project, user: User = NOBODY) -> list[str]:
    """The ids of the runs that somebody looks after, or whose command runs on without."""
    return [
        flight.id
        for flight in flights.listed(project)
        if flight.attended or _lives(project, Underway.of(flight), user)
    ]


def _lives(project: Project, run: Underway, user: User) -> bool:
    if run.live.get("phase") != "started" or run.facts.get("type") == INLINE:
        return False
    try:
        runner = preparation.make_runner(project, str(run.live.get("runner")), user)
        process = runner.adopt(run.job(user.environ, {}), run.live.get("handle") or {})
    except DatmoError:
        return True  # No engine to ask now: the supervisor waits for it, or finds it lost.
    return process is not None and process.wait(0.0) is None


def _go_on(project: Project, run: Underway, variables: dict[str, str], user: User) -> Run:
    """Continue a run from wherever it stopped."""
    phase = run.live.get("phase")
    if not run.facts.get("before_id"):
        # Nothing was recorded and nothing was started.
        run.flight.discard()
        raise RunNotFound(f"the run {run.id[:12]} was given up before it began")
    slot = _slot(project, run)
    said = run.facts
    noted = run.flight.noted_end()
    if phase != "ended" and noted.get("status") in ENDED:
        # It ended, and there was no room to say so in its facts.
        said |= noted
        phase = "ended"
    if phase == "ended":
        outcome = Outcome(
            str(said.get("status")), said.get("exit_code"), said.get("signal"), said.get("reason")
        )
        return execution.finish(project, run, _remains(project, run, user), outcome, slot)
    if phase == "preparing" or said.get("type") == INLINE:
        reason = "git-datmo was killed before the command started"
        if said.get("type") == INLINE:
            reason = "its process ended without saying how"
        return execution.finish(project, run, None, Outcome(LOST, None, None, reason), slot)
    runner = preparation.make_runner(project, str(run.live.get("runner")), user)
    job = run.job(user.environ, variables)
    if phase == "ready":
        prepared = Prepared(token=run.live.get("prepared") or {})
        try:
            process = execution.begin(run, runner, job, prepared)
        except DatmoError as error:
            failed = Outcome(FAILED, None, None, error.message)
            return execution.finish(project, run, None, failed, slot)
        skip = (0, 0)
    else:
        found = runner.adopt(job, run.live.get("handle") or {})
        if found is None:
            reason = "its supervisor was killed, and nobody saw how it ended"
            supervision.catch_up(run.flight)
            return execution.finish(project, run, None, Outcome(LOST, None, None, reason), slot)
        process, skip = found, supervision.logged(run.flight)
        if said.get("status") != RUNNING:
            run.facts["status"] = RUNNING
            run.save()
    outcome = supervision.watch(
        run.flight,
        process,
        started=float(said.get("started") or 0) / 1000,
        timeout=job.resources.timeout,
        output=None,
        skip=skip,
        ask=said.get("type") in SERVERS,
    )
    return execution.finish(project, run, process, outcome, slot)


def _remains(project: Project, run: Underway, user: User) -> Process | None:
    """What the runner still has of a run that ended: a container that is to be removed."""
    if not run.live.get("handle"):
        return None
    with suppress(DatmoError):
        runner = preparation.make_runner(project, str(run.live.get("runner")), user)
        return runner.adopt(run.job(user.environ, {}), run.live["handle"])
    return None


def _slot(project: Project, run: Underway) -> Slot | None:
    number = run.live.get("slot")
    if not isinstance(number, int):
        return None
    try:
        return pool.retake(project.home, number, Path(run.flight.path))
    except NotFound:
        return None
