"""The state that a run started from, beside the commit that was checked out."""

from __future__ import annotations

from dataclasses import replace

from git_datmo.api import comparison, lookup, run_lookup
from git_datmo.model.diff import SnapshotDiff
from git_datmo.records.project import Project


def uncommitted(project: Project, *, run_id: str) -> SnapshotDiff | None:
    """What was not committed when a run started: from the commit that was checked out to the
    snapshot before the run. None where either is not known here, or nothing was.

    Raises RunNotFound, AmbiguousId, SnapshotNotFound, and Conflict where too much is for a page.
    """
    run = run_lookup.resolve(project, run_id)
    commit = run.git.get("commit")
    objects = project.repository.objects
    if not run.before_id or not isinstance(commit, str) or objects.kind(commit) != "commit":
        return None
    before = lookup.snapshot(project, run.before_id)
    tree = before.tree or objects.commit(before.id).tree
    base = objects.commit(commit).tree
    found = comparison.states(project, (base, ""), (tree, ""), (None, before.id), bounded=True)
    return None if found.empty else replace(found, before=commit, after=before.id)
