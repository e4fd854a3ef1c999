"""The table of runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from git_datmo.api import run as run_api
from git_datmo.api import session as sessions
from git_datmo.ui import run as text
from git_datmo.ui.rows import local_time
from git_datmo.ui.web import answers, tables
from git_datmo.ui.web.address import Choices, choices, to
from git_datmo.ui.web.desk import project_of
from git_datmo.ui.web.tables import Cell

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

KEYS = 8


def page(request: Request) -> Response:
    """Runs that are under way and recorded, filtered, sorted and cut as the address says."""
    project, asked = project_of(request), choices(request)
    wanted: dict[str, Any] = {
        "session_id": asked.one("session"),
        "all": asked.flag("all"),
        "filter": asked.one("q"),
        "where": asked.one("where"),
    }
    found = run_api.ls(
        project,
        **wanted,
        sort=asked.one("sort"),
        limit=asked.rows,
        offset=(asked.page - 1) * asked.rows,
    )
    documents = [text.to_dict(run) for run in found]
    paths = tables.chosen_columns(asked)
    if paths is None:
        paths = [
            *tables.keys_of(documents, "results", KEYS),
            *tables.keys_of(documents, "config", KEYS),
        ]
    heads = [
        tables.head("run", None, asked),
        tables.head("status", "status", asked),
        tables.head("command", None, asked),
        tables.head("started", "started", asked),
        tables.head("took", "duration", asked, numeric=True),
    ]
    total = run_api.count(project, **wanted)
    table = tables.by_paths(documents, paths, asked, _first, heads, total=total)
    return answers.page(
        request, "runs.html", title="Runs", table=table, sessions=sessions.ls(project)
    )


def _first(run: Mapping[str, Any]) -> list[Cell]:
    started = run["started"]
    name = run["command_text"] or run["alternative_name"] or ""
    return [
        Cell(str(run["label"] or run["id"][: answers.SHORT]), to("runs", run["id"]), kind="id"),
        Cell(str(run["status"]), kind=f"status {run['status']}"),
        Cell(name.partition("\n")[0][: tables.LONG], title=name[:2000]),
        Cell("" if started is None else local_time(started), kind="quiet"),
        tables.value(run["duration"]),
    ]


def of_session(asked: Choices, name: str) -> str:
    """The link to the runs of one session."""
    return asked.link(session=name)
