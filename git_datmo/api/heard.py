"""Runs under way in other clones, as far as anything of them has come here: nobody is asked."""

from __future__ import annotations

from dataclasses import replace

from git_datmo.api.nodes import live_node
from git_datmo.errors import DamagedObject, InvalidDocument, NewerFormat, RunNotFound
from git_datmo.model.folder import Live, Node
from git_datmo.records import catalogue, flights, layout
from git_datmo.records.kinds import RUN
from git_datmo.records.project import Project
from git_datmo.remotes import live
from git_datmo.storage import refs


def ls(project: Project) -> list[Node]:
    """What others last said of their runs that are not recorded here, the last heard of first.

    What says nothing of a run, or says it in a newer format, is left out. Raises
    ProjectNotInitialized.
    """
    project.require_known()
    # Most repositories have none, and load nothing for it.
    there = refs.read(project.repository.common_dir, layout.LIVE).found
    ids = {ref.removeprefix(layout.LIVE): oid for ref, oid in there.items()}
    found = [_said(project, run_id, oid) for run_id, oid in ids.items() if _away(project, run_id)]
    nodes = [_node(said) for said in found if said is not None]
    return sorted(nodes, key=lambda node: (-(node.updated or 0), node.run_id or ""))


def inspect(project: Project, run_id: str) -> tuple[Node, Live]:
    """One of them by its whole id, with all that it had printed and logged by then.

    Raises ProjectNotInitialized, RunNotFound.
    """
    project.require_known()
    said = None
    if _away(project, run_id):
        oid = refs.read_one(project.repository.common_dir, layout.LIVE + run_id)
        said = _said(project, run_id, oid) if oid is not None else None
    if said is None:
        raise RunNotFound(
            f"nothing was heard of a run {run_id} that is under way elsewhere",
            hint="it may have been recorded: git datmo pull",
        )
    return _node(said), replace(said, streams=_streams(project, said.id))


def _away(project: Project, run_id: str) -> bool:
    """Whether it can only be elsewhere: no run under way in this clone, none that is recorded,
    deleted or not."""
    if not layout.is_run_id(run_id) or flights.find(project, run_id) is not None:
        return False
    return not catalogue.refresh(project).find_text(("run_id",), run_id, RUN)


def _said(project: Project, run_id: str, oid: str) -> Live | None:
    try:
        found = live.parsed(oid, _blob(project, _entries(project, oid).get(live.FACTS)))
    except (DamagedObject, InvalidDocument, NewerFormat):
        return None
    return found if found.run_id == run_id else None


def _streams(project: Project, oid: str) -> dict[str, bytes]:
    entries = _entries(project, oid)
    found = {}
    for stream in live.STREAMS:
        names = sorted(name for name in entries if name.startswith(f"{stream}."))
        found[stream] = b"".join(_blob(project, entries[name]) or b"" for name in names)
    return found


def _entries(project: Project, oid: str) -> dict[str, str]:
    objects = project.repository.objects
    tree = objects.tree(objects.commit(oid).tree)
    return {name.decode("utf-8", "replace"): blob for name, _, blob in tree}


def _blob(project: Project, oid: str | None) -> bytes | None:
    """A blob that is here and of a size that one can have."""
    objects = project.repository.objects
    # Asked for by its size, what a partial clone lacks would be fetched.
    if oid is None or not objects.has(oid) or (objects.size(oid) or 0) > live.MAX_FACTS:
        return None
    return objects.blob(oid)


def _node(said: Live) -> Node:
    return live_node("", said.id, {**said.said, "run_id": said.run_id})
