"""Curves as they are drawn outside of a browser: which points of them, and how they look."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from git_datmo.model.curve import Band, Curve
from git_datmo.model.frozen import frozen
from git_datmo.ui.escape import safe
from git_datmo.ui.figures import above, around
from git_datmo.ui.looks import Look, Looks


@frozen
class Stroke:
    """One curve: its name in the legend, its look, and the points that have a place; of a mean the
    ends of its band there."""

    name: str
    curve: Curve
    look: Look
    x: Sequence[float]
    y: Sequence[float]
    low: Sequence[float] = ()
    high: Sequence[float] = ()

    @property
    def ends(self) -> Sequence[float]:
        """All that must have a place upward."""
        return (*self.y, *self.low, *self.high)


def strokes(
    curves: Sequence[Curve],
    *,
    log_x: bool = False,
    log_y: bool = False,
    color_by: Sequence[str] = (),
) -> list[Stroke]:
    """Curves of one drawing, in the order of its legend."""
    looks = Looks(curves, color_by)
    return [
        Stroke(
            safe(looks.name(one)),
            one,
            looks.look(one),
            *above(one, log_x, log_y),
            *around(one, log_x, log_y),
        )
        for one in looks.sorted(curves)
    ]


def by_metric(curves: Sequence[Curve]) -> dict[str, list[Curve]]:
    """The curves of each metric: what has one name has one scale, of whatever type it is."""
    found: dict[str, list[Curve]] = {}
    for curve in curves:
        found.setdefault(curve.name, []).append(curve)
    return found


def whose(curves: Sequence[Curve]) -> str:
    """What is added to the title of one run's drawing, whose legend does not name it."""
    titles = dict.fromkeys(curve.title for curve in curves)
    return f" ({safe(next(iter(titles)))})" if len(titles) == 1 else ""


def document(curve: Curve) -> dict[str, Any]:
    """A curve as the document that `--json` prints."""
    return {name: _plain(getattr(curve, name)) for name in curve.__dataclass_fields__}


def _plain(value: Any) -> Any:
    if isinstance(value, Band):
        return {name: _plain(getattr(value, name)) for name in value.__dataclass_fields__}
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, tuple):
        return [_plain(one) for one in value]
    return value
