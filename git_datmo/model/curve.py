"""Curves: one series of numbers of one run, over steps, epochs or time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

STEP, EPOCH, TIME, RELATIVE, INDEX = "step", "epoch", "time", "relative", "index"
AXES: Final = (STEP, EPOCH, TIME, RELATIVE, INDEX)
"""`time` is seconds since 1970, `relative` seconds since the first point of the run, `index` counts
from 0."""

SYSTEM: Final = "system"
"""The type of the curves of what a run used: `cpu` (percent of a core), `memory` (bytes), …"""


@dataclass(frozen=True)
class Known:
    """A series that a run has: its type and name, how many points, the last value."""

    type: str
    name: str
    total: int
    last: float | None


@dataclass(frozen=True)
class Curve:
    """Points of one series. `x` and `y` are as long as each other and finite; they are a choice of
    `total` points where those were too many to draw.

    `odd` are the places of points that are no finite number: x and `nan`, `inf` or `-inf`, a
    hundred at most; `odd_total` is how many there are. `axis` is what x is: where a run has no
    epochs, say, it is `index` instead. `smoothing` is the weight of what was before, 0 to 1.
    """

    run_id: str
    title: str
    type: str
    name: str
    axis: str
    x: tuple[float, ...] = ()
    y: tuple[float, ...] = ()
    total: int = 0
    odd: tuple[tuple[float, str], ...] = ()
    odd_total: int = 0
    smoothing: float = 0.0
    config: Mapping[str, Any] = field(default_factory=dict)

    @property
    def thinned(self) -> bool:
        """Whether there are points that are not shown."""
        return len(self.x) + self.odd_total < self.total

    def _repr_html_(self) -> str:
        from git_datmo.model import notebook

        return notebook.of_curve(self)
