"""What figures are drawn from, under `/data/`, as the page's script asks for it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

from git_datmo.api import curves as curves_api
from git_datmo.api import selection
from git_datmo.api.selection import Selection
from git_datmo.errors import ContentMissing, RunNotFound, UsageError
from git_datmo.model import fields
from git_datmo.model.curve import STEP, Curve
from git_datmo.model.fields import parse_columns
from git_datmo.model.run import Run
from git_datmo.ui import figures, lineup, trials
from git_datmo.ui.figures import Figure
from git_datmo.ui.lineup import Document, Path
from git_datmo.ui.web import answers
from git_datmo.ui.web.address import Choices, choices
from git_datmo.ui.web.desk import project_of

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

# Points that a figure has at most, over all of its curves, and what each has at least.
POINTS = 20_000
LEAST = 100
# Runs whose curves are drawn; more cannot be told apart.
MAX_CURVES = 100
MAX_PICKED = 1000


def curves(request: Request) -> Response:
    """Curves of what was picked: `metric`, `type`, `x`, `smoothing`, `logx`, `logy`, `color` (a
    path such as config.lr), `mean` (one line a colour), `title`. `live` says that there will
    be more."""
    asked, chosen = choices(request), picked(request)
    ids = chosen.run_ids
    shown, by = ids[:MAX_CURVES], asked.one("color")
    ask = partial(
        curves_api.curves,
        project_of(request),
        metric=asked.many("metric"),
        type=asked.many("type"),
        x=asked.one("x") or STEP,
        smoothing=weight(asked),
        mean=by if asked.flag("mean") else None,
        points=max(LEAST, min(curves_api.POINTS, POINTS // max(1, len(shown)))),
        fetch=False,
    )
    found, lacking = _here(ask, shown)
    figure = figures.lines(
        found,
        title=asked.one("title") or "",
        log_x=asked.flag("logx"),
        log_y=asked.flag("logy"),
        color_by=setting(asked, "color"),
        order=shown,
    )
    figure["live"] = any(isinstance(one, Run) and one.is_running for one in chosen.picked)
    if asked.flag("mean") and not by:
        _say(figure, "means are of runs of one colour: choose what to colour by")
    if len(ids) > len(shown):
        _say(figure, f"the first {len(shown)} of {len(ids)} runs are drawn")
    if lacking:
        _say(figure, f"the points of {lacking} runs are not here: git datmo pull --content")
    return answers.json(figure)


def _here(ask: Callable[..., list[Curve]], ids: Sequence[str]) -> tuple[list[Curve], int]:
    """The curves of those runs whose points are in this clone, and how many are not. Raises
    ContentMissing when none is."""
    try:
        return (ask(ids=ids) if ids else []), 0
    except ContentMissing:
        here = []
        for one in ids:
            with suppress(ContentMissing):
                ask(ids=[one])
                here.append(one)
        if not here:
            raise
        return ask(ids=here), len(ids) - len(here)


def parallel(request: Request) -> Response:
    """Parallel coordinates of what was picked: each `axis` is a path, `by` colours, and with `top`
    only the best so many percent of that are drawn."""
    asked = choices(request)
    documents = [lineup.document(item) for item in picked(request).picked]
    by = path(asked, "by")
    axes = paths(asked, "axis")
    percent = asked.number("top", 100, least=1, most=100)
    shown: list[Document] = list(documents)
    if by and percent < 100:
        shown = lineup.top(documents, by, percent, lowest=lowest(asked, by))
    figure = trials.parallel(shown, axes, by)
    if len(shown) < len(documents):
        _say(figure, f"{len(shown)} of {len(documents)}: the best {percent} %")
    return answers.json(figure)


def scatter(request: Request) -> Response:
    """A point for each that was picked: the paths `across` and `up`, coloured by `shade`."""
    asked = choices(request)
    documents = [lineup.document(item) for item in picked(request).picked]
    across, up = path(asked, "across"), path(asked, "up")
    if not (across and up):
        raise UsageError("a scatter needs 'across' and 'up'")
    return answers.json(trials.scatter(documents, across, up, path(asked, "shade")))


def best(request: Request) -> Response:
    """The best value of `by` so far, over what was picked in the order of making."""
    asked = choices(request)
    by = path(asked, "by")
    if not by:
        raise UsageError("what is the best is told by a field: 'by'")
    documents = [lineup.document(item) for item in picked(request).picked]
    return answers.json(trials.best(documents, by, lowest=lowest(asked, by)))


def picked(request: Request) -> Selection:
    """The runs and snapshots that an address picks: each `id`, else the newest of the runs that it
    is about, `limit` of them. Raises RunNotFound when nothing of it is here."""
    asked = choices(request)
    found = selection.pick(
        project_of(request),
        ids=list(dict.fromkeys(asked.many("id")))[:MAX_PICKED],
        **narrowed(asked),
        limit=asked.number("limit", selection.LIMIT, least=1, most=MAX_PICKED),
    )
    if found.missing and not found.picked:
        raise RunNotFound(found.missing[0][1], hint="git datmo pull may bring it")
    return found


def narrowed(asked: Choices) -> dict[str, Any]:
    """Which runs an address is about that names none, as the table of runs says it."""
    return {
        "where": asked.one("where"),
        "session_id": asked.one("session"),
        "filter": asked.one("q"),
        **{name: asked.one(name) for name in ("label", "status", "remote")},
    }


def weight(asked: Choices) -> float:
    """The smoothing that an address asks for. Raises UsageError for what is no number."""
    text = asked.one("smoothing") or "0"
    try:
        return float(text)
    except ValueError:
        raise UsageError(f"smoothing={text!r} is no number", hint="from 0 to 0.99") from None


def path(asked: Choices, name: str) -> Path:
    """The one field that a parameter names; empty where it names none. Raises QuerySyntaxError."""
    text = asked.one(name)
    return parse_columns(text)[0] if text else ()


def setting(asked: Choices, name: str) -> Path:
    """The one field of the config that a parameter names, with `config.` in front or without."""
    text = asked.one(name)
    return fields.setting(text) if text else ()


def paths(asked: Choices, name: str) -> list[Path]:
    """The fields that a parameter names, however often it stands. Raises QuerySyntaxError."""
    return [one for text in asked.many(name) for one in parse_columns(text)]


def lowest(asked: Choices, by: Path) -> bool:
    """Whether lower is better: as `order` says, else as the name suggests."""
    said = asked.one("order")
    return said == "lowest" if said in ("lowest", "highest") else lineup.lower_is_better(by)


def _say(figure: Figure, more: str) -> None:
    figure["note"] = "; ".join(filter(None, (figure["note"], more)))
