"""Figures as plotly's script takes them: plain dictionaries, so that nothing has to be imported.

The vocabulary of `data` and `layout` is https://plotly.com/javascript/reference/.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from git_datmo.model.curve import EPOCH, INDEX, RELATIVE, STEP, TIME, Curve
from git_datmo.model.fields import lookup
from git_datmo.ui.rows import cell

Figure = dict[str, Any]

# Okabe and Ito's colours, told apart by colour-blind people too: https://jfly.uni-koeln.de/color/.
COLORS = (
    *("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00"),
    *("#b8a500", "#7f7f7f"),
)
DASHES = ("solid", "dash", "dot", "dashdot", "longdash")
AXIS_TITLES = {
    STEP: "step",
    EPOCH: "epoch",
    TIME: "time",
    RELATIVE: "seconds since the start",
    INDEX: "point",
}
HEIGHT = 300
MARKED = 40


def lines(
    curves: Sequence[Curve],
    *,
    title: str = "",
    log_x: bool = False,
    log_y: bool = False,
    color_by: Sequence[str] = (),
) -> Figure:
    """Curves laid over each other: one colour a run, one dash a type.

    With `color_by`, a path of the config, runs of one value share a colour, and the value names
    them.
    """
    runs = list(dict.fromkeys(curve.run_id for curve in curves))
    types = list(dict.fromkeys(curve.type for curve in curves))
    groups = list(dict.fromkeys(_group(curve, color_by) for curve in curves))
    several = len(runs) > 1
    data = []
    seen: set[str] = set()
    for curve in curves:
        group = _group(curve, color_by)
        color = COLORS[(groups.index(group) if several else types.index(curve.type)) % len(COLORS)]
        name = _name(curve, group, several, len(types) > 1, bool(color_by))
        line = {"color": color, "width": 1.6}
        if several and len(types) > 1:
            line["dash"] = DASHES[types.index(curve.type) % len(DASHES)]
        data.append(
            {
                "type": "scatter",
                "mode": "lines+markers" if len(curve.x) <= MARKED else "lines",
                "x": [_moment(x) for x in curve.x] if curve.axis == TIME else list(curve.x),
                "y": list(curve.y),
                "name": name,
                "legendgroup": group,
                "showlegend": name not in seen,
                "line": line,
                "marker": {"size": 4},
                "hovertemplate": f"%{{y:.6g}}<extra>{_plain(curve.title)}</extra>",
            }
        )
        seen.add(name)
    axes = list(dict.fromkeys(AXIS_TITLES[curve.axis] for curve in curves))
    layout: dict[str, Any] = {
        "height": HEIGHT,
        "margin": {"l": 55, "r": 12, "t": 34 if title else 12, "b": 42},
        "xaxis": {"title": {"text": ", ".join(axes)}, "type": "log" if log_x else "-"},
        "yaxis": {"type": "log" if log_y else "linear"},
        "hovermode": "x unified" if len(curves) <= 12 else "closest",
        "showlegend": len(data) > 1,
        "legend": {"orientation": "h", "y": -0.25},
    }
    if title:
        layout["title"] = {
            "text": _plain(title),
            "font": {"size": 14},
            "x": 0.02,
            "xanchor": "left",
        }
    return {"data": data, "layout": layout, "note": note(curves)}


def note(curves: Sequence[Curve]) -> str:
    """What a drawing of curves leaves out, in words; empty when it is everything."""
    said = []
    thin = [curve for curve in curves if curve.thinned]
    if thin:
        shown, total = sum(len(one.x) for one in thin), sum(one.total for one in thin)
        said.append(f"{shown:,} of {total:,} points are drawn, chosen so that the shape stays")
    odd = sum(curve.odd_total for curve in curves)
    if odd:
        kinds = sorted({kind for curve in curves for _, kind in curve.odd})
        said.append(f"{odd:,} points are no finite number ({', '.join(kinds)})")
    if any(curve.smoothing for curve in curves):
        said.append(f"smoothed by {curves[0].smoothing:g}")
    return "; ".join(said)


def parallel(
    rows: Sequence[Mapping[str, Any]], paths: Sequence[Sequence[str]], color: Sequence[str]
) -> Figure:
    """Parallel coordinates: a line a row over one axis a path, coloured by the value at `color`.

    Drawn with plain lines, which need no WebGL and can be printed. Numbers are spread over an axis
    by value, texts evenly.
    """
    spread = [_spread([lookup(row, tuple(path)) for row in rows]) for path in paths]
    shades = _spread([lookup(row, tuple(color)) for row in rows])[0]
    data: list[dict[str, Any]] = []
    for number, row in enumerate(rows):
        shade = shades[number]
        data.append(
            {
                "type": "scatter",
                "mode": "lines+markers",
                "x": list(range(len(paths))),
                "y": [places[number] for places, _ in spread],
                "connectgaps": False,
                "name": str(row.get("label") or row.get("id", ""))[:12],
                "line": {"width": 1.4, "color": _shade(shade)},
                "marker": {"size": 5},
                "text": [cell(lookup(row, tuple(path))) for path in paths],
                "hovertemplate": "%{text}<extra>%{fullData.name}</extra>",
                "showlegend": False,
            }
        )
    marks = [
        {
            "x": place,
            "y": height,
            "text": _plain(text),
            "showarrow": False,
            "xanchor": "left",
            "xshift": 5,
            "font": {"size": 10},
        }
        for place, (_, ticks) in enumerate(spread)
        for height, text in ticks
    ]
    layout = {
        "height": 420,
        "margin": {"l": 30, "r": 90, "t": 20, "b": 50},
        "xaxis": {
            "tickvals": list(range(len(paths))),
            "ticktext": [_plain(".".join(path)) for path in paths],
            "range": [-0.15, len(paths) - 0.55],
        },
        "yaxis": {"visible": False, "range": [-0.06, 1.06]},
        "annotations": marks,
        "hovermode": "closest",
    }
    return {"data": data, "layout": layout, "note": ""}


def scatter(
    rows: Sequence[Mapping[str, Any]],
    x: Sequence[str],
    y: Sequence[str],
    color: Sequence[str] = (),
) -> Figure:
    """One point a row: the values at two paths, coloured by a third."""
    groups = list(dict.fromkeys(cell(lookup(row, tuple(color))) if color else "" for row in rows))
    data = []
    for number, group in enumerate(groups):
        mine = [r for r in rows if (cell(lookup(r, tuple(color))) if color else "") == group]
        data.append(
            {
                "type": "scatter",
                "mode": "markers",
                "x": [lookup(row, tuple(x)) for row in mine],
                "y": [lookup(row, tuple(y)) for row in mine],
                "text": [str(row.get("label") or row.get("id", ""))[:12] for row in mine],
                "customdata": [row.get("id") for row in mine],
                "name": group or "runs",
                "marker": {"size": 9, "color": COLORS[number % len(COLORS)], "opacity": 0.8},
                "hovertemplate": "%{text}: %{x}, %{y}<extra></extra>",
            }
        )
    layout = {
        "height": 420,
        "margin": {"l": 60, "r": 12, "t": 12, "b": 50},
        "xaxis": {"title": {"text": _plain(".".join(x))}},
        "yaxis": {"title": {"text": _plain(".".join(y))}},
        "showlegend": bool(color) and len(groups) > 1,
        "hovermode": "closest",
    }
    return {"data": data, "layout": layout, "note": ""}


def _group(curve: Curve, color_by: Sequence[str]) -> str:
    return cell(lookup(curve.config, tuple(color_by))) if color_by else curve.run_id


def _name(curve: Curve, group: str, several: bool, types: bool, grouped: bool) -> str:
    first = (group or "(none)") if grouped else curve.title if several else curve.type
    return _plain(f"{first} {curve.type}" if several and types else first)


def _plain(text: str) -> str:
    """A text that plotly shows as it is: it reads some tags and entities, and `%{…}` on hover."""
    escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return escaped.replace("%{", "% {")


def _moment(seconds: float) -> float:
    return seconds * 1000


def _spread(values: Sequence[object]) -> tuple[list[float | None], list[tuple[float, str]]]:
    """Places from 0 to 1, None for what is missing, and a few marks of the axis."""
    numbers = [
        float(one) if isinstance(one, (int, float)) and not isinstance(one, bool) else None
        for one in values
    ]
    numbers = [one if one is not None and math.isfinite(one) else None for one in numbers]
    if any(one is not None for one in numbers):
        low = min(one for one in numbers if one is not None)
        high = max(one for one in numbers if one is not None)
        width = high - low or 1.0
        places = [None if one is None else (one - low) / width for one in numbers]
        if high == low:
            return [None if one is None else 0.5 for one in numbers], [(0.5, f"{low:.4g}")]
        return places, [(0.0, f"{low:.4g}"), (0.5, f"{low + width / 2:.4g}"), (1.0, f"{high:.4g}")]
    texts = sorted({cell(one) for one in values if one is not None})
    if not texts:
        return [None] * len(values), []
    step = 1 / (len(texts) - 1) if len(texts) > 1 else 0.5
    at = {text: number * step if len(texts) > 1 else 0.5 for number, text in enumerate(texts)}
    return [None if one is None else at[cell(one)] for one in values], [
        (place, text[:24]) for text, place in at.items()
    ]


def _shade(place: float | None) -> str:
    """From blue over grey to orange; what has no value is grey."""
    if place is None:
        return "#999999"
    low, high = (0, 114, 178), (230, 110, 0)
    mixed = (round(a + (b - a) * place) for a, b in zip(low, high, strict=True))
    return "#" + "".join(f"{one:02x}" for one in mixed)
