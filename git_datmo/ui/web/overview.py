"""The first page: what there is, what goes on, what came last."""

from __future__ import annotations

from typing import TYPE_CHECKING

from git_datmo.api import artifact, snapshot
from git_datmo.api import run as run_api
from git_datmo.api import session as sessions
from git_datmo.ui.web import answers
from git_datmo.ui.web.desk import project_of

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

LAST = 10


def page(request: Request) -> Response:
    """Running runs, the last runs, snapshots and artifacts, and the sessions."""
    project = project_of(request)
    runs = run_api.ls(project, limit=LAST)
    return answers.page(
        request,
        "overview.html",
        title="Overview",
        runs=runs,
        snapshots=snapshot.ls(project, limit=LAST),
        artifacts=artifact.ls(project, limit=LAST),
        sessions=sessions.ls(project),
    )
