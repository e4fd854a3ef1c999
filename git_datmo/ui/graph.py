"""Lineage as a drawing: boxes in columns by their distance from the root, arrows between them."""

from __future__ import annotations

from collections.abc import Iterator

from git_datmo.model.frozen import frozen
from git_datmo.model.lineage import Edge, Lineage, Node
from git_datmo.ui.escape import clip, safe
from git_datmo.ui.lineage import SOURCES, TARGETS

WIDTH, HEIGHT = 190, 46
GAP_X, GAP_Y, EDGE = 96, 16, 8
LETTERS = 24
SHORT = 12


@frozen
class Box:
    """A node and where it is drawn: the left upper corner. `more` when it leads on to what is not
    shown."""

    node: Node
    x: int
    y: int
    title: str
    about: str
    more: bool = False


@frozen
class Arrow:
    """A way from box to box, as the `d` of an SVG path, and what it means at its middle."""

    path: str
    role: str
    x: int
    y: int


@frozen
class Drawing:
    """Boxes and arrows on a ground of `width` times `height`."""

    boxes: tuple[Box, ...]
    arrows: tuple[Arrow, ...]
    width: int
    height: int


def draw(found: Lineage) -> Drawing:
    """Put what a root came from to its left, what came of it to its right."""
    forward = _forward(found)
    columns = _columns(found, forward)
    rows = _rows(found, columns)
    tallest = max(len(column) for column in rows.values())
    height = tallest * (HEIGHT + GAP_Y) - GAP_Y + 2 * EDGE
    first = min(columns.values())
    boxes: dict[str, Box] = {}
    nodes, cut = found.by_id, set(found.cut)
    for number, column in rows.items():
        top = (height - len(column) * (HEIGHT + GAP_Y) + GAP_Y) // 2
        for place, oid in enumerate(column):
            x = EDGE + (number - first) * (WIDTH + GAP_X)
            y = top + place * (HEIGHT + GAP_Y)
            boxes[oid] = _box(nodes[oid], x, y, oid in cut)
    width = (max(columns.values()) - first + 1) * (WIDTH + GAP_X) - GAP_X + 2 * EDGE
    ahead = set(forward)
    arrows = []
    for edge in found.edges:
        source, target = boxes[edge.source], boxes[edge.target]
        # Names of arrows stand where these lie apart: away from the root.
        far = 0.68 if columns[edge.target] > columns[found.root] else 0.32
        arrows.append(
            _arrow(source, target, edge, far) if edge in ahead else _back(source, target, edge)
        )
    if len(ahead) < len(found.edges):
        height += GAP_Y * 2
    return Drawing(tuple(boxes.values()), tuple(arrows), width, height)


def neighbours(found: Lineage) -> Iterator[tuple[str, str, Node]]:
    """(`in` or `out`, how it stands to the root, node) of all that is next to the root."""
    nodes = found.by_id
    for edge in found.sources(found.root):
        yield "in", SOURCES.get(edge.role, edge.role), nodes[edge.source]
    for edge in found.targets(found.root):
        yield "out", TARGETS.get(edge.role, edge.role), nodes[edge.target]


def _columns(found: Lineage, forward: list[Edge]) -> dict[str, int]:
    """The column of each node, the root's being 0: right of all that it came of, and as near as may
    be to what came of it."""
    sources: dict[str, list[str]] = {node.id: [] for node in found.nodes}
    targets: dict[str, list[str]] = {node.id: [] for node in found.nodes}
    for edge in forward:
        sources[edge.target].append(edge.source)
        targets[edge.source].append(edge.target)
    left = {oid: len(several) for oid, several in sources.items()}
    order = [oid for oid, number in left.items() if not number]
    places = dict.fromkeys(left, 0)
    for oid in order:
        for other in targets[oid]:
            places[other] = max(places[other], places[oid] + 1)
            left[other] -= 1
            if not left[other]:
                order.append(other)
    for oid in reversed(order):
        if targets[oid] and not sources[oid]:
            places[oid] = min(places[other] for other in targets[oid]) - 1
    return {oid: place - places[found.root] for oid, place in places.items()}


def _forward(found: Lineage) -> list[Edge]:
    """The edges without those that lead back to where a way came from: a run that changed nothing
    left the snapshot that it started from."""
    targets: dict[str, list[Edge]] = {}
    for edge in found.edges:
        targets.setdefault(edge.source, []).append(edge)
    kept: list[Edge] = []
    done: set[str] = set()
    for node in found.nodes:
        if node.id in done:
            continue
        way = {node.id: iter(targets.get(node.id, ()))}
        while way:
            here = next(reversed(way))
            for edge in way[here]:
                if edge.target not in way:
                    kept.append(edge)
                    if edge.target not in done:
                        way[edge.target] = iter(targets.get(edge.target, ()))
                        break
            else:
                del way[here]
                done.add(here)
    return kept


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


def _arrow(source: Box, target: Box, edge: Edge, far: float) -> Arrow:
    x1, y1 = source.x + WIDTH, source.y + HEIGHT // 2
    x2, y2 = target.x, target.y + HEIGHT // 2
    bend = (x1 + x2) // 2
    path = f"M{x1},{y1} C{bend},{y1} {bend},{y2} {x2 - 3},{y2}"
    # The curve's height there, which begins and ends level.
    height = y1 + (y2 - y1) * far * far * (3 - 2 * far)
    return Arrow(path, edge.role, round(x1 + (x2 - x1) * far), round(height) - 4)


def _back(source: Box, target: Box, edge: Edge) -> Arrow:
    """From below the one to below the other."""
    x1, y1 = source.x + WIDTH // 2, source.y + HEIGHT
    x2, y2 = target.x + WIDTH // 2, target.y + HEIGHT
    low = max(y1, y2) + GAP_Y * 2
    path = f"M{x1},{y1} C{x1},{low} {x2},{low} {x2},{y2 + 3}"
    return Arrow(path, edge.role, (x1 + x2) // 2, low - GAP_Y // 2 - 2)
