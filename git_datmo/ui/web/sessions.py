"""The table of sessions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from git_datmo.api import run as run_api
from git_datmo.api import session as session_api
from git_datmo.ui.rows import local_time
from git_datmo.ui.web import answers, tables
from git_datmo.ui.web.address import choices, to
from git_datmo.ui.web.desk import project_of
from git_datmo.ui.web.tables import Cell, Column, Row, Table

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response


def page(request: Request) -> Response:
    """All sessions, or those that are deleted, with how much each has."""
    project, asked = project_of(request), choices(request)
    deleted = asked.flag("deleted")
    found = session_api.ls(project, deleted=deleted)
    text = (asked.one("q") or "").casefold()
    found = [one for one in found if text in one.name.casefold()]
    first = (asked.page - 1) * asked.rows
    rows = []
    for one in found[first : first + asked.rows]:
        runs = 0 if deleted else run_api.count(project, session_id=one.id)
        started = "" if one.created is None else local_time(one.created)
        known = not deleted
        rows.append(
            Row(
                one.id,
                [
                    Cell(tables.cut(one.name), title=one.id),
                    Cell("current" if one.current else "", kind="quiet"),
                    Cell(
                        f"{runs:,}",
                        to("runs", session=one.id) if known and runs else None,
                        kind="number",
                    ),
                    Cell(
                        f"{one.snapshots:,}",
                        to("snapshots", session=one.id) if known and one.snapshots else None,
                        kind="number",
                    ),
                    Cell(started, kind="quiet"),
                ],
            )
        )
    columns = [
        *(Column("session"), Column("")),
        *(Column("runs", numeric=True), Column("snapshots", numeric=True), Column("created")),
    ]
    table = Table(columns, rows, len(found), asked.page, asked.rows)
    return answers.page(request, "sessions.html", title="Sessions", table=table, deleted=deleted)
