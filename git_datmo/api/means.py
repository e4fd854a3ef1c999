"""Means of curves: runs with the same value of a config key as one line, with what lies around it.

Between two of its points a run is taken to go straight, and nothing is said of it before its first
and after its last: there the mean is that of the others.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from git_datmo.errors import ExtraMissing
from git_datmo.model.curve import Band, Curve
from git_datmo.model.fields import Path, lookup, show_path
from git_datmo.model.frozen import frozen

if TYPE_CHECKING:
    from numpy import ndarray

    Numbers = ndarray[Any, Any]

ODD = 100
_FAR = 1.7e308


@frozen
class Part:
    """One run's curve, whose points lie in `x`: the mean, the least, the greatest and the number of
    those that lie at each. `width` is how wide a part of the axis each stands for, a power of 2, or
    0 where each is one x."""

    curve: Curve
    x: Numbers
    y: Numbers
    low: Numbers
    high: Numbers
    count: Numbers
    width: float = 0.0


def part(curve: Curve, most: int) -> Part:
    """A curve of any number of points; those at more than `2 * most` places are taken together.

    Raises ExtraMissing.
    """
    ExtraMissing.unless("numpy", purpose="a mean of curves")
    import numpy

    x, y = numpy.asarray(curve.x, dtype=float), numpy.asarray(curve.y, dtype=float)
    whole = _together(Part(replace(curve, x=(), y=()), x, y, y, y, numpy.ones(len(x))), 0.0)
    return _together(whole, _width(whole.x, 2 * most)) if len(whole.x) > 2 * most else whole


def of(parts: Sequence[Part], key: Path, most: int) -> list[Curve]:
    """The mean of each group of parts: of one type, name and axis, and one value of the config's
    `key`; `most` points at most, or one more."""
    groups: dict[tuple[str, ...], list[Part]] = {}
    for one in parts:
        curve = one.curve
        value = _value(lookup(curve.config, key))
        groups.setdefault((curve.type, curve.name, curve.axis, value), []).append(one)
    return [_mean(some, key, most) for some in groups.values()]


def _mean(parts: Sequence[Part], key: Path, most: int) -> Curve:
    import numpy

    places = numpy.unique(numpy.concatenate([one.x for one in parts]))
    if len(places) > most:
        width = max(_width(places, most), *(one.width for one in parts), 0.0)
        parts = [_together(one, width) for one in parts]
        places = numpy.unique(numpy.concatenate([one.x for one in parts]))
    present = [one for one in parts if len(one.x)]
    inside = [(places >= one.x[0]) & (places <= one.x[-1]) for one in present]
    runs = numpy.sum(inside, axis=0, dtype=int) if inside else numpy.zeros(0, dtype=int)
    y = numpy.zeros(len(places))
    low, high = numpy.full(len(places), numpy.inf), numpy.full(len(places), -numpy.inf)
    for one, there in zip(present, inside, strict=True):
        at = places[there]
        y[there] += _between(at, one.x, one.y) / runs[there]
        low[there] = numpy.minimum(low[there], _between(at, one.x, one.low))
        high[there] = numpy.maximum(high[there], _between(at, one.x, one.high))
    # Between the end of one run and the begin of another there may be none.
    known = runs > 0
    curves = [one.curve for one in parts]
    first = curves[0]
    value = lookup(first.config, key)
    odd = [point for curve in curves for point in curve.odd]
    return replace(
        first,
        run_id="",
        title=f"{show_path(key)}: {'(none)' if value is None else value}",
        x=tuple(places[known].tolist()),
        y=tuple(numpy.clip(y[known], low[known], high[known]).tolist()),
        total=sum(curve.total for curve in curves),
        odd=tuple(odd[:ODD]),
        odd_total=sum(curve.odd_total for curve in curves),
        config=_nested(key, value),
        band=Band(
            low=tuple(low[known].tolist()),
            high=tuple(high[known].tolist()),
            runs=tuple(runs[known].tolist()),
            members=tuple(curve.run_id for curve in curves),
            width=max((one.width for one in parts), default=0.0),
        ),
    )


def _together(one: Part, width: float) -> Part:
    """The same with all that lies at one x, or in one part of the axis so wide, as one."""
    import numpy

    x = one.x
    if width:
        x = numpy.clip((numpy.floor(x / width) + 0.5) * width, -_FAR, _FAR)
    order = numpy.argsort(x, kind="stable")
    places, first = numpy.unique(x[order], return_index=True)
    if not len(places):
        return replace(one, width=width)
    count = one.count[order]
    total = numpy.add.reduceat(count, first)
    share = count / numpy.repeat(total, numpy.diff([*first, len(x)]))
    return Part(
        one.curve,
        places,
        numpy.add.reduceat(one.y[order] * share, first),
        numpy.minimum.reduceat(one.low[order], first),
        numpy.maximum.reduceat(one.high[order], first),
        total,
        width,
    )


def _width(places: Numbers, most: int) -> float:
    """The least power of 2 by which some places lie in about `most` parts: parts so wide lie whole
    in those of any greater width."""
    reach = float(places.max()) / 2 - float(places.min()) / 2
    each = reach / most
    return math.ldexp(1.0, min(1023, math.ceil(math.log2(each)) + 1)) if each > 0 else 0.0


def _between(at: Numbers, x: Numbers, y: Numbers) -> Numbers:
    """Straight lines from point to point; in quarters, for a difference may be too great."""
    import numpy

    found: Numbers = numpy.interp(at / 4, x / 4, y / 4) * 4
    return found


def _value(value: object) -> str:
    """Equal for values that are the same: 1 and 1.0 are, 1 and true are not."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return json.dumps(value, sort_keys=True, default=str)


def _nested(key: Path, value: Any) -> dict[str, Any]:
    for name in reversed(key):
        value = {name: value}
    found: dict[str, Any] = value
    return found
