"""What a snapshot, a run or an artifact came from, and what came of it."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from typing import Any

from git_datmo.api import subject
from git_datmo.errors import (
    Corrupt,
    InvalidArgumentType,
    ValidationFailed,
)
from git_datmo.model.lineage import (
    AFTER,
    GENERATED,
    SIDEWAYS,
    USED,
    VERSION,
    Edge,
    Lineage,
    Node,
)
from git_datmo.model.run import Run
from git_datmo.records import catalogue, entries, layout
from git_datmo.records.kinds import ARTIFACT, RUN, SNAPSHOT
from git_datmo.records.project import Project
from git_datmo.storage.index import Record

LIMIT = 1000
UP, DOWN = "up", "down"
# What leads from the object that says it to the other; all other roles lead to it.
_FORWARD = frozenset({AFTER, GENERATED})


def lineage(
    project: Project,
    id: str,
    *,
    depth: int | None = None,
    up: bool = False,
    down: bool = False,
    limit: int = LIMIT,
) -> Lineage:
    """What `id`, a snapshot, run or artifact as any command takes it, came from and what came of
    it, over other runs and back to the beginning.

    `up` is what it came from and `down` what came of it, neither means both. `depth` counts steps
    from it, `limit` what is found in each of the two directions; what was left out is marked.
    Raises EntityNotFound, AmbiguousId, InvalidArgumentType, ValidationFailed.
    """
    if not isinstance(id, str):
        raise InvalidArgumentType(f"lineage is asked for by text, not by {type(id).__name__}")
    if (depth is not None and depth < 1) or limit < 1:
        raise ValidationFailed("depth and limit count from 1")
    project.require_known()
    root = subject.find(project, id)
    walk = _Walk(project, root)
    both = up == down
    for direction, wanted in ((UP, up or both), (DOWN, down or both)):
        if wanted:
            walk.follow(direction, depth, limit)
    return walk.result


class _Walk:
    """Follows edges from a root, nearest first; each node is looked at once in a direction."""

    def __init__(self, project: Project, root: Record | Run) -> None:
        self._project = project
        self._index = catalogue.refresh(project)
        self._records: dict[str, Record] = {}
        self._under_way = root if isinstance(root, Run) else None
        node = _of_run(root) if isinstance(root, Run) else self._node(root)
        self._root = node.id
        self._nodes: dict[str, Node] = {node.id: node}
        self._edges: dict[Edge, None] = {}
        self._cut: dict[str, None] = {}

    @property
    def result(self) -> Lineage:
        return Lineage(
            self._root, tuple(self._nodes.values()), tuple(self._edges), tuple(self._cut)
        )

    def follow(self, direction: str, depth: int | None, limit: int) -> None:
        """Go on in one direction, `depth` steps and `limit` nodes far."""
        steps = {self._root: 0}
        waiting = deque([self._root])
        while waiting:
            here = waiting.popleft()
            step = steps[here] + 1
            for edge, node in self._neighbours(here, direction):
                if (depth is not None and step > depth) or (
                    node.id not in steps and len(steps) > limit
                ):
                    self._cut[here] = None
                    break
                self._nodes.setdefault(node.id, node)
                self._edges[edge] = None
                if node.id not in steps:
                    steps[node.id] = step
                    if edge.role not in SIDEWAYS:
                        waiting.append(node.id)

    def _neighbours(self, node_id: str, direction: str) -> list[tuple[Edge, Node]]:
        found = []
        for other, role, stated in self._links(node_id):
            upward = stated == (role not in _FORWARD)
            if upward == (direction == UP) and other.id != node_id:
                ends = (other.id, node_id) if upward else (node_id, other.id)
                found.append((Edge(*ends, role), other))
        return sorted(found, key=lambda pair: (pair[1].created or 0, pair[1].id))

    def _links(self, node_id: str) -> Iterator[tuple[Node, str, bool]]:
        """(other node, role, whether this node says so itself) of everything that a node has."""
        record = self._records.get(node_id)
        said: Mapping[str, Any] = record.doc if record is not None else {}
        if self._under_way is not None and node_id == self._under_way.id:
            said = self._under_way.to_dict()
            for role, oid in entries.stated(RUN, said):
                yield self._other(oid, role, said), role, True
        elif record is None:
            return
        for oid in dict.fromkeys((node_id, record.id if record is not None else node_id)):
            for other, role, direction in self._index.edges(oid):
                yield self._other(other, role, said), role, direction == "out"
        for role in (USED, GENERATED):
            for resource in said.get(role) or ():
                if not _is_id(resource.get("id")):
                    yield _outside(resource), role, True

    def _other(self, oid: str, role: str, said: Mapping[str, Any]) -> Node:
        """The node of an id, `said` being the facts of the run that names it."""
        record = self._index.get(oid)
        if record is None and layout.is_run_id(oid):
            commits = self._index.find_text(("run_id",), oid, RUN)
            record = self._index.get(commits[0]) if commits else None
            if record is None:
                return Node(oid, RUN, here=False)
        if record is not None:
            return self._node(record)
        if role not in (USED, GENERATED):
            return Node(oid, ARTIFACT if role == VERSION else SNAPSHOT, here=False)
        resources = (*(said.get(USED) or ()), *(said.get(GENERATED) or ()))
        resource: Mapping[str, Any] = next(
            (each for each in resources if each.get("id") == oid), {}
        )
        kind = str(resource.get("kind") or ARTIFACT)
        if kind.lower() != "commit":
            return Node(oid, kind, _title(resource), here=False)
        try:
            commit = self._project.repository.objects.commit(oid)
        except Corrupt:
            return Node(oid, kind, _title(resource), here=False)
        return Node(oid, kind, commit.message.partition("\n")[0], created=commit.time * 1000)

    def _node(self, record: Record) -> Node:
        oid, doc, status = record.id, record.doc, None
        if record.kind == RUN:
            oid, status = str(doc["run_id"]), str(doc.get("status") or "")
        self._records[oid] = record
        return Node(
            *(oid, record.kind, subject.title(record), record.label),
            *(status, record.created, record.deleted),
        )


def _of_run(run: Run) -> Node:
    return Node(run.id, RUN, run.text or run.message, run.label, run.status, run.created)


def _is_id(value: object) -> bool:
    return isinstance(value, str) and (layout.is_oid(value) or layout.is_run_id(value))


def _outside(resource: Mapping[str, Any]) -> Node:
    """A leaf for what only has a name here: a branch, a model or dataset of another system."""
    kind = str(resource.get("kind") or "")
    name = resource.get("id") or resource.get("path") or resource.get("name") or ""
    return Node(f"{kind}:{name}", kind, _title(resource))


def _title(resource: Mapping[str, Any]) -> str:
    if "collection" in resource and "name" in resource:
        version = f":v{resource['version']}" if "version" in resource else ""
        return f"{resource['collection']}/{resource['name']}{version}"
    return str(resource.get("name") or resource.get("path") or resource.get("id") or "")
