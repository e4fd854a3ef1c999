"""Curves in a terminal: one chart a metric, drawn with dots by plotext, and a key below it.

With colours curves are lines of fine dots; without them each has a sign of its own, so that what
was written to a file or read aloud still tells them apart.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from git_datmo.errors import ExtraMissing
from git_datmo.model.curve import Curve
from git_datmo.ui import figures, scale
from git_datmo.ui.escape import clip, safe
from git_datmo.ui.escape import width as columns_of
from git_datmo.ui.palette import COLORS
from git_datmo.ui.scale import Mark
from git_datmo.ui.strokes import Stroke, by_metric, strokes, whose
from git_datmo.ui.style import paint

WIDTH = 80
"""Columns where there is no terminal that says how many it has."""
HEIGHT = 18
LEAST = 24
"""Columns without which nothing can be seen."""

# The colours of figures, as of the 256 that terminals have those that stand out on light and dark.
_NEAR = dict(zip(COLORS, (33, 208, 35, 175, 74, 166, 142, 245), strict=True))
_CUBE = (0, 95, 135, 175, 215, 255)
SIGNS = "*+ox#@%=&$abcdefghijklmnpqrstuvwyzABCDEFGHIJKLMNPQRSTUVWXYZ"
DASHED = "•×+o"
"""In colour, lines that have a dash elsewhere: one colour may be that of several types."""
_PER_MARK = 12
_ROWS_PER_MARK = 3


def render(
    curves: Sequence[Curve],
    *,
    width: int | None,
    color: bool,
    log_x: bool = False,
    log_y: bool = False,
    color_by: Sequence[str] = (),
) -> Iterator[str]:
    """Yield the charts of some curves, one for each metric, no line wider than `width`.

    Raises ExtraMissing.
    """
    plotext = _plotext()
    columns = max(width or WIDTH, LEAST)
    for number, (metric, some) in enumerate(by_metric(curves).items()):
        if number:
            yield ""
        found = strokes(some, log_x=log_x, log_y=log_y, color_by=color_by)
        drawn = sorted(found, key=lambda stroke: not stroke.x)  # what is empty comes last
        said = f"{safe(metric)} over {', '.join(figures.axes_of(some))}{whose(some)}"
        title = clip(said, columns)
        yield paint(title, "bold", color=color)
        if drawn[0].x:
            yield from _picture(plotext, drawn, columns, color, log_x, log_y)
        else:
            yield "  nothing of it can be drawn"
        if color_by:
            yield clip(f"  {safe('.'.join(color_by))}", columns)
        yield from _key(drawn, columns, color)
        yield from _wrapped(figures.note(some, log_x=log_x, log_y=log_y), columns)


def _plotext() -> Any:
    """The library, whose kernel is compiled: there are machines where it cannot be loaded."""
    ExtraMissing.unless("plotext", purpose="a chart in the terminal")
    try:
        import plotext
    except ImportError as error:
        raise ExtraMissing(
            f"a chart in the terminal needs plotext, which cannot be loaded: {error}",
            hint="'git datmo plot --png FILE' and '--html FILE' do without it",
        ) from error
    return plotext


def _picture(
    plotext: Any, drawn: Sequence[Stroke], columns: int, color: bool, log_x: bool, log_y: bool
) -> Iterator[str]:
    visible = [stroke for stroke in drawn if stroke.x]
    across, upward = scale.of(visible, log_x=log_x, log_y=log_y)
    figure = _sheet(
        plotext,
        columns,
        across.marks(max(2, columns // _PER_MARK)),
        upward.marks(HEIGHT // _ROWS_PER_MARK),
    )
    for stroke in visible:
        # Below the lines. A band is its two edges: what is filled hides all else in a terminal.
        for edge in filter(None, (stroke.low, stroke.high)):
            dots = plotext.marker("·")
            if color:
                dots.fill(_ink(stroke.look.color))
            signal = figure.signal(across.places(stroke.x), upward.places(edge), marker=dots)
            figure.draw(signal.lines())
    for number, stroke in enumerate(visible):
        marker = plotext.marker(_marker(number, stroke, color, len(drawn)))
        if color:
            marker.fill(_ink(stroke.look.color))
        signal = figure.signal(across.places(stroke.x), upward.places(stroke.y), marker=marker)
        figure.draw(signal.lines())
    text: str = figure.build().string(colorless=not color)
    for line in text.splitlines():
        yield line.rstrip()


def _sheet(plotext: Any, columns: int, across: Sequence[Mark], upward: Sequence[Mark]) -> Any:
    """A figure whose axes both go from 0 to 1, with our own marks along them."""
    plotext.terminal.limit(False, False)
    figure = plotext.figure
    figure.clear()
    figure.plot_size(columns, HEIGHT)
    figure.theme("colorless")
    figure.axes(False, axis="x", side="upper")
    figure.axes(False, axis="y", side="right")
    for axis, marks in (("x", across), ("y", upward)):
        ruler = figure.ruler(axis)
        ruler.lim(0, 1)
        ruler.ticks([place for place, _ in marks], [text for _, text in marks])
    return figure


def _key(drawn: Sequence[Stroke], columns: int, color: bool) -> Iterator[str]:
    """One line a curve: its sign, its name, how it went."""
    for number, stroke in enumerate(drawn):
        sign = _sign(number, stroke, color) if color or len(drawn) > 1 else ""
        told = _told(stroke.curve)
        room = columns - columns_of(sign) - columns_of(told) - 5
        if room < 8:
            told, room = "", columns - columns_of(sign) - 3
        lead = f"  {_painted(sign, stroke)} " if color else f"  {sign} " if sign else "  "
        yield f"{lead}{clip(stroke.name, room)}  {told}".rstrip()


def _told(curve: Curve) -> str:
    if not curve.y:
        return "no finite number"
    if curve.band:
        runs = len(curve.band.members)
        ends = f"{curve.band.low[-1]:.6g} to {curve.band.high[-1]:.6g}"
        return f"mean of {runs} run{'s' if runs > 1 else ''}, last {curve.y[-1]:.6g} ({ends})"
    return f"least {min(curve.y):.6g}, greatest {max(curve.y):.6g}, last {curve.y[-1]:.6g}"


def _marker(number: int, stroke: Stroke, color: bool, many: int) -> str:
    """What plotext draws a curve with."""
    fine = many == 1 or (color and not stroke.look.dash)
    return "braille" if fine else _sign(number, stroke, color)[0]


def _sign(number: int, stroke: Stroke, color: bool) -> str:
    """A curve's sign in the key, as its line looks."""
    if not color:
        return SIGNS[number % len(SIGNS)]
    dash = stroke.look.dash
    return 2 * (DASHED[(dash - 1) % len(DASHED)] if dash else "━")


def _ink(color: str) -> int:
    """The number that terminals have for a colour: https://en.wikipedia.org/wiki/ANSI_escape_code."""
    if color in _NEAR:
        return _NEAR[color]
    parts = (int(color[place : place + 2], 16) for place in (1, 3, 5))
    red, green, blue = (min(range(6), key=lambda n: abs(_CUBE[n] - part)) for part in parts)
    return 16 + 36 * red + 6 * green + blue


def _painted(text: str, stroke: Stroke) -> str:
    return f"\x1b[38;5;{_ink(stroke.look.color)}m{text}\x1b[0m"


def _wrapped(text: str, columns: int) -> Iterator[str]:
    import textwrap

    for line in textwrap.wrap(text, columns - 2):
        yield f"  {line}"
