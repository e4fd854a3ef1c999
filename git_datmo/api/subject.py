"""The one thing that is meant by a name that may be a snapshot's, a run's or an artifact's."""

from __future__ import annotations

from contextlib import suppress

from git_datmo.api import artifact_lookup, lookup, run_lookup
from git_datmo.errors import (
    AmbiguousId,
    ArtifactNotFound,
    EntityNotFound,
    RunNotFound,
    SnapshotNotFound,
)
from git_datmo.model.run import Run, command_text
from git_datmo.records import catalogue
from git_datmo.records.kinds import ARTIFACT, RUN, SNAPSHOT
from git_datmo.records.project import Project
from git_datmo.storage.index import Record


def find(project: Project, name: str) -> Record | Run:
    """The one thing that is meant; a run that is not recorded yet as itself.

    Of a run and the snapshot it ended with, which may carry one label, the run is meant.

    Raises ProjectNotInitialized, EntityNotFound, AmbiguousId.
    """
    found: list[Record | Run] = []
    index = catalogue.refresh(project)
    with suppress(RunNotFound):
        run = run_lookup.resolve(project, name)
        known = index.get(run.commit) if run.commit else None
        found.append(run if known is None else known)
    with suppress(ArtifactNotFound):
        found.append(artifact_lookup.find(project, name, deleted=True))
    with suppress(SnapshotNotFound):
        record = lookup.snapshot(project, name)
        # A branch that is called like an artifact is none the worse for it.
        if not found or record.id.startswith(name.lower()) or name in (record.label, "latest"):
            found.append(record)
    if name == "latest":
        found.sort(key=lambda each: -int(each.created))
        del found[1:]
    if len(found) == 2 and _gave(*found):
        del found[1]
    if not found:
        raise EntityNotFound(
            f"no snapshot, run or artifact has the id, label or name '{name}'",
            hint="'git datmo snapshot ls', 'git datmo ls' and 'git datmo artifact ls' list them",
        )
    if len(found) > 1:
        shown = ", ".join(f"{kind(each)} {each.id[:12]}" for each in found)
        raise AmbiguousId(
            f"'{name}' could be {shown}",
            candidates=[str(each.id) for each in found],
            hint="name one of them by its id, or by enough of its beginning",
        )
    return found[0]


def _gave(run: Record | Run, snapshot: Record | Run) -> bool:
    """Whether a run ended with a snapshot, which then is part of what the run is."""
    if kind(run) != RUN or kind(snapshot) != SNAPSHOT:
        return False
    after = run.doc.get("after_id") if isinstance(run, Record) else run.after_id
    return snapshot.id == after


def kind(found: Record | Run) -> str:
    """Its noun."""
    return found.kind if isinstance(found, Record) else RUN


def title(record: Record) -> str:
    """What it is called where there is room for one line."""
    if record.kind == RUN:
        command = command_text(tuple(record.doc.get("command") or ()))
        return command or str(record.doc.get("note") or "")
    if record.kind == ARTIFACT:
        return f"{record.doc.get('artifact')}:v{record.doc.get('version')}"
    return (record.message or "").partition("\n")[0]
