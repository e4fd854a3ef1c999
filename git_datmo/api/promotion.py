"""A run's state as the user's own snapshot."""

from __future__ import annotations

from dataclasses import replace

from git_datmo.api import content, lookup, run_lookup
from git_datmo.api.recording import Words, record
from git_datmo.api.state import State
from git_datmo.api.surroundings import Surroundings
from git_datmo.errors import MutuallyExclusiveArguments, RunUnderWay
from git_datmo.model.snapshot import Snapshot
from git_datmo.records import environments
from git_datmo.records.project import Project
from git_datmo.storage.objects import EMPTY_TREE


def of_run(
    project: Project, run_id: str | None, task_id: str | None, parts: bool, words: Words
) -> Snapshot:
    """The snapshot after a run, with the user's words, and the run's results as stats.

    Raises RunNotFound, RunUnderWay, MutuallyExclusiveArguments when `parts` of a state were named
    besides.
    """
    if run_id and task_id:
        raise MutuallyExclusiveArguments("run_id and task_id are one thing: give one of them")
    if parts:
        raise MutuallyExclusiveArguments(
            "a snapshot of a run takes its code, environment and files from the run",
            hint="leave out code, commit, environment and paths",
        )
    run = run_lookup.resolve(project, run_id or task_id)
    if run.after_id is None:
        raise RunUnderWay(
            f"the run {run.id[:12]} has not ended", hint=f"git datmo logs -f {run.id[:12]}"
        )
    left = lookup.snapshot(project, run.after_id)
    config, stats = lookup.decoded(left.doc.get("config")), lookup.decoded(left.doc.get("stats"))
    known = environments.commit_of(project, left.environment) if left.environment else None
    around = Surroundings(left.environment or EMPTY_TREE, known)
    state = State(
        left.tree or EMPTY_TREE,
        set(content.files_of(project, left.id)),
        around,
        parent=left.doc.get("parent"),
    )
    return record(
        project,
        state,
        replace(
            words,
            session=words.session or left.session or lookup.session_of(project, None),
            config={**config, **(words.config or {})},
            stats={**run.results, **stats, **(words.stats or {})},
            apart=True,
            run=run.id,
        ),
    )
