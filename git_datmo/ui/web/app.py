"""The addresses."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route

from git_datmo.errors import DatmoError
from git_datmo.ui.web import (
    answers,
    artifacts,
    assets,
    compare,
    drawings,
    elsewhere,
    files,
    graphs,
    log,
    overview,
    run,
    runs,
    sessions,
    snapshot,
    snapshots,
)
from git_datmo.ui.web.guard import ENTER, Guard, Key

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.requests import Request

    from git_datmo.ui.web.desk import Desk

# Each has a repository open; more would not be quicker on one machine.
THREADS = 4

ROUTES = [
    Route("/", overview.page),
    Route("/compare", compare.page),
    Route("/data/best", drawings.best),
    Route("/data/curves", drawings.curves),
    Route("/data/parallel", drawings.parallel),
    Route("/data/scatter", drawings.scatter),
    Route("/data/runs/{id}/live", log.live),
    Route("/data/runs/{id}/log", log.data),
    Route("/elsewhere/{id}", elsewhere.page),
    Route("/files/{commit}", files.page),
    Route("/files/{commit}/{path:path}", files.page),
    Route("/lineage/{id:path}", graphs.page),
    Route("/raw/{commit}/{path:path}", files.raw),
    Route("/artifacts", artifacts.page),
    Route("/artifacts/id/{id:path}", artifacts.version),
    Route("/artifacts/{collection}/{name:path}", artifacts.named),
    Route("/runs", runs.page),
    Route("/sessions", sessions.page),
    Route("/snapshots", snapshots.page),
    Route("/snapshots/{id}", snapshot.page),
    Route("/snapshots/{id}/{part}", snapshot.page),
    Route("/runs/{id}", run.page),
    Route("/runs/{id}/changes", run.changes_page),
    Route("/runs/{id}/environment", run.environment_page),
    Route("/runs/{id}/files", run.files_page),
    Route("/runs/{id}/lineage", run.lineage_page),
    Route("/runs/{id}/log", log.page),
]


def make(desk: Desk, key: Key, site: str) -> Guard:
    """The application behind its guard; `site` is the project's name."""

    def enter(request: Request) -> Response:
        # Whoever only asks for the head (a mailer that looks ahead) does not use the link up.
        token = request.query_params.get("token", "") if request.method == "GET" else ""
        cookie = key.redeem(token)
        if cookie is None:
            text = "This link was used, or is none: run 'git datmo ui' again for another.\n"
            return Response(text, 403, media_type="text/plain")
        # Not a redirect: a strict cookie is not sent along when another page began the way here.
        answer = answers.page(request, "entered.html", title="Entering")
        answer.set_cookie(key.cookie_name, cookie, httponly=True, samesite="strict", path="/")
        return answer

    app = Starlette(
        routes=[Route(ENTER, enter), Route("/static/{name}", assets.answer), *ROUTES],
        exception_handlers={
            DatmoError: answers.failed,
            404: answers.missing,
            500: answers.broken,
        },
        lifespan=_lifespan,
    )
    app.state.desk, app.state.site = desk, site
    return Guard(app, key)


@asynccontextmanager
async def _lifespan(app: Starlette) -> AsyncIterator[None]:
    from anyio import to_thread

    to_thread.current_default_thread_limiter().total_tokens = THREADS
    yield
