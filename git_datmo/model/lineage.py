"""Who came of what: snapshots, runs, artifacts and what lies outside, as nodes and edges."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, Final

from git_datmo.model.frozen import frozen

# What runs and artifacts say of others. BEFORE and USED lead into a run, AFTER and GENERATED out
# of it; the other three lead from the earlier to the later of two of one kind.
BEFORE, AFTER, USED, GENERATED = "before", "after", "used", "generated"
RERUN, CONTINUES, VERSION = "rerun", "continues", "version"

SIDEWAYS: Final = frozenset({RERUN, VERSION})
"""Roles by which nothing flowed: they are shown and not followed."""


@frozen
class Node:
    """One thing. `id` is that of a snapshot, run (not its commit) or artifact; of something
    outside it is made of `kind` and what is known of it. `title` is its message, command or name;
    `created` in milliseconds since 1970; `here` is False for what this clone does not have.
    """

    id: str
    kind: str
    title: str = ""
    label: str | None = None
    status: str | None = None
    created: int | None = None
    deleted: bool = False
    here: bool = True


@frozen
class Edge:
    """`target` came of `source`, both named by ids of nodes."""

    source: str
    target: str
    role: str


@frozen
class Lineage:
    """What `root` came from and what came of it.

    `nodes` begin with the root, nearer ones before farther ones. `cut` are ids of nodes that have
    more beyond them, which was not asked for.
    """

    root: str
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    cut: tuple[str, ...] = ()

    @property
    def by_id(self) -> Mapping[str, Node]:
        """The nodes by their ids."""
        return {node.id: node for node in self.nodes}

    def sources(self, node_id: str) -> list[Edge]:
        """The edges that lead to a node."""
        return [edge for edge in self.edges if edge.target == node_id]

    def targets(self, node_id: str) -> list[Edge]:
        """The edges that lead from a node."""
        return [edge for edge in self.edges if edge.source == node_id]

    def to_dict(self) -> dict[str, Any]:
        """Nodes and edges as plain values."""
        return {
            "root": self.root,
            "nodes": [asdict(node) for node in self.nodes],
            "edges": [asdict(edge) for edge in self.edges],
            "cut": list(self.cut),
        }

    def __str__(self) -> str:
        known = self.by_id
        lines = [f"lineage of {known[self.root].kind} {self.root}"]
        for edge in self.edges:
            ends = (known[oid] for oid in (edge.source, edge.target))
            named = [f"{node.kind} {node.title or node.id[:12]}" for node in ends]
            lines.append(f"  {named[0]} -> {named[1]} ({edge.role})")
        return "\n".join(lines) + "\n"
