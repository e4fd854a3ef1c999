"""How curves are told apart in one drawing: their names, colours and dashes, in every medium."""

from __future__ import annotations

from collections.abc import Sequence

from git_datmo.model.curve import SYSTEM, Curve
from git_datmo.model.fields import lookup
from git_datmo.model.frozen import frozen
from git_datmo.ui.palette import COLORS, cut, number, shade, spread, told
from git_datmo.ui.rows import cell

# Types that many programs have, so that each looks alike in all figures.
USUAL = ("train", "val", "test")
SYNONYMS = {"validate": "val", "validation": "val", "valid": "val", "training": "train"}


@frozen
class Look:
    """A colour such as `#0072b2`, and a dash, counted from 0, which is a solid line."""

    color: str
    dash: int = 0


class Looks:
    """Which colour, dash and name each of some curves has."""

    def __init__(
        self, curves: Sequence[Curve], color_by: Sequence[str] = (), order: Sequence[str] = ()
    ) -> None:
        self._runs = list(dict.fromkeys([*order, *(curve.run_id for curve in curves)]))
        self.several = len(self._runs) > 1 or any(curve.band for curve in curves)
        self._by = tuple(color_by) if self.several else ()
        types = dict.fromkeys(_type(curve) for curve in curves)
        self._types = [*(one for one in USUAL if one in types), *(t for t in types if t != SYSTEM)]
        self._types = list(dict.fromkeys(self._types))
        values = [lookup(curve.config, self._by) for curve in curves] if self._by else []
        known = dict(zip(map(cell, values), values, strict=True))
        self._groups = sorted(known, key=lambda text: (number(known[text]) or 0.0, text))
        found = spread([known[text] for text in self._groups])
        self._shaded = len(self._groups) > len(COLORS) and not found.left_out and bool(found.marks)
        self._places = dict(zip(self._groups, found.places, strict=True))

    @property
    def scale(self) -> str:
        """What the shades mean, in words; empty where there are none."""
        known = [(place, text) for text, place in self._places.items() if place is not None]
        if not self._shaded:
            return ""
        return told(".".join(self._by), min(known)[1], max(known)[1])

    def sorted(self, curves: Sequence[Curve]) -> list[Curve]:
        """The curves in the order of the legend."""
        if not self._by:
            return list(curves)
        return sorted(curves, key=lambda curve: self._groups.index(self._group(curve)))

    def name(self, curve: Curve) -> str:
        """What stands in the legend."""
        group = self._group(curve) if self._by else ""
        first = (group or "(none)") if self._by else curve.title if self.several else curve.type
        return f"{first} {curve.type}" if self._dashed and first != curve.type else first

    def extra(self, curve: Curve) -> str:
        """What stands beside a value: which run, and what else is needed to know it."""
        parts = [curve.title] if self.several and not (self._by and curve.band) else []
        if self._by:
            parts.append(f"{self._by[-1]}: {self._group(curve) or '(none)'}")
        if self._dashed or not self.several:
            parts.append(curve.type)
        return cut(" · ".join(parts), 80)

    def look(self, curve: Curve) -> Look:
        """Colour and dash."""
        dash = 0
        if self._by:
            group = self._group(curve)
            place = self._groups.index(group)
            color = shade(self._places[group]) if self._shaded else COLORS[place % len(COLORS)]
        elif self.several:
            place = self._runs.index(curve.run_id)
            color = COLORS[place % len(COLORS)]
            dash = place // len(COLORS)
        else:
            color = COLORS[_place(_type(curve), self._types) % len(COLORS)]
        if self._dashed:
            dash = _place(_type(curve), self._types)
        return Look(color, dash)

    @property
    def _dashed(self) -> bool:
        return self.several and len(self._types) > 1

    def _group(self, curve: Curve) -> str:
        return cell(lookup(curve.config, self._by))


def _type(curve: Curve) -> str:
    return SYNONYMS.get(curve.type, curve.type)


def _place(kind: str, types: Sequence[str]) -> int:
    """The usual types have places of their own wherever they come."""
    if kind in USUAL:
        return USUAL.index(kind)
    others = [one for one in types if one not in USUAL]
    before = len(USUAL) if len(others) < len(types) else 0
    return before + (others.index(kind) if kind in others else 0)
