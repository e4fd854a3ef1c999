"""What a run prints: page by page, and what an open page asks for while the run lasts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from git_datmo.api import logs
from git_datmo.api import run as run_api
from git_datmo.api.logs import PIECE
from git_datmo.model.file import Piece
from git_datmo.model.frozen import frozen
from git_datmo.ui import run as text
from git_datmo.ui.logtext import shown, whole_lines
from git_datmo.ui.web import answers
from git_datmo.ui.web.address import choices, to
from git_datmo.ui.web.desk import project_of

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from git_datmo.records.project import Project

# What the page of a run shows of a long log: its beginning and its end.
FIRST, LAST = 1 << 15, 1 << 17


@frozen
class View:
    """A log as the page of its run shows it. `gap` bytes after `head` are left out; `follow` is
    the address that gives what comes next, None when nothing will."""

    head: str
    tail: str
    gap: int
    total: int
    follow: str | None


def view(project: Project, run_id: str) -> View:
    """The beginning and the end of a run's log. Raises ContentMissing."""
    head = logs.piece(project, run_id=run_id, size=FIRST + LAST)
    if head.end >= head.total:
        data = _whole(head)
        return View(shown(data), "", 0, head.total, _next(run_id, head, len(data)))
    first = whole_lines(head.data[:FIRST], more=True)
    tail = logs.piece(project, run_id=run_id, start=-LAST, size=LAST)
    begin = tail.data.find(b"\n") + 1
    last = _whole(tail)[begin:]
    gap = tail.start + begin - len(first)
    return View(shown(first), shown(last), gap, tail.total, _next(run_id, tail, begin + len(last)))


def page(request: Request) -> Response:
    """One piece of a log, with links to the ones before and after it."""
    project, asked = project_of(request), choices(request)
    run = run_api.inspect(project, request.path_params["id"])
    piece = logs.piece(project, run_id=run.id, start=asked.number("from", 0))
    data = _whole(piece)
    end = piece.start + len(data)
    return answers.page(
        request,
        "log.html",
        title=f"Log of {run.label or run.id[: answers.SHORT]}",
        run=run,
        text=shown(data),
        start=piece.start,
        end=end,
        total=piece.total,
        before=max(0, piece.start - PIECE) if piece.start else None,
        after=end if end < piece.total else None,
        last=max(0, piece.total - PIECE),
    )


def data(request: Request) -> Response:
    """The log from byte `from` on, as `text`, and the address of what comes after; no address
    when the run has ended and all was said."""
    project, asked = project_of(request), choices(request)
    run_id = run_api.inspect(project, request.path_params["id"]).id
    piece = logs.piece(project, run_id=run_id, start=asked.number("from", 0))
    found = _whole(piece)
    return answers.json({"text": shown(found), "next": _next(run_id, piece, len(found))})


def live(request: Request) -> Response:
    """How a run is by now: `status`, `ended`, how long it `took`, `points` and `machine`,
    numbers that grow with its metrics and what it used of the machine."""
    project = project_of(request)
    run = run_api.inspect(project, request.path_params["id"])
    points, machine = logs.grown(project, run_id=run.id)
    return answers.json(
        {
            "status": run.status,
            "ended": run.commit is not None,
            "took": text.took(run) or "",
            "points": points,
            "machine": machine,
        }
    )


def _whole(piece: Piece) -> bytes:
    """A piece without what belongs to the next one."""
    if piece.end >= piece.total and piece.closed:
        return piece.data
    return whole_lines(piece.data, more=piece.end < piece.total)


def _next(run_id: str, piece: Piece, used: int) -> str | None:
    end = piece.start + used
    if piece.closed and end >= piece.total:
        return None
    return to("data", "runs", run_id, "log", **{"from": end})
