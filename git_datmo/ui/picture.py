"""Curves as a picture file, PNG or SVG, drawn by matplotlib without a display."""

from __future__ import annotations

import io
import warnings
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from git_datmo.errors import ExtraMissing
from git_datmo.model.curve import TIME, Curve
from git_datmo.ui import figures
from git_datmo.ui.escape import safe
from git_datmo.ui.strokes import Stroke, by_metric, strokes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

PNG, SVG = "png", "svg"
FORMS: Final = (PNG, SVG)
WIDTH, HEIGHT = 8.0, 4.0
"""Inches; a chart of one metric is so high."""
DPI = 120
MOST_ROWS = 40
"""A picture has so many charts at most: matplotlib refuses what is higher than 2^16 dots."""
_DASHES: Final = ("-", "--", ":", "-.", (0, (8, 2)))
_SETTINGS: Final[dict[Any, Any]] = {
    "text.parse_math": False,  # a name with dollars is a name
    "text.usetex": False,
    "svg.fonttype": "none",
    "svg.hashsalt": "git-datmo",  # the same curves give the same file
    "path.simplify": True,
    "agg.path.chunksize": 20_000,
    "axes.unicode_minus": False,
    "axes.grid": True,
    "grid.color": "#e3e5e9",
    "font.size": 10.0,
    "axes.spines.top": False,
    "axes.spines.right": False,
}


def render(
    curves: Sequence[Curve],
    *,
    form: str,
    log_x: bool = False,
    log_y: bool = False,
    color_by: Sequence[str] = (),
) -> bytes:
    """A picture of some curves: one chart for each metric, below each other, 40 at most.

    `form` is `png` or `svg`. Equal curves give equal bytes with one version of matplotlib.
    Raises ExtraMissing.
    """
    ExtraMissing.unless("matplotlib", purpose="a picture of curves")
    import matplotlib
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    charts = list(by_metric(curves).items())[:MOST_ROWS]
    target = io.BytesIO()
    with matplotlib.rc_context({**matplotlib.rcParamsDefault, **_SETTINGS, "backend": "agg"}):
        with warnings.catch_warnings():
            # What a font lacks is drawn as a box; no need to say so for each letter.
            warnings.simplefilter("ignore")
            figure = Figure(
                figsize=(WIDTH, HEIGHT * max(1, len(charts))), dpi=DPI, layout="constrained"
            )
            FigureCanvasAgg(figure)
            rows = figure.subplots(max(1, len(charts)), 1, squeeze=False)[:, 0]
            for axes, (metric, some) in zip(rows, charts, strict=False):
                drawn = strokes(some, log_x=log_x, log_y=log_y, color_by=color_by)
                _chart(axes, safe(metric), drawn, log_x, log_y)
            figure.savefig(target, format=form, metadata=_about(form))
    return target.getvalue()


def _about(form: str) -> dict[str, Any]:
    return {"Date": None, "Creator": "git-datmo"} if form == SVG else {"Software": "git-datmo"}


def _chart(axes: Axes, title: str, drawn: Sequence[Stroke], log_x: bool, log_y: bool) -> None:
    axes.set_title(title, loc="left")
    handles, names = [], []
    moments = all(stroke.curve.axis == TIME for stroke in drawn)
    for stroke in drawn:
        if not stroke.x:
            continue
        x: Sequence[Any] = [_moment(one) for one in stroke.x] if moments else stroke.x
        [line] = axes.plot(
            x,
            stroke.y,
            color=stroke.look.color,
            linestyle=_DASHES[stroke.look.dash % len(_DASHES)],
            linewidth=1.4,
            marker="." if len(stroke.x) <= figures.MARKED else None,
        )
        if stroke.name not in names:
            handles.append(line)
            names.append(stroke.name)
    if not handles:
        axes.text(0.5, 0.5, "nothing of it can be drawn", ha="center", transform=axes.transAxes)
    if log_x and not moments:
        axes.set_xscale("log")
    if log_y:
        axes.set_yscale("log")
    curves = [stroke.curve for stroke in drawn]
    said = ", ".join(figures.axes_of(curves))
    note = figures.note(curves, log_x=log_x, log_y=log_y)
    axes.set_xlabel(f"{said}\n{note}" if note else said)
    if len(handles) > 1:
        _legend(axes, handles, names)


def _legend(axes: Axes, handles: Sequence[Any], names: Sequence[str]) -> None:
    shown = [f" {name}" if name.startswith("_") else name for name in names]
    axes.legend(
        handles,
        [name if len(name) <= 60 else name[:59] + "…" for name in shown],
        loc="center left",
        bbox_to_anchor=(1.0, 0.5),
        frameon=False,
        fontsize=8,
    )


def _moment(seconds: float) -> Any:
    """A moment on the local clock; matplotlib has no place for the years beyond 9999."""
    try:
        return datetime.fromtimestamp(seconds)
    except (OverflowError, OSError, ValueError):
        return datetime.fromtimestamp(0)
