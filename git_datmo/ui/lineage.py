"""Lineage as a tree of lines, and as a document."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from git_datmo.model.lineage import (
    AFTER,
    BEFORE,
    CONTINUES,
    GENERATED,
    RERUN,
    USED,
    VERSION,
    Edge,
    Lineage,
    Node,
)
from git_datmo.model.run import SUCCESS
from git_datmo.ui.escape import ELLIPSIS, clip, safe
from git_datmo.ui.escape import width as columns_of
from git_datmo.ui.rows import full_time
from git_datmo.ui.snapshot import SHORT
from git_datmo.ui.style import paint

# How the thing at the end of an edge stands to the one above it in the tree: what a parent came
# from, and what came of it.
SOURCES = {
    BEFORE: "from",
    AFTER: "left by",
    USED: "input",
    GENERATED: "made by",
    RERUN: "repeats",
    CONTINUES: "goes on with",
    VERSION: "follows",
}
TARGETS = {
    BEFORE: "start of",
    AFTER: "left",
    USED: "used by",
    GENERATED: "made",
    RERUN: "repeated by",
    CONTINUES: "continued by",
    VERSION: "followed by",
}
_KINDS = ("snapshot", "run", "artifact")
_LEAST = 20
"""So many columns are left for what a line says; deeper branches are cut."""


def to_dict(found: Lineage) -> dict[str, Any]:
    """Lineage as the document that `--json` prints: nodes, and edges between their ids."""
    return found.to_dict()


def render(found: Lineage, *, color: bool, width: int | None) -> Iterator[str]:
    """Yield the root, the tree of what it came from and the tree of what came of it.

    With a `width` no line is wider.
    """
    root = found.by_id[found.root]
    yield _line("", "", root, ELLIPSIS if root.id in found.cut else "", color, width)
    if root.created is not None:
        yield f"Date: {full_time(root.created)}"
    sides = (("Came from", True), ("Came of it", False))
    for title, upward in sides:
        tree = _Tree(found, upward, color, width)
        lines = list(tree.lines())
        if lines:
            yield ""
            yield paint(title, "bold", color=color)
            yield from lines
    if not found.edges:
        yield ""
        yield "Nothing is recorded of where it came from, or of what came of it."


class _Tree:
    """One side of a lineage. What has been shown with its branches is not opened again."""

    def __init__(self, found: Lineage, upward: bool, color: bool, width: int | None) -> None:
        self._root, self._color, self._width = found.root, color, width
        self._nodes, self._cut = found.by_id, set(found.cut)
        self._words = SOURCES if upward else TARGETS
        self._below: dict[str, list[tuple[str, Edge]]] = {}
        for edge in found.edges:
            near, far = (edge.target, edge.source) if upward else (edge.source, edge.target)
            self._below.setdefault(near, []).append((far, edge))

    def lines(self) -> Iterator[str]:
        """Depth first, without recursion: a chain of runs may be long."""
        reached, stack = self._reached(), []
        shown = {self._root}
        stack += self._branches(self._root, "")
        while stack:
            node_id, edge, lead, branch, after = stack.pop()
            node = self._nodes[node_id]
            below = self._below.get(node_id) if node_id in reached else None
            again = node_id in shown and bool(below)
            deep = self._width is not None and len(after) + _LEAST > self._width
            more = not again and (node_id in self._cut or (deep and bool(below)))
            mark = "above" if again else ELLIPSIS if more else ""
            words = self._words.get(edge.role, edge.role)
            yield _line(lead + branch, words, node, mark, self._color, self._width)
            if below and not again and not deep:
                shown.add(node_id)
                stack += self._branches(node_id, after)

    def _branches(self, node_id: str, lead: str) -> list[tuple[str, Edge, str, str, str]]:
        """What hangs below a node, the first one last: it is taken from the end."""
        below = self._below.get(node_id, [])
        found = []
        for number, (far, edge) in enumerate(below):
            last = number == len(below) - 1
            found.append(
                (far, edge, lead, "└─ " if last else "├─ ", lead + ("   " if last else "│  "))
            )
        return found[::-1]

    def _reached(self) -> set[str]:
        """The nodes that were followed on this side; others have edges of the other side alone."""
        seen, stack = {self._root}, [self._root]
        while stack:
            for far, _ in self._below.get(stack.pop(), ()):
                if far not in seen:
                    seen.add(far)
                    stack.append(far)
        return seen


def _line(lead: str, words: str, node: Node, mark: str, color: bool, width: int | None) -> str:
    """One node: how it stands to the one above, what it is, its name; cut to fit."""
    marks = []
    if node.status and node.status != SUCCESS:
        marks.append((node.status, "cyan" if node.status in ("running", "preparing") else "red"))
    if node.deleted:
        marks.append(("deleted", "red"))
    if not node.here:
        marks.append(("not here", "red"))
    if node.label:
        marks.append((f"label: {safe(node.label)}", "cyan"))
    if mark:
        marks.append((mark, ""))
    outside = node.kind not in _KINDS
    name = "" if outside and node.here and node.created is None else safe(node.id[:SHORT])
    heads = [(words, ""), (safe(node.kind), ""), (name, "yellow")]
    tail = "".join(f" ({paint(text, style, color=color)})" for text, style in marks)
    plain_tail = "".join(f" ({text})" for text, _ in marks)
    shown = " ".join(paint(text, style, color=color) for text, style in heads if text)
    plain = " ".join(text for text, _ in heads if text)
    title = safe(node.title)
    if width is not None:
        room = width - columns_of(lead + plain + plain_tail) - 2
        if room < 0:
            return clip(lead + plain + plain_tail, width)
        title = clip(title, room)
    return lead + shown + (f"  {title}" if title else "") + tail
