"""Lineage as a drawing: boxes in columns by their distance from the root, arrows between them."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

from git_datmo.model.lineage import Edge, Lineage, Node
from git_datmo.ui.escape import clip, safe
from git_datmo.ui.lineage import SOURCES, TARGETS

WIDTH, HEIGHT = 190, 46
GAP_X, GAP_Y, EDGE = 74, 16, 8
LETTERS = 26
SHORT = 12


@dataclass(frozen=True)
class Box:
    """A node and where it is drawn: the left upper corner. `more` when it leads on to what is not
    shown."""

    node: Node
    x: int
    y: int
    title: str
    about: str
    more: bool = False


@dataclass(frozen=True)
class Arrow:
    """A way from box to box, as the `d` of an SVG path, and what it means at its middle."""

    path: str
    role: str
    x: int
    y: int


@dataclass(frozen=True)
class Drawing:
    """Boxes and arrows on a ground of `width` times `height`."""

    boxes: tuple[Box, ...]
    arrows: tuple[Arrow, ...]
    width: int
    height: int


def draw(found: Lineage) -> Drawing:
    """Put what a root came from to its left, what came of it to its right."""
    columns = _columns(found)
    first = min(columns.values())
    rows = _rows(found, columns)
    tallest = max(len(column) for column in rows.values())
    height = tallest * (HEIGHT + GAP_Y) - GAP_Y + 2 * EDGE
    boxes: dict[str, Box] = {}
    nodes, cut = found.by_id, set(found.cut)
    for number, column in rows.items():
        top = (height - len(column) * (HEIGHT + GAP_Y) + GAP_Y) // 2
        for place, oid in enumerate(column):
            x = EDGE + (number - first) * (WIDTH + GAP_X)
            y = top + place * (HEIGHT + GAP_Y)
            boxes[oid] = _box(nodes[oid], x, y, oid in cut)
    last = max(columns.values())
    width = (last - first + 1) * (WIDTH + GAP_X) - GAP_X + 2 * EDGE
    arrows = tuple(_arrow(boxes[e.source], boxes[e.target], e) for e in found.edges)
    return Drawing(tuple(boxes.values()), arrows, width, height)


def neighbours(found: Lineage) -> Iterator[tuple[str, str, Node]]:
    """(`in` or `out`, how it stands to the root, node) of all that is next to the root."""
    nodes = found.by_id
    for edge in found.sources(found.root):
        yield "in", SOURCES.get(edge.role, edge.role), nodes[edge.source]
    for edge in found.targets(found.root):
        yield "out", TARGETS.get(edge.role, edge.role), nodes[edge.target]


def _columns(found: Lineage) -> dict[str, int]:
    """How far from the root each node is, to the left below zero."""
    near: dict[str, list[tuple[str, int]]] = {}
    for edge in found.edges:
        near.setdefault(edge.target, []).append((edge.source, -1))
        near.setdefault(edge.source, []).append((edge.target, 1))
    places, waiting = {found.root: 0}, deque([found.root])
    while waiting:
        here = waiting.popleft()
        for other, step in near.get(here, ()):
            if other not in places:
                places[other] = places[here] + step
                waiting.append(other)
    return places


def _rows(found: Lineage, columns: dict[str, int]) -> dict[int, list[str]]:
    """The nodes of each column from top to bottom: near what they are tied to, so that few arrows
    cross."""
    rows: dict[int, list[str]] = {}
    for oid, column in columns.items():
        rows.setdefault(column, []).append(oid)
    tied: dict[str, list[str]] = {}
    for edge in found.edges:
        tied.setdefault(edge.source, []).append(edge.target)
        tied.setdefault(edge.target, []).append(edge.source)
    for column in sorted(rows, key=abs):
        inner = rows.get(column - (1 if column > 0 else -1), []) if column else []
        place = {oid: number for number, oid in enumerate(inner)}
        rows[column].sort(
            key=lambda oid: min((place[o] for o in tied.get(oid, ()) if o in place), default=0)
        )
    return rows


def _box(node: Node, x: int, y: int, more: bool) -> Box:
    title = clip(safe(node.label or node.title or node.id[:SHORT]), LETTERS)
    about = [node.kind]
    if node.created is not None and node.kind in ("snapshot", "run", "artifact"):
        about.append(node.id[:SHORT])
    if node.deleted:
        about.append("deleted")
    elif not node.here:
        about.append("not here")
    elif node.status and node.status != "success":
        about.append(node.status)
    return Box(node, x, y, title, clip(safe(" ".join(about)), LETTERS + 2), more)


def _arrow(source: Box, target: Box, edge: Edge) -> Arrow:
    x1, y1 = source.x + WIDTH, source.y + HEIGHT // 2
    x2, y2 = target.x, target.y + HEIGHT // 2
    if x2 > x1:
        bend = (x2 - x1) // 2
        path = f"M{x1},{y1} C{x1 + bend},{y1} {x2 - bend},{y2} {x2 - 3},{y2}"
        return Arrow(path, edge.role, (x1 + x2) // 2, (y1 + y2) // 2 - 4)
    # To the same column or back: around on the right.
    out = max(x1, target.x + WIDTH) + GAP_X // 2
    path = f"M{x1},{y1} C{out},{y1} {out},{y2} {target.x + WIDTH + 3},{y2}"
    return Arrow(path, edge.role, out - 10, (y1 + y2) // 2)
