"""Figures as plotly's script takes them: plain dictionaries, so that nothing has to be imported.

The vocabulary of `data` and `layout` is https://plotly.com/javascript/reference/.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from git_datmo.model.curve import EPOCH, INDEX, RELATIVE, STEP, SYSTEM, TIME, Band, Curve
from git_datmo.model.quantity import are
from git_datmo.ui.looks import Look, Looks
from git_datmo.ui.palette import DASHES, cut, plain

Figure = dict[str, Any]

AXIS_TITLES = {
    STEP: "step",
    EPOCH: "epoch",
    TIME: "time",
    RELATIVE: "seconds since the start",
    INDEX: "point",
}
HEIGHT, WIDTH = 280, 340
# What the marks and the title of the axis below take.
AXIS = 56
MARKED = 40
NAMED = 16
ODD_MARKED = 20


def lines(
    curves: Sequence[Curve],
    *,
    title: str = "",
    log_x: bool = False,
    log_y: bool = False,
    color_by: Sequence[str] = (),
    order: Sequence[str] = (),
) -> Figure:
    """Curves laid over each other: one colour a run, one dash a type; types of one run by colour.

    With `color_by`, a path of the config, runs of one value share a colour, and the value names
    them; many different numbers shade from the lowest to the highest. `order` are the ids of all
    runs that are compared, so that each has one colour in all figures.
    """
    looks = Looks(curves, color_by, order)
    dated = any(curve.axis == TIME for curve in curves)
    log_x = log_x and not dated
    ordered = looks.sorted(curves)
    # Below all lines.
    data = [_area(curve, looks, log_x, log_y) for curve in ordered if curve.band and curve.x]
    seen = set()
    for curve in ordered:
        name = looks.name(curve)
        told = (
            " (%{customdata[0]:.6g} to %{customdata[1]:.6g} of %{customdata[2]})"
            if curve.band
            else ""
        )
        data.append(
            {
                "type": "scatter",
                "mode": "lines+markers" if len(curve.x) <= MARKED else "lines",
                "x": _across(curve, curve.x),
                "y": list(curve.y),
                **({"customdata": _ends(band)} if (band := curve.band) else {}),
                "name": plain(cut(name, 48)),
                "legendgroup": plain(name),
                "showlegend": name not in seen,
                "line": _line(looks.look(curve)),
                "marker": {"size": 4},
                "meta": "/runs/" + curve.run_id if looks.several else "",
                "hovertemplate": f"%{{y:.6g}}{told}<extra>{plain(looks.extra(curve))}</extra>",
            }
        )
        seen.add(name)
    named = 1 < len(seen) <= NAMED
    below = legend_height(sorted(seen)) if named else 0
    above = 34 if title else 12
    layout: dict[str, Any] = {
        "height": HEIGHT + below,
        "margin": {"l": 55, "r": 12, "t": above, "b": AXIS + below},
        "xaxis": {
            "title": {"text": ", ".join(axes_of(curves))},
            "type": "date" if dated else "log" if log_x else "linear",
        },
        "yaxis": {"type": "log" if log_y else "linear", **_unit(curves)},
        "hovermode": "x unified" if len(curves) <= 12 else "closest",
        "showlegend": named,
        # Right below the axis, however many rows it has: room is left for the most.
        "legend": {
            "orientation": "h",
            "x": 0,
            "y": -AXIS / (HEIGHT - above - AXIS),
            "yanchor": "top",
            "tracegroupgap": 0,
        },
        "annotations": _odd_marks(curves, log_x),
    }
    if title:
        text = {"text": plain(title), "font": {"size": 14}, "x": 0.02, "xanchor": "left"}
        layout["title"] = text
    unnamed = f"{len(seen)} curves: point at one for its name" if len(seen) > NAMED else ""
    said = filter(None, (note(curves, log_x=log_x, log_y=log_y), looks.scale, unnamed))
    return {"data": data, "layout": layout, "note": "; ".join(said)}


def legend_height(names: Sequence[str]) -> int:
    """The room below a figure, in pixels, that a legend of these names takes on a narrow one."""
    widths = [54 + 7 * min(len(name), 48) for name in names]
    a_row = max(1, WIDTH // max(widths, default=1))
    return 8 + 20 * math.ceil(len(names) / a_row)


def note(curves: Sequence[Curve], *, log_x: bool = False, log_y: bool = False) -> str:
    """What a drawing of curves leaves out, in words; empty when it is everything."""
    said = []
    thin = [curve for curve in curves if curve.thinned]
    if thin:
        shown, total = sum(len(one.x) for one in thin), sum(one.total for one in thin)
        said.append(f"{shown:,} of {total:,} points are drawn, chosen so that the shape stays")
    odd = sum(curve.odd_total for curve in curves)
    if odd:
        kinds = sorted({kind for curve in curves for _, kind in curve.odd})
        said.append(f"{are(odd, 'point')} no finite number ({', '.join(kinds)})")
    if any(curve.smoothing for curve in curves):
        said.append(f"smoothed by {curves[0].smoothing:g}")
    if not curves:
        said.append("nothing was logged")
    ends = [end for curve in curves if curve.y for end in (min(curve.y), max(curve.y))]
    if ends and not math.isfinite(max(ends) - min(ends)):
        said.append(f"from {min(ends):g} to {max(ends):g} is too far to be drawn")
    if banded := [curve for curve in curves if curve.band]:
        said.append(_told(banded))
    lost = sum(len(curve.x) - len(above(curve, log_x, log_y)[0]) for curve in curves)
    if lost:
        said.append(f"{are(lost, 'point')} not above 0: a log axis has no place there")
    axes = axes_of(curves)
    if len(axes) > 1:
        said.append(f"not every curve has the same axis: {', '.join(axes)}")
    return "; ".join(said)


def axes_of(curves: Sequence[Curve]) -> list[str]:
    """What stands below the axis: one title, unless not every curve has the one asked for."""
    return list(dict.fromkeys(AXIS_TITLES[curve.axis] for curve in curves))


def above(curve: Curve, log_x: bool, log_y: bool) -> tuple[Sequence[float], Sequence[float]]:
    """The points of a curve that have a place on the axes: on a logarithmic one those above 0."""
    if not (log_x or log_y):
        return curve.x, curve.y
    kept = [
        (x, y)
        for x, y in zip(curve.x, curve.y, strict=True)
        if (x > 0 or not log_x) and (y > 0 or not log_y)
    ]
    return [x for x, _ in kept], [y for _, y in kept]


def around(curve: Curve, log_x: bool, log_y: bool) -> tuple[Sequence[float], Sequence[float]]:
    """The ends of a mean's band at the points that have a place, empty without a band; on a
    logarithmic axis a low end of 0 or less is as low as the lowest of the others."""
    band = curve.band
    if band is None or not (log_x or log_y):
        return (band.low, band.high) if band else ((), ())
    places = zip(curve.x, curve.y, band.low, band.high, strict=True)
    kept = [(y, a, b) for x, y, a, b in places if (x > 0 or not log_x) and (y > 0 or not log_y)]
    if log_y:
        floor = min((end for y, a, _ in kept for end in (y, a) if end > 0), default=1.0)
        kept = [(y, a if a > 0 else floor, b) for y, a, b in kept]
    return [a for _, a, _ in kept], [b for _, _, b in kept]


def _told(banded: Sequence[Curve]) -> str:
    """What the lines and bands of means are, in words."""
    sizes = sorted({len(curve.band.members) for curve in banded if curve.band})
    runs = f"{sizes[0]}" if len(sizes) == 1 else f"{sizes[0]} to {sizes[-1]}"
    said = f"each line is the mean of {runs} run{'s' if sizes[-1] > 1 else ''}"
    said += ", its band from the least to the greatest"
    if any(min(c.band.runs) < len(c.band.members) for c in banded if c.band and c.band.runs):
        said += "; where a run has not begun or has ended, it is that of the others"
    if wide := max(curve.band.width for curve in banded if curve.band):
        said += f"; points are taken together in steps of {wide:g}"
    return said


def _area(curve: Curve, looks: Looks, log_x: bool, log_y: bool) -> Figure:
    """The band of a mean: there and back again."""
    xs, _ = above(curve, log_x, log_y)
    low, high = around(curve, log_x, log_y)
    color = looks.look(curve).color
    return {
        "type": "scatter",
        "mode": "lines",
        "x": _across(curve, [*xs, *reversed(xs)]),
        "y": [*high, *reversed(low)],
        "fill": "toself",
        "fillcolor": color + "2e",
        "line": {"width": 0, "color": color},
        "name": plain(cut(looks.name(curve), 48)),
        "legendgroup": plain(looks.name(curve)),
        "showlegend": False,
        "hoverinfo": "skip",
    }


def _ends(band: Band) -> list[list[float]]:
    return [list(some) for some in zip(band.low, band.high, band.runs, strict=True)]


def _across(curve: Curve, places: Sequence[float]) -> list[Any]:
    return [_moment(x) for x in places] if curve.axis == TIME else list(places)


def _line(look: Look) -> dict[str, Any]:
    dash = {"dash": DASHES[look.dash % len(DASHES)]} if look.dash else {}
    return {"width": 1.6, "color": look.color, **dash}


def _unit(curves: Sequence[Curve]) -> Figure:
    """How the values of a run's use of the machine are written."""
    system = [curve.name for curve in curves if curve.type == SYSTEM]
    if len(system) < len(curves) or not system:
        return {}
    if all(name.endswith("memory") for name in system):
        return {"tickformat": ".3~s", "ticksuffix": "B", "rangemode": "tozero"}
    if all(name in ("cpu", "gpu") for name in system):
        return {"ticksuffix": " %", "rangemode": "tozero"}
    return {}


def _odd_marks(curves: Sequence[Curve], log_x: bool) -> list[Figure]:
    """Crosses at the bottom where values were no finite number."""
    marks = []
    for curve in curves:
        for place, kind in curve.odd[:ODD_MARKED]:
            if not math.isfinite(place) or (log_x and place <= 0):
                continue
            at = math.log10(place) if log_x else place
            marks.append(
                {
                    "x": _moment(place) if curve.axis == TIME else at,
                    "y": 0,
                    "yref": "paper",
                    "yanchor": "bottom",
                    "text": "×",
                    "showarrow": False,
                    "hovertext": plain(f"{cut(curve.title)} {curve.type}: {kind}"),
                }
            )
    return marks


def _moment(seconds: float) -> str | None:
    """A moment in local time, as plotly reads it."""
    try:
        return datetime.fromtimestamp(seconds).isoformat(" ", "milliseconds")
    except (OverflowError, OSError, ValueError):
        return None
