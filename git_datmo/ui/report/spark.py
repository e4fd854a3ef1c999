"""Curves in one line of text."""

from __future__ import annotations

from collections.abc import Sequence

BARS = "▁▂▃▄▅▆▇█"
WIDTH = 24


def spark(x: Sequence[float], y: Sequence[float], *, width: int = WIDTH) -> str:
    """A curve as a row of bars, each the mean of a part of its axis, from the least of these to
    the greatest; a part without points is blank."""
    if not y:
        return ""
    low, high = min(x), max(x)
    places = min(width, len(y))
    parts: list[list[float]] = [[] for _ in range(places)]
    for place, value in zip(x, y, strict=True):
        share = (place - low) / (high - low) if high > low else 0.0
        parts[min(int(share * places), places - 1)].append(value)
    means = [sum(part) / len(part) if part else None for part in parts]
    known = [mean for mean in means if mean is not None]
    least, most = min(known), max(known)
    return "".join(" " if mean is None else BARS[_height(mean, least, most)] for mean in means)


def _height(value: float, least: float, most: float) -> int:
    if not most > least:
        return len(BARS) // 2
    # Halves first: the difference of two large numbers may be no finite one.
    share = (value / 2 - least / 2) / (most / 2 - least / 2)
    return min(int(share * len(BARS)), len(BARS) - 1)
