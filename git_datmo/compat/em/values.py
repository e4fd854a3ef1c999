"""The numbers that scripts log, and the entries that they read back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from git_datmo.compat.em import layout
from git_datmo.model import series
from git_datmo.model.series import Point


def numbers(metrics: Mapping[str, Any]) -> dict[str, float]:
    """Each value as a float. Raises TypeError and ValueError for what is none."""
    if not isinstance(metrics, Mapping):
        raise TypeError(f"metrics are numbers by name, not {type(metrics).__name__}")
    found = {}
    for name, value in metrics.items():
        found[name if type(name) is str else str(name)] = (
            value if type(value) is float else _number(value)
        )
    return found


def _number(value: Any) -> float:
    # float() of numpy's arrays with one element ends with numpy 2.4; item() takes them all.
    item = getattr(value, "item", None)
    if callable(item) and not isinstance(value, int | float):
        size = getattr(value, "size", 1)
        if size == 1 or callable(size):
            value = item()
    return float(value)


def scalar(value: Any) -> Any:
    """A step or an epoch as a plain number where it is one of numpy's or torch's."""
    if type(value) is int or type(value) is float:
        return value
    item = getattr(value, "item", None)
    value = item() if callable(item) else value
    if isinstance(value, bool):
        return int(value)
    return value if isinstance(value, int | float) else float(value)


def entry(point: Point) -> dict[str, Any]:
    """A point as `run.metrics` has it."""
    where = {"epoch": point.epoch, "step": point.step, "timestamp": layout.stamp(point.time)}
    return {"value": dict(point.values), "sequence": where}


def points(given: Mapping[str, Any]) -> Iterator[Point]:
    """The points of what `run.metrics` has: entries by type. Raises FileIOError for others."""
    from git_datmo.api import emfolder

    for kind, listed in given.items():
        for one in listed:
            yield emfolder.point(str(kind), one)


def line(point: Point) -> bytes:
    """A point as its line."""
    return series.line(
        point.values, type=point.type, step=point.step, epoch=point.epoch, time=point.time or 0.0
    )
