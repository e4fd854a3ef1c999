"""Runs under way in other clones, as they were last heard of: nothing is asked for them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from git_datmo.api import heard
from git_datmo.api.remotes import names as remotes
from git_datmo.errors import InvalidDocument
from git_datmo.model import series
from git_datmo.model.document import flatten
from git_datmo.ui.escape import safe
from git_datmo.ui.logtext import shown, whole_lines
from git_datmo.ui.rows import cell, key, literal
from git_datmo.ui.web import answers, log
from git_datmo.ui.web.desk import project_of

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from git_datmo.model.folder import Node

# A series has a line each; of very many the first are shown.
SERIES = 200


def page(request: Request) -> Response:
    """One of them: what was said of it, its last values, the end of its log."""
    project = project_of(request)
    node, said = heard.inspect(project, request.path_params["id"])
    printed = said.streams.get("log", b"")
    values = last(said.streams.get("metrics", b""))
    return answers.page(
        request,
        "elsewhere.html",
        title=title(node),
        name=title(node),
        remote=next(iter(remotes(project)), None),
        run=node,
        documents=[
            ("Last values", values[:SERIES]),
            ("Config", _rows(said.said.get("hyperparameters"))),
            ("Metadata", _rows(said.said.get("metadata"))),
            ("Platform", _rows(said.said.get("platform"))),
            ("Git", _rows(said.said.get("git"))),
        ],
        more=max(0, len(values) - SERIES),
        log=shown(_tail(printed)),
        total=len(printed),
        cut=len(printed) > log.LAST,
    )


def title(node: Node) -> str:
    """What it is called."""
    return node.name or node.alternative_name or (node.run_id or "")[: answers.SHORT]


def last(lines: bytes) -> list[tuple[str, str]]:
    """The last value of every series of some points, by type and name."""
    found: dict[str, object] = {}
    for line in whole_lines(lines, more=True).splitlines():
        try:
            point = series.parse(line)
        except InvalidDocument:
            continue
        for name, value in point.values.items():
            found[f"{point.type}/{name}"] = value
    return [(safe(name), cell(value)) for name, value in found.items()]


def _tail(printed: bytes) -> bytes:
    if len(printed) <= log.LAST:
        return printed
    end = printed[-log.LAST :]
    return end[end.find(b"\n") + 1 :]


def _rows(found: Any) -> list[tuple[str, str]]:
    if not isinstance(found, Mapping):
        return []
    return [(key(name), literal(value)) for name, value in flatten(dict(found)).items()]
