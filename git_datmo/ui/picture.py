"""Curves as a picture file, PNG or SVG, drawn by matplotlib without a display."""

from __future__ import annotations

import io
import math
import textwrap
import warnings
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from git_datmo.errors import ExtraMissing
from git_datmo.model.curve import Curve
from git_datmo.ui import figures, fonts, scale
from git_datmo.ui.escape import safe
from git_datmo.ui.looks import Looks
from git_datmo.ui.palette import cut
from git_datmo.ui.strokes import Stroke, by_metric, strokes, whose

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import SubFigure

PNG, SVG = "png", "svg"
FORMS: Final = (PNG, SVG)
WIDTH, HEIGHT = 8.0, 4.0
"""Inches; a chart of one metric is so high."""
DPI = 120
MOST_ROWS = 40
"""A picture has so many charts at most: matplotlib refuses what is higher than 2^16 dots."""
BESIDE, COLUMNS, NAMED = 16, 3, 120
"""So many names stand beside a chart; more stand below it, in columns, of very many the first."""
_MARGIN = 0.03
_LINE, _NAME = 100, 60
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
    settings = {
        **_SETTINGS,
        "backend": "agg",
        "font.family": fonts.families(_texts(curves, color_by)),
    }
    with matplotlib.rc_context({**matplotlib.rcParamsDefault, **settings}):
        with warnings.catch_warnings():
            # What a font lacks is drawn as a box; no need to say so for each letter.
            warnings.simplefilter("ignore")
            drawn = [
                strokes(some, log_x=log_x, log_y=log_y, color_by=color_by) for _, some in charts
            ]
            heights = [HEIGHT + _below(some) for some in drawn] or [HEIGHT]
            figure = Figure(figsize=(WIDTH, sum(heights)), dpi=DPI, layout="constrained")
            FigureCanvasAgg(figure)
            places = figure.subfigures(len(heights), 1, squeeze=False, height_ratios=heights)[:, 0]
            for place, (metric, some), of_it in zip(places, charts, drawn, strict=False):
                title = safe(metric) + whose(some)
                handles = _chart(place.subplots(), title, of_it, log_x, log_y)
                if len(handles) > 1:
                    _legend(place, handles, safe(".".join(color_by)))
            figure.savefig(target, format=form, metadata=_about(form))
    return target.getvalue()


def boxes(curves: Sequence[Curve], *, color_by: Sequence[str] = ()) -> str:
    """The letters that are boxes in a PNG picture of some curves, as no font here has them."""
    return fonts.lacking(_texts(curves, color_by))


def _texts(curves: Sequence[Curve], color_by: Sequence[str]) -> list[str]:
    looks = Looks(curves, color_by)
    names = (text for one in curves for text in (one.name, one.title, looks.name(one)))
    return [safe(text) for text in dict.fromkeys((*names, *color_by))]


def _about(form: str) -> dict[str, Any]:
    return {"Date": None, "Creator": "git-datmo"} if form == SVG else {"Software": "git-datmo"}


def _chart(
    axes: Axes, title: str, drawn: Sequence[Stroke], log_x: bool, log_y: bool
) -> dict[str, Any]:
    """Draw one chart; what its legend has: lines by name."""
    axes.set_title(title, loc="left")
    curves = [stroke.curve for stroke in drawn]
    said = ", ".join(figures.axes_of(curves))
    note = "\n".join(textwrap.wrap(figures.note(curves, log_x=log_x, log_y=log_y), _LINE))
    axes.set_xlabel(f"{said}\n{note}" if note else said)
    visible = [stroke for stroke in drawn if stroke.x]
    if not visible:
        axes.set(xticks=[], yticks=[])
        axes.text(0.5, 0.5, "nothing of it can be drawn", ha="center", transform=axes.transAxes)
        return {}
    # Our own scales: matplotlib's have no place for what lies at the ends of what numbers can say.
    across, upward = scale.of(visible, log_x=log_x, log_y=log_y)
    handles: dict[str, Any] = {}
    for stroke in visible:
        [line] = axes.plot(
            across.places(stroke.x),
            upward.places(stroke.y),
            color=stroke.look.color,
            linestyle=_DASHES[stroke.look.dash % len(_DASHES)],
            linewidth=1.4,
            marker="." if len(stroke.x) <= figures.MARKED else None,
        )
        if stroke.low:
            axes.fill_between(
                across.places(stroke.x),
                upward.places(stroke.low),
                upward.places(stroke.high),
                color=stroke.look.color,
                alpha=0.18,
                linewidth=0,
            )
        handles.setdefault(stroke.name, line)
    for axis, marks in ((axes.xaxis, across.marks(7)), (axes.yaxis, upward.marks(6))):
        axis.set_ticks([place for place, _ in marks], labels=[text for _, text in marks])
    axes.set(xlim=(-_MARGIN, 1 + _MARGIN), ylim=(-_MARGIN / 2, 1 + _MARGIN / 2))
    return handles


def _below(drawn: Sequence[Stroke]) -> float:
    """How much higher a chart is, in inches, for the names that stand below it; 0 where they have
    room beside it."""
    names = len({stroke.name for stroke in drawn if stroke.x})
    return 0.0 if names <= BESIDE else math.ceil(min(names, NAMED) / COLUMNS) * 0.19 + 0.3


def _legend(place: SubFigure, handles: Mapping[str, Any], title: str) -> None:
    # A name that begins with a line below would be left out.
    beside = len(handles) <= BESIDE
    room = _NAME if beside else _NAME // 2
    shown = [cut(f" {name}" if name.startswith("_") else name, room) for name in handles]
    if len(shown) > NAMED:
        shown[NAMED - 1 :] = [f"… and {len(shown) - NAMED + 1:,} more"]
    place.legend(
        list(handles.values())[: len(shown)],
        shown,
        title=cut(title, _NAME),
        title_fontsize=8,
        loc="outside right center" if beside else "outside lower left",
        ncols=1 if beside else COLUMNS,
        frameon=False,
        fontsize=8,
    )
