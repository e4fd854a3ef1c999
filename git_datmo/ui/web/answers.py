"""Answers: filled templates, JSON, and what went wrong in words."""

from __future__ import annotations

import gc
import time
from functools import cache
from shlex import quote
from typing import TYPE_CHECKING, Any

import orjson
from starlette.responses import Response

from git_datmo.errors import Conflict, Corrupt, DatmoError, NotFound, UsageError
from git_datmo.ui import rows
from git_datmo.ui.escape import safe
from git_datmo.ui.web import assets
from git_datmo.ui.web.address import choices, to

if TYPE_CHECKING:
    from jinja2 import Environment
    from starlette.requests import Request

SHORT = 12


@cache
def _templates() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    made = Environment(
        loader=PackageLoader("git_datmo.ui.web"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_shown,
    )
    made.filters |= {
        "cell": rows.cell,
        "literal": rows.literal,
        "moment": rows.local_time,
        "full": rows.full_time,
        "size": rows.size,
        "safe_text": lambda text: safe(str(text), multiline=True),
        "word": lambda text: quote(rows.cell(text)),
        "short": lambda text: str(text)[:SHORT],
    }
    made.globals |= {
        "asset": assets.address,
        "to": to,
        "ago": lambda ms: rows.age(ms, int(time.time() * 1000)),
    }
    return made


def _shown(value: object) -> object:
    """What strangers wrote, with its control characters as escapes; markup of ours as it is."""
    return safe(value, multiline=True) if type(value) is str else value


def page(request: Request, template: str, *, status: int = 200, **values: Any) -> Response:
    """A page: `template` filled with `values`; it has `choices` and `here` (the path) besides."""
    chosen = choices(request)
    text = (
        _templates()
        .get_template(template)
        .render(choices=chosen, here=request.url.path, site=request.app.state.site, **values)
    )
    # Filled templates are cycles: large texts would stay until many pages later.
    gc.collect()
    return Response(text, status, media_type="text/html")


def json(value: object) -> Response:
    """A JSON document; NaN and infinities become null."""
    return Response(
        orjson.dumps(value, option=orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_NON_STR_KEYS),
        media_type="application/json",
    )


def failed(request: Request, error: Exception) -> Response:
    """What a verb raised, as a page, or as JSON where JSON was asked for."""
    assert isinstance(error, DatmoError)
    # What is damaged or gone is not there; 500 is left to what is our fault.
    statuses = ((UsageError, 400), (Conflict, 409), (NotFound, 404), (Corrupt, 404))
    status = next((number for kind, number in statuses if isinstance(error, kind)), 503)
    if request.url.path.startswith("/data/"):
        hint = None if error.hint is None else safe(error.hint, multiline=True)
        answer = json({"error": safe(error.message, multiline=True), "hint": hint})
        answer.status_code = status
        return answer
    return page(
        request,
        "failed.html",
        status=status,
        title="Not shown",
        message=error.message,
        hint=error.hint,
        others=isinstance(error, NotFound) and "datmo pull" not in (error.hint or ""),
    )


def broken(request: Request, error: Exception) -> Response:
    """A fault of ours, whose traceback is printed where the server was started."""
    message = f"this is a bug in git-datmo: {type(error).__name__}: {error}"
    hint = "please report it with what the terminal of 'git datmo ui' says"
    if request.url.path.startswith("/data/"):
        answer = json({"error": safe(message, multiline=True), "hint": hint})
        answer.status_code = 500
        return answer
    return page(
        request,
        "failed.html",
        status=500,
        title="Not shown",
        message=message,
        hint=hint,
        others=False,
    )


def missing(request: Request, _: Exception | None = None) -> Response:
    """No page has this address."""
    return page(
        request,
        "failed.html",
        status=404,
        title="Not found",
        message=f"there is nothing at {request.url.path}",
        hint=None,
        others=False,
    )
