"""Axes that this program draws by itself: where a value stands, and the marks along the axis."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Sequence

from git_datmo.model.curve import TIME
from git_datmo.model.frozen import frozen
from git_datmo.ui.strokes import Stroke

Mark = tuple[float, str]

LINEAR, LOG, MOMENTS = "linear", "log", "moments"
_MINUTE, _HOUR, _DAY = 60, 3600, 86_400
_STEPS = (
    *(1, 2, 5, 10, 15, 30, _MINUTE, 2 * _MINUTE, 5 * _MINUTE, 10 * _MINUTE, 15 * _MINUTE),
    *(30 * _MINUTE, _HOUR, 2 * _HOUR, 3 * _HOUR, 6 * _HOUR, 12 * _HOUR, _DAY, 2 * _DAY),
    *(7 * _DAY, 14 * _DAY, 30 * _DAY, 90 * _DAY, 365 * _DAY),
)
_ROOM = 0.02
_MANY = 1000
"""More marks than any axis has: a step that would give so many is too small for the numbers."""


@frozen
class Scale:
    """An axis from `low` to `high`, which differ; `kind` is `linear`, `log` or `moments`, which
    are seconds since 1970."""

    low: float
    high: float
    kind: str = LINEAR

    def places(self, values: Iterable[float]) -> list[float]:
        """Where values stand, 0 at the low end and 1 at the high one."""
        if self.kind == LOG:
            low = math.log10(self.low)
            width = math.log10(self.high) - low or 1.0
            return [(math.log10(value) - low) / width for value in values]
        # Halves, for the difference of two numbers may be more than a number can say.
        width = self.high / 2 - self.low / 2 or 1.0
        return [(value / 2 - self.low / 2) / width for value in values]

    def marks(self, most: int) -> list[Mark]:
        """Round values along the axis, at most about `most`: where each stands, and its text."""
        if self.kind == MOMENTS:
            found = _moments(self.low, self.high, most)
        elif self.kind == LOG:
            found = _powers(self.low, self.high, most)
        else:
            found = _round(self.low, self.high, most)
        values = [value for value, _ in found]
        return list(zip(self.places(values), [text for _, text in found], strict=True))


def of(drawn: Sequence[Stroke], *, log_x: bool, log_y: bool) -> tuple[Scale, Scale]:
    """The axes across and upward of what is drawn in one chart, of which nothing is empty."""
    moments = all(stroke.curve.axis == TIME for stroke in drawn)
    return (
        over(
            [x for stroke in drawn for x in stroke.x],
            MOMENTS if moments else LOG if log_x else LINEAR,
        ),
        _wider(over([y for stroke in drawn for y in stroke.ends], LOG if log_y else LINEAR)),
    )


def over(values: Sequence[float], kind: str = LINEAR) -> Scale:
    """The scale that finite values fill; a logarithmic one is of positive values alone."""
    low, high = min(values), max(values)
    if low == high:
        low, high = _around(low, kind)
    return Scale(low, high, kind)


def _wider(scale: Scale) -> Scale:
    """The same with a little room at both ends, where a round value may be just beyond the last."""
    if scale.kind == LOG:
        more = (scale.high / scale.low) ** _ROOM
        low, high = scale.low / more, scale.high * more
        fits = low > 0 and math.isfinite(high)
    else:
        more = (scale.high / 2 - scale.low / 2) * 2 * _ROOM
        low, high = scale.low - more, scale.high + more
        fits = math.isfinite(low) and math.isfinite(high)
    return Scale(low, high, scale.kind) if fits else scale


def _around(value: float, kind: str) -> tuple[float, float]:
    """A width for what has none."""
    if kind == LOG:
        return max(value / 2, 5e-324), min(value * 2, 1.7e308)
    reach = max(abs(value) / 10, 0.5 if value == 0 or kind == MOMENTS else 0.0, 1e-300)
    return max(value - reach, -1.7e308), min(value + reach, 1.7e308)


def _round(low: float, high: float, most: int) -> list[Mark]:
    """Multiples of 1, 2 or 5 times a power of ten."""
    rough = (high / 2 - low / 2) / most * 2
    exponent = math.floor(math.log10(rough)) if rough > 0 else -400
    unit = 10.0**exponent if exponent > -308 else 0.0
    step = next((unit * n for n in (1, 2, 5) if unit * n >= rough), unit * 10)
    if step == 0 or not math.isfinite(step) or not math.isfinite(high / step):
        return _ends(low, high)
    first, last = math.ceil(low / step), math.floor(high / step)
    values = [n * step for n in range(first, min(last, first + _MANY) + 1)]
    values = [value for value in values if low <= value <= high]
    if len(values) < 2 or len(set(values)) < len(values):
        return _ends(low, high)
    digits = max(0, -math.floor(math.log10(step) + 1e-9))
    largest = max(map(abs, values))
    if digits > 6 or largest >= 1e9:
        kept = min(17, max(1, round(math.log10(largest / step)) + 1))
        return [(value, f"{value:.{kept}g}") for value in values]
    # Sums of binary fractions may come to -0.0, which is not to be read.
    return [(value, f"{value + 0.0:,.{digits}f}") for value in values]


def _ends(low: float, high: float) -> list[Mark]:
    return [(low, f"{low:.6g}"), (high, f"{high:.6g}")]


def _powers(low: float, high: float, most: int) -> list[Mark]:
    """Powers of ten, every so many of them; where there are few, their multiples by 2 and 5 too."""
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    each = max(1, math.ceil((last - first) / most))
    for factors in ((1,), (1, 2, 5)) if each == 1 else ((1,),):
        values = [
            n * 10.0**power
            for power in range(first, last + 1)
            if power % each == 0 and power >= -307
            for n in factors
            if power < 308
        ]
        values = [value for value in values if low <= value <= high]
        if len(values) >= 3 or each > 1:
            return [(value, f"{value:g}") for value in values] or _ends(low, high)
    return [(value, text) for value, text in _round(low, high, most) if value > 0]


def _moments(low: float, high: float, most: int) -> list[Mark]:
    """Round hours and days of the local clock, as far as it knows them."""
    try:
        shift = time.localtime(low).tm_gmtoff
        time.localtime(high)
    except (OverflowError, OSError, ValueError):
        return _round(low, high, most)
    rough = (high - low) / most
    if rough < 0.5:
        within = _round(low - math.floor(low), high - math.floor(low), most)
        base = math.floor(low)
        return [(base + value, _clock("%H:%M:%S", base) + f" +{text}") for value, text in within]
    step = next((one for one in _STEPS if one >= rough), _STEPS[-1])
    step = max(step, math.ceil(rough / _STEPS[-1]) * _STEPS[-1] if rough > _STEPS[-1] else step)
    first, last = math.ceil((low + shift) / step), math.floor((high + shift) / step)
    values = [float(n * step - shift) for n in range(first, last + 1)]
    say = _wording(step, high - low)
    return [(value, say(value)) for value in values] or [(low, say(low))]


def _wording(step: float, width: float) -> Callable[[float], str]:
    if step >= _DAY:
        pattern = "%Y-%m-%d"
    elif width >= _DAY:
        pattern = "%m-%d %H:%M"
    else:
        pattern = "%H:%M" if step >= _MINUTE else "%H:%M:%S"
    return lambda moment: _clock(pattern, moment)


def _clock(pattern: str, moment: float) -> str:
    return time.strftime(pattern, time.localtime(moment))
