"""From what a user typed to the one thing with files that is meant: snapshot, run or artifact."""

from __future__ import annotations

from git_datmo.api import artifact_lookup, lookup, run_lookup
from git_datmo.errors import ArtifactNotFound, RunNotFound, SnapshotNotFound
from git_datmo.records import catalogue
from git_datmo.records.project import Project
from git_datmo.storage.index import Record


def holder(project: Project, name: str) -> Record:
    """The snapshot, else the recorded run, else the version of an artifact that a name means.

    Raises SnapshotNotFound when it is none of these, AmbiguousId.
    """
    try:
        return lookup.snapshot(project, name)
    except SnapshotNotFound as error:
        nothing = error
    try:
        run = run_lookup.resolve(project, name)
    except RunNotFound:
        run = None
    record = catalogue.refresh(project).get(run.commit) if run and run.commit else None
    if record is not None:
        return record
    try:
        return artifact_lookup.find(project, name)
    except ArtifactNotFound:
        raise SnapshotNotFound(
            f"no snapshot, run or artifact has the id, label or name '{name}'",
            hint=nothing.hint,
        ) from None
