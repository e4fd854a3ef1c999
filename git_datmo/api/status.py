"""Where the work tree stands against the snapshots."""

from __future__ import annotations

import os

from git_datmo.api import definition, lookup, surroundings
from git_datmo.api.state import notices
from git_datmo.api.surroundings import Surroundings
from git_datmo.api.user import NOBODY, User
from git_datmo.model.project import ProjectInfo, Status
from git_datmo.model.run import Run
from git_datmo.model.snapshot import Snapshot
from git_datmo.records import catalogue, flights, layout
from git_datmo.records.kinds import SNAPSHOT
from git_datmo.records.project import Project
from git_datmo.storage import treediff, worktree
from git_datmo.storage.index import Index, Record
from git_datmo.storage.objects import EMPTY_TREE
from git_datmo.storage.trees import Trees
from git_datmo.storage.worktree import Capture, Options


def info(project: Project) -> ProjectInfo:
    """Name, description and id of the project."""
    index = catalogue.refresh(project)
    return _info(project, index)


def _info(project: Project, index: Index) -> ProjectInfo:
    record = index.get(layout.PROJECT_ID)
    doc = record.doc if record is not None else {}
    base = project.repository.work_tree or project.repository.git_dir
    return ProjectInfo(
        lookup.model_id(index),
        str(doc.get("name") or base.name),
        str(doc.get("description") or ""),
        os.fspath(base),
    )


def status(project: Project, *, user: User = NOBODY) -> Status:
    """Where the work tree stands against the snapshots. Stores nothing.

    Raises ProjectNotInitialized.
    """
    project.require_initialized()
    index = catalogue.refresh(project)
    names = lookup.Names(index)
    warnings = [f"{name}: {reason}" for name, reason in catalogue.problems(index).items()]
    current: Record | None = None
    unsaved: dict[str, list[str]] = {"code": [], "environment": [], "files": []}
    if project.repository.work_tree is not None:
        captured = worktree.capture(
            project.repository, project.store, Options(threshold=project.threshold, dry=True)
        )
        selected = definition.chosen(project)
        if selected is not None and definition.current(project) is None:
            warnings.append(
                f"{definition.SETTING} is '{selected}', and there is no such environment here"
            )
        around = surroundings.choose(project, captured, user, dry=True)
        warnings += notices(captured)
        same = next(
            index.select(
                SNAPSHOT,
                tree=captured.tree,
                environment=around.id,
                include_hidden=True,
                limit=1,
            ),
            None,
        )
        seen = [record for oid in reversed(lookup.visited(project)) if (record := index.get(oid))]
        exact = next(
            (
                r
                for r in seen[:1]
                if same and (r.tree, r.environment) == (same.tree, same.environment)
            ),
            same,
        )
        current = (
            exact
            or next((r for r in seen if not r.deleted), None)
            or index.latest(SNAPSHOT, visible=None)
        )
        if current is not None and exact is None:
            unsaved = _unsaved(project, captured, around, current.tree or "", current.environment)
        elif current is None:
            unsaved = _unsaved(project, captured, around, EMPTY_TREE, None)
    user_made, automatic = (
        index.latest(SNAPSHOT, visible=True),
        index.latest(SNAPSHOT, visible=False),
    )

    def public(record: Record | None) -> Snapshot | None:
        return lookup.value(project, record, names) if record is not None else None

    return Status(
        project=_info(project, index),
        session=names.session(lookup.session_of(project, None)),
        current=public(current),
        unsaved=unsaved,
        latest_user=public(user_made),
        latest_automatic=public(automatic),
        warnings=tuple(warnings),
        running=_running(project, names),
    )


def _running(project: Project, names: lookup.Names) -> tuple[Run, ...]:
    if not flights.listed(project):
        return ()
    from git_datmo.api import run_lookup

    return tuple(run_lookup.under_way(project, names))


def _unsaved(
    project: Project,
    captured: Capture,
    around: Surroundings,
    tree: str,
    environment_id: str | None,
) -> dict[str, list[str]]:
    trees = Trees(project.repository, dry=True)
    trees.memory = captured.memory
    found: dict[str, list[str]] = {"code": [], "environment": [], "files": []}
    definitions = set(around.definitions)
    for path, old, new in treediff.diff(trees.read, tree, captured.tree):
        part = (
            "environment" if path in definitions else "files" if path in captured.files else "code"
        )
        if old is None and new is not None and new[1] == EMPTY_TREE:
            part = "code"
        found[part].append(os.fsdecode(path))
    if environment_id is not None and around.id != environment_id and not found["environment"]:
        found["environment"].append("the interpreter's packages")
    return {part: sorted(paths) for part, paths in found.items()}
