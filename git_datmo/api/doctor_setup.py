"""What `init` set up: hooks and fetch lines."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

from git_datmo.api import connection
from git_datmo.api.symptom import Patient, Symptom
from git_datmo.errors import Conflict
from git_datmo.hooks.block import EVENTS
from git_datmo.hooks.install import install, installed
from git_datmo.hooks.location import manual_lines
from git_datmo.records.project import Project

AGAIN = "git datmo init"


def examine(patient: Patient) -> Iterator[Symptom]:
    """Hooks that do not do their work, and remotes whose snapshots a fetch does not bring."""
    project = patient.project
    if not project.initialized:
        return
    for remote in connection.unfetched(project):
        yield Symptom(
            "fetch",
            remote,
            f"a plain 'git fetch {remote}' does not bring its snapshots",
            "the fetch line is added",
            partial(connection.fetch, project, remote),
            "git config datmo.fetch false, if that is meant so",
        )
    if project.repository.work_tree is not None:
        yield from _hooks(patient)


def _hooks(patient: Patient) -> Iterator[Symptom]:
    place = connection.hooks(patient.project)
    for event, state in installed(place.hooks_dir, patient.program).items():
        path = place.hooks_dir / event
        kind, subject = "hook", str(path)
        if state == "damaged":
            advice = f"remove what is left of it by hand, then: {AGAIN}"
            yield Symptom(
                kind, subject, f"our part of {path} has lost its first or last line", advice=advice
            )
        elif state == "disabled":
            advice = f"chmod +x {shlex.quote(subject)}"
            yield Symptom(
                kind, subject, f"git does not run {path}: its mode says so", advice=advice
            )
        elif state == "elsewhere":
            message = f"{path} starts another git-datmo than this one"
            yield Symptom(kind, subject, message, advice=f"to change that: {AGAIN}", remark=True)
        elif state in ("missing", "orphaned", "outdated"):
            said = {
                "missing": f"the {event} hook is missing",
                "orphaned": f"{path} starts a program that is not there",
                "outdated": f"{path} is of another version",
            }
            mend = partial(_install, patient.project, patient.program, event)
            yield Symptom(
                kind,
                subject,
                said[state],
                "it is installed again",
                mend if patient.program else None,
                AGAIN,
            )
    if not place.reached:
        yield from _uncalled(patient.project)


def _install(project: Project, program: Sequence[str], event: str) -> None:
    place = connection.hooks(project)
    for change in install(place.hooks_dir, program, (event,)):
        if change.action == "kept":
            raise Conflict(f"{change.path} was left as it is: {change.note}")


def _uncalled(project: Project) -> Iterator[Symptom]:
    """Hooks of the user's, in a folder that is never written, that do not call ours."""
    out = project.repository.git.run(
        "rev-parse", "--path-format=absolute", "--git-path", "hooks", safe=False
    )
    folder = Path(out.decode(errors="surrogateescape").removesuffix("\n"))
    for event in EVENTS:
        path = folder / event
        try:
            calls = f"datmo/hooks/{event}".encode() in path.read_bytes()
        except OSError:
            calls = False
        if not calls:
            yield Symptom(
                "hook",
                str(path),
                f"git runs hooks from {folder}, and {event} there does not call ours",
                advice=f"add to {path}: {manual_lines(event)[0]}",
            )
