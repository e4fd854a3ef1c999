"""Which snapshots' content may leave a clone, by what the user wants to keep at hand."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from pathlib import Path

from git_datmo.model.expression import Expr
from git_datmo.model.frozen import frozen
from git_datmo.records import catalogue, flights
from git_datmo.records.kinds import SNAPSHOT
from git_datmo.records.project import Project
from git_datmo.storage.index import Index


@frozen
class Policy:
    """What stays: what `keep` is true of, the `last` visible ones of each session and all hidden
    ones since, and what is younger than `age` seconds. None keeps nothing."""

    keep: Expr | None = None
    last: int | None = None
    age: float | None = None


def leaving(project: Project, policy: Policy, now: float) -> set[str]:
    """The living snapshots that nothing protects.

    Labels protect, so do the snapshots that work trees stand on and that runs started from.
    `now` is in seconds since 1970.
    """
    index = catalogue.refresh(project)
    kept = {*stood_on(project), *_started_from(project)}
    if policy.keep is not None:
        found = index.select(SNAPSHOT, where=policy.keep, include_hidden=True)
        kept.update(record.id for record in found)
    edges = _edges(index, policy.last) if policy.last is not None else {}
    after = (now - policy.age) * 1000 if policy.age is not None else None
    return {
        each.id
        for each in index.outlines()
        if each.kind == SNAPSHOT
        and not each.deleted
        and not each.label
        and each.id not in kept
        and (policy.last is None or each.created < edges.get(each.session, 0))
        and (after is None or each.created < after)
    }


def stood_on(project: Project) -> Iterator[str]:
    """The snapshot that each work tree of the repository is on."""
    common = project.repository.common_dir
    for git_dir in (common, *_work_trees(common)):
        try:
            seen = (git_dir / "datmo" / "visited").read_text("ascii").split()
        except (OSError, UnicodeDecodeError):
            continue
        yield from seen[-1:]


def _started_from(project: Project) -> Iterator[str]:
    for flight in flights.listed(project):
        before = flight.facts().get("before_id")
        if isinstance(before, str):
            yield before


def _edges(index: Index, last: int) -> dict[str | None, float]:
    """For each session the moment from which on its snapshots are kept, in milliseconds."""
    newest: dict[str | None, list[int]] = {}
    for each in index.outlines():
        if each.kind == SNAPSHOT and each.visible and not each.deleted:
            found = newest.setdefault(each.session, [])
            heapq.heappush(found, each.created)
            if len(found) > last:
                heapq.heappop(found)
    return {
        session: (found[0] if found else float("inf")) if len(found) == last else 0
        for session, found in newest.items()
    }


def _work_trees(common: Path) -> list[Path]:
    folder = common / "worktrees"
    return [path for path in folder.iterdir() if path.is_dir()] if folder.is_dir() else []
