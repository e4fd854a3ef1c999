"""The first page: what there is, what goes on, what came last."""

from __future__ import annotations

from typing import TYPE_CHECKING

from git_datmo.api import artifact, heard, snapshot
from git_datmo.api import remote as remotes
from git_datmo.api import run as run_api
from git_datmo.api import session as sessions
from git_datmo.ui.web import answers, runs
from git_datmo.ui.web.address import Choices, to
from git_datmo.ui.web.desk import project_of

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

LAST, FEW, NAMED, GOING = 10, 6, 12, 20


def page(request: Request) -> Response:
    """What runs here and elsewhere, the last of each noun, the sessions and remotes."""
    project = project_of(request)
    last = run_api.ls(project, limit=LAST + GOING)
    going = [run for run in last if run.is_running]
    ended = [run for run in last if not run.is_running][:LAST]
    snapshots = snapshot.ls(project, limit=FEW)
    automatic = not snapshots
    if automatic:
        snapshots = snapshot.ls(project, all=True, limit=FEW)
    listing = Choices("/runs")
    counts = (
        ("runs", run_api.count(project), to("runs")),
        ("snapshots", snapshot.count(project), to("snapshots")),
        ("artifacts", artifact.count(project), to("artifacts")),
        ("sessions", len(sessions.names(project)), to("sessions")),
    )
    return answers.page(
        request,
        "overview.html",
        title="Overview",
        counts=counts,
        going=going,
        elsewhere=heard.ls(project),
        few=FEW,
        table=runs.of_runs(ended, listing) if ended else None,
        listing=listing,
        snapshots=snapshots,
        automatic=automatic,
        artifacts=artifact.ls(project, limit=FEW),
        sessions=list(sessions.names(project).values())[:NAMED],
        remotes=remotes.show(project, check=False),
    )
