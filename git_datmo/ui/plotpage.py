"""Curves as a page of their own, one figure a metric, that opens without a server or a net."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from git_datmo.model.curve import Curve
from git_datmo.ui import figures, standalone
from git_datmo.ui.strokes import by_metric, whose


def render(
    curves: Sequence[Curve],
    *,
    log_x: bool = False,
    log_y: bool = False,
    color_by: Sequence[str] = (),
    title: str = "",
) -> str:
    """The page, as HTML. Raises ExtraMissing."""
    charts = by_metric(curves)
    title = title or f"Curves of {', '.join(list(charts)[:4])}{', …' if len(charts) > 4 else ''}"
    body = [f"<h1>{escape(title)}</h1>"]
    drawn = {}
    for number, (metric, some) in enumerate(charts.items()):
        figure = figures.lines(some, log_x=log_x, log_y=log_y, color_by=color_by)
        drawn[f"f{number}"] = figure
        body.append(
            f"<h2>{escape(metric + whose(some))}</h2>{standalone.place(f'f{number}', figure)}"
        )
    return standalone.document(title=title, body="\n".join(body), figures=drawn)
