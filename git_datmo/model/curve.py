"""Curves: one series of numbers of one run, over steps, epochs or time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from git_datmo.model.frozen import field, frozen

STEP, EPOCH, TIME, RELATIVE, INDEX = "step", "epoch", "time", "relative", "index"
AXES: Final = (STEP, EPOCH, TIME, RELATIVE, INDEX)
"""`time` is seconds since 1970, `relative` seconds since the first point of the run, `index` counts
from 0."""

SYSTEM: Final = "system"
"""The type of the curves of what a run used: `cpu` (percent of a core), `memory` (bytes), …"""


@frozen
class Known:
    """A series that a run has: its type and name, how many points, the last value."""

    type: str
    name: str
    total: int
    last: float | None


@frozen
class Band:
    """What a mean was made of: at each of its points the least and the greatest value, and of how
    many runs; `members` are the ids of all. `width` is how wide the parts of the axis are whose
    points were taken together; 0 where the mean stands at every x that there is."""

    low: tuple[float, ...]
    high: tuple[float, ...]
    runs: tuple[int, ...]
    members: tuple[str, ...]
    width: float = 0.0


@frozen
class Curve:
    """Points of one series. `x` and `y` are as long as each other and finite; they are a choice of
    `total` points where those were too many to draw.

    `odd` are the places of points that are no finite number: x and `nan`, `inf` or `-inf`, a
    hundred at most; `odd_total` is how many there are. `axis` is what x is: where a run has no
    epochs, say, it is `index` instead. `smoothing` is the weight of what was before, 0 to 1.
    A mean of several runs has a `band`, no `run_id`, and of the config what they have in common.
    """

    run_id: str
    title: str
    type: str
    name: str
    axis: str
    # A notebook keeps what a value says of itself: points by the thousand are no use there.
    x: tuple[float, ...] = field(default=(), repr=False)
    y: tuple[float, ...] = field(default=(), repr=False)
    total: int = 0
    odd: tuple[tuple[float, str], ...] = field(default=(), repr=False)
    odd_total: int = 0
    smoothing: float = 0.0
    config: Mapping[str, Any] = field(default_factory=dict)
    band: Band | None = field(default=None, repr=False)

    @property
    def thinned(self) -> bool:
        """Whether there are points that are not shown."""
        return self.band is None and len(self.x) + self.odd_total < self.total

    def _repr_html_(self) -> str:
        from git_datmo.model import notebook

        return notebook.of_curve(self)
