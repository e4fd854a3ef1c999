"""Small curves as SVG, for the cells of a notebook's tables. They need no library and no script."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape

from git_datmo.model.quantity import counted
from git_datmo.model.text import visible

WIDTH, HEIGHT = 140, 28
"""Pixels."""
_EDGE = 2.0
# Okabe and Ito's blue, which stands out on white and on black.
_INK = "#3b8fd0"


def sparkline(values: Sequence[float], *, title: str = "", total: int | None = None) -> str:
    """A curve through some values in their order; where one is no finite number it is broken.

    Of many values the least and the greatest of each column of pixels are drawn. `title` is what
    a reader is told, with the range; `total` how many values there are, where some were left out.
    Empty when nothing can be drawn.
    """
    finite = [value for value in values if math.isfinite(value)]
    if not finite:
        return ""
    low, high = min(finite), max(finite)
    paths = " ".join(_pieces(_columns(values), low, high))
    shown = len(values) if total is None else total
    count = counted(shown, "point")
    if total is not None and total > len(values):
        count = f"{len(values):,} of {count}"
    if len(finite) < len(values):
        count += f", {len(values) - len(finite):,} no finite number"
    told = escape(f"{visible(title)}: {low:.6g} to {high:.6g}, {count}".removeprefix(": "))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" '
        f'viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{told}"><title>{told}</title>'
        f'<path d="{paths}" fill="none" stroke="{_INK}" stroke-width="1.5" '
        'stroke-linecap="round" stroke-linejoin="round"/></svg>'
    )


def _columns(values: Sequence[float]) -> list[tuple[float, list[float]]]:
    """For each column of pixels its place, 0 to 1, and the values to draw there; [] is a gap."""
    if len(values) <= WIDTH:
        last = max(len(values) - 1, 1)
        return [(n / last, [v] if math.isfinite(v) else []) for n, v in enumerate(values)]
    found = []
    for column in range(WIDTH):
        start, end = (len(values) * n // WIDTH for n in (column, column + 1))
        part = [value for value in values[start:end] if math.isfinite(value)]
        if part:
            low, high = min(part), max(part)
            part = [low, high] if part.index(low) <= part.index(high) else [high, low]
        found.append((column / (WIDTH - 1), part))
    return found


def _pieces(columns: Sequence[tuple[float, list[float]]], low: float, high: float) -> list[str]:
    """The commands of a path; one that is a point alone is drawn as a dot."""
    width, height = WIDTH - 2 * _EDGE, HEIGHT - 2 * _EDGE
    # Halves, for the difference of two numbers may be more than a number can say.
    reach = high / 2 - low / 2
    commands, drawing = [], False
    for place, part in columns:
        for value in part:
            share = (value / 2 - low / 2) / reach if reach > 0 else 0.5
            spot = f"{_EDGE + place * width:.1f} {_EDGE + (1 - share) * height:.1f}"
            commands.append(f"L{spot}" if drawing else f"M{spot}L{spot}")
            drawing = True
        drawing = drawing and bool(part)
    return commands
