"""Runs and snapshots that were picked to be looked at together."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cached_property

from git_datmo.api import lookup, run_lookup, runs
from git_datmo.errors import AmbiguousId, EntityNotFound, NotFound, SnapshotNotFound
from git_datmo.model.frozen import frozen
from git_datmo.model.run import Run
from git_datmo.model.snapshot import Snapshot
from git_datmo.records import catalogue
from git_datmo.records.kinds import RUN, SNAPSHOT
from git_datmo.records.project import Project

_RUN, _COMMIT = re.compile(r"[0-9a-f]{32}"), re.compile(r"[0-9a-f]{40}")
LIMIT = 50


@frozen
class Selection:
    """What was picked, in the order of picking; `missing` are names that mean nothing here, with
    the reason."""

    picked: tuple[Run | Snapshot, ...]
    missing: tuple[tuple[str, str], ...] = ()

    @cached_property
    def run_ids(self) -> tuple[str, ...]:
        """The runs among them, and those that left the snapshots among them; each once."""
        found = (one.id if isinstance(one, Run) else one.task_id for one in self.picked)
        return tuple(dict.fromkeys(name for name in found if name))


def pick(
    project: Project,
    *,
    ids: Sequence[str] = (),
    where: str | None = None,
    session_id: str | None = None,
    filter: str | None = None,
    label: str | None = None,
    status: str | None = None,
    remote: str | None = None,
    sort: str | None = None,
    limit: int = LIMIT,
) -> Selection:
    """The runs and snapshots with some `ids` (labels, beginnings of ids), each once; without any,
    the first `limit` of the runs that `run.ls` lists for the same words.

    What is not here is told, not raised. Raises QuerySyntaxError, SessionDoesNotExist,
    EntityNotFound.
    """
    if not ids:
        listed = runs.ls(
            project,
            where=where,
            session_id=session_id,
            filter=filter,
            label=label,
            status=status,
            remote=remote,
            sort=sort,
            limit=limit,
        )
        return Selection(tuple(listed))
    finder = _Finder(project)
    picked: dict[tuple[type, str], Run | Snapshot] = {}
    missing = []
    for name in dict.fromkeys(ids):
        try:
            found = finder.find(name)
        except AmbiguousId as error:
            missing.append((name, error.message))
        except NotFound:
            missing.append((name, f"no run and no snapshot has the id or label '{name}'"))
        else:
            picked.setdefault((type(found), found.id), found)
    return Selection(tuple(picked.values()), tuple(missing))


class _Finder:
    """Whole ids, of which there may be hundreds, without asking git for each."""

    def __init__(self, project: Project) -> None:
        project.require_known()
        self._project = project
        self._index = catalogue.refresh(project)
        self._names = lookup.Names(self._index)
        self._flying = {run.id: run for run in run_lookup.under_way(project, self._names)}

    def find(self, name: str) -> Run | Snapshot:
        if name in self._flying:
            return self._flying[name]
        if _COMMIT.fullmatch(name):
            record = self._index.get(name)
            if record is not None and record.kind == SNAPSHOT:
                return lookup.value(self._project, record, self._names)
        elif _RUN.fullmatch(name):
            commits = self._index.find_text(("run_id",), name, RUN)
            record = self._index.get(commits[0]) if len(commits) == 1 else None
            if record is not None:
                return run_lookup.value(self._project, record, self._names)
        try:
            return run_lookup.resolve(self._project, name)
        except AmbiguousId:
            raise
        except NotFound:
            pass
        try:
            record = lookup.snapshot(self._project, name)
        except SnapshotNotFound as error:
            raise EntityNotFound(f"no run or snapshot has the id or label '{name}'") from error
        return lookup.value(self._project, record, self._names)
