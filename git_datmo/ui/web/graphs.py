"""Lineage as a graph that one can walk: `/lineage/ID`, and as a part of other pages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from git_datmo.api import lineage as lineage_api
from git_datmo.model.frozen import frozen
from git_datmo.model.lineage import Lineage, Node
from git_datmo.ui import graph
from git_datmo.ui.web import answers
from git_datmo.ui.web.address import choices, to
from git_datmo.ui.web.desk import project_of

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from git_datmo.records.project import Project

DEPTH, MOST = 2, 20
NODES = 60


@frozen
class View:
    """A drawing, and in words what is next to the root: (`in` or `out`, words, node)."""

    root: Node
    drawing: graph.Drawing
    near: tuple[tuple[str, str, Node], ...]
    cut: bool
    depth: int

    @property
    def empty(self) -> bool:
        """Whether nothing is known of it."""
        return not self.near


def view(project: Project, name: str, depth: int = DEPTH) -> View:
    """The lineage of a snapshot, run or artifact, `depth` steps far. Raises EntityNotFound,
    AmbiguousId."""
    found = lineage_api.lineage(project, name, depth=depth, limit=NODES)
    return of(found, depth)


def of(found: Lineage, depth: int) -> View:
    """A lineage as pages show it."""
    root = found.by_id[found.root]
    return View(root, graph.draw(found), tuple(graph.neighbours(found)), bool(found.cut), depth)


def address_of(node: Node) -> str | None:
    """The page of a node; None for what has none."""
    if not node.here:
        return None
    if node.kind == "artifact":
        return to("artifacts", "id", node.id)
    noun = {"run": "runs", "snapshot": "snapshots"}.get(node.kind)
    return to(noun, node.id) if noun else None


def page(request: Request) -> Response:
    """The graph around one thing, as far as `depth` says."""
    asked = choices(request)
    depth = asked.number("depth", DEPTH + 1, least=1, most=MOST)
    found = view(project_of(request), request.path_params["id"], depth)
    title = found.root.label or found.root.title or found.root.id[: answers.SHORT]
    return answers.page(
        request,
        "lineage.html",
        title=f"Lineage of {found.root.kind} {title}",
        lineage=found,
        address_of=address_of,
    )
