"""What pages bring along: our style and script, and Plotly's script out of its wheel."""

from __future__ import annotations

import gzip
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from starlette.responses import Response

from git_datmo.errors import EntityNotFound
from git_datmo.ui.standalone import plotly

if TYPE_CHECKING:
    from starlette.requests import Request

FOLDER = Path(__file__).with_name("static")
KINDS = {".css": "text/css", ".js": "text/javascript"}
PLOTLY = "plotly.js"
DAY = 86_400


def address(name: str) -> str:
    """Where pages find one; a browser that has an older one of that name asks for this one."""
    file = _file(name).stat()
    return f"/static/{name}?v={file.st_mtime_ns:x}-{file.st_size:x}"


def answer(request: Request) -> Response:
    """One of them, packed. Raises EntityNotFound."""
    name = request.path_params["name"]
    if name not in _names():
        raise EntityNotFound(f"there is nothing at {request.url.path}")
    return Response(
        _packed(name),
        media_type=KINDS[Path(name).suffix],
        headers={"Content-Encoding": "gzip", "Cache-Control": f"private, max-age={DAY}"},
    )


@cache
def _names() -> frozenset[str]:
    ours = (file.name for file in FOLDER.iterdir() if file.suffix in KINDS)
    return frozenset((*ours, PLOTLY))


def _file(name: str) -> Path:
    return plotly() if name == PLOTLY else FOLDER / name


@cache
def _packed(name: str) -> bytes:
    return gzip.compress(_file(name).read_bytes(), 6)
