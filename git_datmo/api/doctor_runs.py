"""Runs that nobody looks after any more."""

from __future__ import annotations

import time
from collections.abc import Iterator
from functools import partial

from git_datmo.api import adoption
from git_datmo.api.symptom import Patient, Symptom
from git_datmo.api.underway import Underway
from git_datmo.api.user import User
from git_datmo.errors import Conflict
from git_datmo.records import flights
from git_datmo.records.flights import Flight
from git_datmo.records.project import Project
from git_datmo.storage import aside

AGAIN = "it gets a new supervisor"


def examine(patient: Patient) -> Iterator[Symptom]:
    """Runs whose supervisor died, and those whose own facts were damaged."""
    project = patient.project
    living = set(adoption.living(project, patient.user))
    for flight in flights.listed(project):
        if flight.illegible and not flight.attended:
            yield Symptom(
                "run",
                flight.id,
                f"what the run {flight.id[:12]} said of itself cannot be read",
                f"its folder, with log and metrics, is moved below {project.home / aside.ROOM}",
                partial(_put_aside, project, flight),
            )
        elif _is_due(flight):
            yield Symptom(
                "run",
                flight.id,
                f"the run {flight.id[:12]} was prepared, and nobody starts it",
                AGAIN,
                partial(adoption.spawn, project, flight, {}, patient.user),
            )
        elif flight.id not in living:
            if _is_young(flight):
                continue  # It is being handed from one process to another.
            yield Symptom(
                "run",
                flight.id,
                f"nobody saw how the run {flight.id[:12]} ended",
                "it is recorded as it was left; one that never began is given up",
                partial(_record, project, flight, patient.user),
                f"see {flight.path / 'supervisor.log'}, and 'git datmo delete {flight.id[:12]}'",
            )
        elif not flight.attended:
            yield Symptom(
                "run",
                flight.id,
                f"the run {flight.id[:12]} goes on, and nobody looks after it",
                AGAIN,
                partial(adoption.tend, project, patient.user),
            )


def _is_due(flight: Flight) -> bool:
    """Whether a run is ready to start, and was for so long that nobody is about to start it."""
    ready = Underway.of(flight).live.get("phase") == "ready"
    return ready and not flight.attended and not _is_young(flight)


def _is_young(flight: Flight) -> bool:
    try:
        return time.time() - (flight.path / "run.json").stat().st_mtime < flights.MAKING_SECONDS
    except OSError:
        return False


def _put_aside(project: Project, flight: Flight) -> str | None:
    with flights.held(flight) as taken:
        if not taken or not flight.illegible:
            return "another command did it"
        aside.put(project.home, flight.path, f"runs/{flight.id}")
    return None


def _record(project: Project, flight: Flight, user: User) -> None:
    adoption.tend(project, user)
    if flight.path.is_dir() and not flight.attended:
        raise Conflict(f"the run {flight.id[:12]} could not be recorded")
