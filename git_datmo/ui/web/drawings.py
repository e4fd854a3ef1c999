"""What figures are drawn from: `/data/curves`, as the page's script asks for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from git_datmo.api import curves as curves_api
from git_datmo.errors import UsageError
from git_datmo.model.curve import STEP
from git_datmo.model.fields import parse_columns
from git_datmo.ui import figures
from git_datmo.ui.web import answers
from git_datmo.ui.web.address import Choices, choices
from git_datmo.ui.web.desk import project_of

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

# What a figure has at most, over all of its curves, and what each has at least.
POINTS = 20_000
LEAST = 100
MAX_RUNS = 500


def curves(request: Request) -> Response:
    """Curves of `id`s, or of the newest runs that `where` holds for: `metric`, `type`, `x`,
    `smoothing`, `logx`, `logy`, `color` (a path such as config.lr), `title`."""
    asked = choices(request)
    ids = asked.many("id")
    limit = asked.number("limit", curves_api.RUNS, least=1, most=MAX_RUNS)
    found = curves_api.curves(
        project_of(request),
        metric=asked.many("metric"),
        ids=ids[:MAX_RUNS],
        where=asked.one("where"),
        session_id=asked.one("session"),
        type=asked.many("type"),
        x=asked.one("x") or STEP,
        smoothing=weight(asked),
        points=max(LEAST, min(curves_api.POINTS, POINTS // (len(ids) or limit))),
        limit=limit,
    )
    return answers.json(
        figures.lines(
            found,
            title=asked.one("title") or "",
            log_x=asked.flag("logx"),
            log_y=asked.flag("logy"),
            color_by=path(asked, "color"),
        )
    )


def weight(asked: Choices) -> float:
    """The smoothing that an address asks for. Raises UsageError for what is no number."""
    text = asked.one("smoothing") or "0"
    try:
        return float(text)
    except ValueError:
        raise UsageError(f"smoothing={text!r} is no number", hint="from 0 to 0.99") from None


def path(asked: Choices, name: str) -> tuple[str, ...]:
    """The one field that a parameter names; empty where it names none. Raises QuerySyntaxError."""
    text = asked.one(name)
    return parse_columns(text)[0] if text else ()
