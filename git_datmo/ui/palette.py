"""Colours of figures, places on their axes, and texts that plotly's script shows as they are."""

from __future__ import annotations

import math
from collections.abc import Sequence

from git_datmo.model.frozen import frozen
from git_datmo.ui.escape import safe
from git_datmo.ui.rows import cell

# Okabe and Ito's colours, told apart by colour-blind people too: https://jfly.uni-koeln.de/color/.
COLORS = (
    *("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00"),
    *("#b8a500", "#7f7f7f"),
)
DASHES = ("solid", "dash", "dot", "dashdot", "longdash")
GREY = "#8a8f98"
RAMP = ((0, 114, 178), (176, 76, 150), (230, 120, 0))
# From the width of an axis on which small values would lie on top of each other.
WIDE = 100.0
LONG = 24


@frozen
class Spread:
    """Where values lie between 0 and 1: None for what is missing. `marks` are places to write
    down, `log` tells that numbers are spread by their order of magnitude, `left_out` how many
    values are there and have no place."""

    places: tuple[float | None, ...]
    marks: tuple[tuple[float, str], ...] = ()
    log: bool = False
    left_out: int = 0


def spread(values: Sequence[object]) -> Spread:
    """Numbers by value (positive ones that span magnitudes by those), anything else evenly."""
    numbers = [number(one) for one in values]
    known = [one for one in numbers if one is not None]
    if not known:
        return _evenly(values)
    left_out = sum(one is not None for one in values) - len(known)
    low, high = min(known), max(known)
    if low == high:
        places = tuple(None if one is None else 0.5 for one in numbers)
        return Spread(places, ((0.5, f"{low:.4g}"),), False, left_out)
    log = low > 0 and high / low >= WIDE
    start, end = (math.log10(low), math.log10(high)) if log else (low, high)
    width = end - start
    if not math.isfinite(width):
        start, width = start / 2, end / 2 - start / 2
        numbers = [None if one is None else one / 2 for one in numbers]
    places = tuple(
        None if one is None else ((math.log10(one) if log else one) - start) / width
        for one in numbers
    )
    middle = math.sqrt(low) * math.sqrt(high) if log else low / 2 + high / 2
    marks = ((0.0, f"{low:.4g}"), (0.5, f"{middle:.4g}"), (1.0, f"{high:.4g}"))
    return Spread(places, marks, log, left_out)


def _evenly(values: Sequence[object]) -> Spread:
    texts = sorted({cell(one) for one in values if one is not None and not _odd(one)})
    left_out = sum(map(_odd, values))
    step = 1 / (len(texts) - 1) if len(texts) > 1 else 0.0
    start = 0.0 if len(texts) > 1 else 0.5
    at = {text: start + place * step for place, text in enumerate(texts)}
    places = tuple(None if one is None else at.get(cell(one)) for one in values)
    return Spread(places, tuple((place, cut(text)) for text, place in at.items()), False, left_out)


def number(value: object) -> float | None:
    """A finite number as one that can be drawn; None for anything else, also for true and false."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    try:
        found = float(value)
    except OverflowError:
        return None
    return found if math.isfinite(found) else None


def _odd(value: object) -> bool:
    return isinstance(value, float) and not math.isfinite(value)


def shade(place: float | None) -> str:
    """From blue over purple to orange; what has no value is grey."""
    if place is None:
        return GREY
    at = min(max(place, 0.0), 1.0) * (len(RAMP) - 1)
    first = min(int(at), len(RAMP) - 2)
    pairs = zip(RAMP[first], RAMP[first + 1], strict=True)
    return "#" + "".join(f"{round(a + (b - a) * (at - first)):02x}" for a, b in pairs)


def told(name: str, low: object, high: object) -> str:
    """What the shades of a figure mean, in words."""
    return f"{safe(name)} from {cell(low)} (blue) to {cell(high)} (orange)"


def plain(text: str) -> str:
    """A text that plotly shows as it is: it reads some tags and entities, and `%{…}` on hover."""
    escaped = safe(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return escaped.replace("%{", "% {")


def cut(text: str, most: int = LONG) -> str:
    """The beginning of a long text."""
    return text if len(text) <= most else text[: most - 1] + "…"
