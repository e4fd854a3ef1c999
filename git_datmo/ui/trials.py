"""Figures of many runs at once: parallel coordinates, a scatter, the best so far.

A row is a document such as `lineup.document` makes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from git_datmo.model.fields import lookup
from git_datmo.ui.figures import Figure
from git_datmo.ui.palette import COLORS, GREY, cut, number, plain, shade, spread, told
from git_datmo.ui.rows import cell

HEIGHT = 420
NAMED = 16
# Where a row that lacks a value crosses an axis: below all others.
NOWHERE = -0.14
Row = Mapping[str, Any]


def parallel(rows: Sequence[Row], paths: Sequence[Sequence[str]], color: Sequence[str]) -> Figure:
    """Parallel coordinates: a line a row over one axis a path, coloured by the value at `color`.

    Drawn with plain lines, which need no WebGL and can be printed. Numbers are spread over an axis
    by value, by magnitude where they span several; texts evenly.
    """
    axes = [spread([lookup(row, tuple(path)) for row in rows]) for path in paths]
    shades = spread([lookup(row, tuple(color)) for row in rows]).places if color else ()
    data = []
    for place, row in enumerate(rows):
        words = [f"{path[-1]}: {cell(lookup(row, tuple(path)))}" for path in paths]
        data.append(
            {
                "type": "scatter",
                "mode": "lines+markers",
                "x": list(range(len(paths))),
                "y": [NOWHERE if at is None else at for at in (a.places[place] for a in axes)],
                "name": _name(row),
                "line": {"width": 1.4, "color": shade(shades[place]) if shades else COLORS[0]},
                "marker": {"size": 5},
                "text": [plain(cut(word, 60)) for word in words],
                "meta": _address(row),
                "hovertemplate": "%{text}<extra>%{fullData.name}</extra>",
                "showlegend": False,
            }
        )
    names = [
        _title(path) + (" (log)" if axis.log else "")
        for path, axis in zip(paths, axes, strict=True)
    ]
    left_out = sum(axis.left_out for axis in axes)
    lacking = any(None in axis.places for axis in axes)
    layout = {
        "height": HEIGHT,
        "margin": {"l": 20, "r": 70, "t": 34, "b": 20},
        "xaxis": {
            "tickvals": list(range(len(paths))),
            "ticktext": names,
            "side": "top",
            "showgrid": False,
            "range": [-0.15, max(len(paths) - 0.5, 0.5)],
            "zeroline": False,
        },
        "yaxis": {"visible": False, "range": [(NOWHERE if lacking else 0) - 0.06, 1.06]},
        "annotations": [
            {
                "x": place,
                "y": height,
                "text": plain(text),
                "showarrow": False,
                "xanchor": "left",
                "xshift": 5,
                "font": {"size": 10},
                "bgcolor": "rgba(128,128,128,0.18)",
            }
            for place, axis in enumerate(axes)
            for height, text in (
                *axis.marks,
                *([(NOWHERE, "(none)")] if None in axis.places else []),
            )
        ],
        "shapes": [
            {
                "type": "line",
                "layer": "below",
                "x0": place,
                "x1": place,
                "y0": 0,
                "y1": 1,
                "line": {"width": 1, "color": GREY},
            }
            for place in range(len(paths))
        ],
        "hovermode": "closest",
    }
    said = f"{left_out:,} values have no place on their axis" if left_out else ""
    return {"data": data, "layout": layout, "note": said}


def scatter(
    rows: Sequence[Row], x: Sequence[str], y: Sequence[str], color: Sequence[str] = ()
) -> Figure:
    """One point a row: the values at two paths, coloured by a third."""
    across, up = ([lookup(row, tuple(path)) for row in rows] for path in (x, y))
    xs, ys = _line_up(across), _line_up(up)
    groups = [cell(lookup(row, tuple(color))) if color else "" for row in rows]
    shades = spread([lookup(row, tuple(color)) for row in rows]).places if color else ()
    names = list(dict.fromkeys(groups))
    first_places = [shades[groups.index(name)] if shades else None for name in names]
    data = []
    for number_of, group in enumerate(names):
        mine = [place for place, one in enumerate(groups) if one == group]
        paint = COLORS[number_of % len(COLORS)]
        if len(names) > len(COLORS):
            paint = shade(first_places[number_of])
        data.append(
            {
                "type": "scatter",
                "mode": "markers",
                "x": [xs[place] for place in mine],
                "y": [ys[place] for place in mine],
                "text": [_name(rows[place]) for place in mine],
                "customdata": [_address(rows[place]) for place in mine],
                "name": plain(cut(group, 48)) or "(none)",
                "marker": {"size": 9, "color": paint, "opacity": 0.85},
                "hovertemplate": "%{text}: %{x}, %{y}<extra></extra>",
            }
        )
    layout = {
        "height": HEIGHT,
        "margin": {"l": 60, "r": 12, "t": 12, "b": 50},
        "xaxis": {"title": {"text": _title(x)}, "type": _kind(across), "exponentformat": "power"},
        "yaxis": {"title": {"text": _title(y)}, "type": _kind(up), "exponentformat": "power"},
        "showlegend": bool(color) and 1 < len(names) <= NAMED,
        "hovermode": "closest",
    }
    lost = sum(a is None or b is None for a, b in zip(xs, ys, strict=True))
    said = [f"{lost:,} of {len(rows):,} have no such two values"] if lost else []
    if len(names) > len(COLORS):
        known = sorted((at, names[n]) for n, at in enumerate(first_places) if at is not None)
        said += [told(".".join(color[1:]), known[0][1], known[-1][1])] if known else []
    return {"data": data, "layout": layout, "note": "; ".join(said)}


def best(rows: Sequence[Row], by: Sequence[str], *, lowest: bool) -> Figure:
    """The value at `by` of every row in the order of making, and the best until then."""
    ordered = sorted(rows, key=lambda row: int(row.get("created") or 0))
    scored = [(row, number(lookup(row, tuple(by)))) for row in ordered]
    known = [(row, value) for row, value in scored if value is not None]
    places = list(range(1, len(known) + 1))
    so_far: list[float] = []
    for _, value in known:
        last = so_far[-1] if so_far else value
        so_far.append(min(last, value) if lowest else max(last, value))
    data = [
        {
            "type": "scatter",
            "mode": "markers",
            "x": places,
            "y": [value for _, value in known],
            "text": [_name(row) for row, _ in known],
            "customdata": [_address(row) for row, _ in known],
            "name": "each",
            "marker": {"size": 7, "color": GREY},
            "hovertemplate": "%{text}: %{y}<extra></extra>",
        },
        {
            "type": "scatter",
            "mode": "lines",
            "x": places,
            "y": so_far,
            "name": "lowest so far" if lowest else "highest so far",
            "line": {"shape": "hv", "width": 2, "color": COLORS[0]},
            "hovertemplate": "%{y}<extra>best so far</extra>",
        },
    ]
    layout = {
        "height": 320,
        "margin": {"l": 60, "r": 12, "t": 12, "b": 76},
        "xaxis": {
            "title": {"text": "in the order of making"},
            "tickformat": "d",
            **({"dtick": 1} if len(known) <= 20 else {}),
        },
        "yaxis": {"title": {"text": _title(by)}},
        "legend": {"orientation": "h", "yref": "container", "y": 0, "yanchor": "bottom", "x": 0},
        "hovermode": "closest",
    }
    lost = len(scored) - len(known)
    said = f"{lost:,} of {len(scored):,} have no number there" if lost else ""
    return {"data": data, "layout": layout, "note": said}


def _line_up(values: Sequence[object]) -> list[float | str | None]:
    """Values as an axis takes them: numbers, unless none is, then texts."""
    if _kind(values) == "category":
        return [None if one is None else plain(cut(cell(one), 40)) for one in values]
    return [number(one) for one in values]


def _kind(values: Sequence[object]) -> str:
    """The axis for some values: by magnitude where they span several."""
    if not any(number(one) is not None for one in values):
        return "category"
    return "log" if spread(values).log else "linear"


def _name(row: Row) -> str:
    return plain(cut(str(row.get("title") or row.get("id", ""))))


def _address(row: Row) -> str:
    return f"/{row.get('kind', 'run')}s/{row.get('id', '')}"


def _title(path: Sequence[str]) -> str:
    return plain(cut(".".join(path[1:] or path)))
