"""The tables of a report, before it is known what they are written in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from git_datmo.model.curve import SYSTEM, Curve
from git_datmo.model.diff import MISSING, Change, compare_documents, same
from git_datmo.model.frozen import frozen
from git_datmo.model.report import COMMIT, Item, Report
from git_datmo.ui.escape import clip, safe
from git_datmo.ui.rows import cell, literal

SHORT = 12
LONG = 100


@frozen
class Cell:
    """A value as text, and how far it is from that of the base; `differs`: not as in the base."""

    text: str
    delta: str = ""
    differs: bool = False
    number: bool = False


@frozen
class Sheet:
    """Values of `items`, the base first: columns of results, then of config. `same` are settings
    that all of them share, `numeric` tells columns of numbers, `hidden` is how many columns were
    too many."""

    items: Sequence[Item]
    results: Sequence[str]
    config: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    numeric: Sequence[bool]
    same: Sequence[tuple[str, str]]
    hidden: int = 0


def flat(document: Mapping[str, Any]) -> dict[str, Any]:
    """The leaves of a document by their names with dots."""
    return {change.key: change.after for change in compare_documents({}, document)}


def sheet(report: Report, *, most: int) -> Sheet:
    """What the items gave and were set to: at most `most` columns of results and as many of
    settings that are not the same in all of them."""
    items = report.compared
    results = [flat(item.results) for item in items]
    config = [flat(item.config) for item in items]
    # Of a commit alone no settings are known: that is no difference.
    known = [found for item, found in zip(items, config, strict=True) if item.kind != COMMIT]
    keys = list(dict.fromkeys(key for found in known for key in found))
    common = [
        key
        for key in keys
        if len(known) == 1 or all(same(known[0].get(key), one.get(key)) for one in known)
    ]
    varied = [key for key in keys if key not in common]
    measured = list(dict.fromkeys(key for found in results for key in found))
    measured.sort(key=lambda key: "." in key)  # What is said once comes before groups of it.
    rows = [
        [
            *(_cell(key, results, number, report.base) for key in measured[:most]),
            *(_cell(key, config, number, report.base) for key in varied[:most]),
        ]
        for number in range(len(items))
    ]
    return Sheet(
        items,
        measured[:most],
        varied[:most],
        rows,
        [
            all(cell.number or not cell.text for cell in column)
            for column in zip(*rows, strict=True)
        ],
        [(key, literal(known[0].get(key))) for key in common],
        len(measured[most:]) + len(varied[most:]),
    )


def _cell(key: str, documents: Sequence[Mapping[str, Any]], number: int, base: Item | None) -> Cell:
    """The value of one item; in rows below the base also what it adds to the base's."""
    value = documents[number].get(key, MISSING)
    numeric = isinstance(value, int | float) and not isinstance(value, bool)
    text = "" if value is MISSING else cell(value)
    if base is None or number == 0 or base.kind == COMMIT:
        return Cell(text, number=numeric)
    before = documents[0].get(key, MISSING)
    differs = not same(before, value)
    return Cell(text, delta_text(Change(key, before, value, "changed")), differs, numeric)


def delta_text(change: Change) -> str:
    """How far a number is from the one before: `+0.01, +2.5%`; empty where that says nothing."""
    delta = change.delta
    if not delta:
        return ""
    sign = "+" if delta > 0 else ""
    share = change.percent
    if share is None:
        return f"{sign}{cell(delta)}"
    return f"{sign}{cell(delta)}, {sign}" + (
        f"{share:,.0f}%" if abs(share) >= 100 else f"{share:.3g}%"
    )


def name_of(item: Item) -> str:
    """An item by its kind and its title: `run baseline`."""
    return f"{item.kind} {item.title}"


def again(items: Sequence[Item]) -> Iterator[tuple[str, str]]:
    """The commands that bring each back, and what it was."""
    for item in items:
        title = "" if item.id.startswith(item.title) else item.title
        about = clip(safe(" ".join(filter(None, (title, item.about)))), LONG)
        if item.command:
            yield f"git datmo rerun {item.id[:SHORT]}", about
        elif item.state_id is not None:
            yield f"git datmo snapshot checkout {item.state_id[:SHORT]}", about


def ends(curve: Curve) -> tuple[float | None, ...]:
    """The first, the least, the greatest and the last value of a curve."""
    y = curve.y
    return (y[0], min(y), max(y), y[-1]) if y else (None,) * 4


def drawable(report: Report) -> list[Curve]:
    """The curves that are drawn, their names harmless; those of the machine are not."""
    return [
        replace(curve, title=safe(curve.title), name=safe(curve.name), type=safe(curve.type))
        for curve in report.curves
        if curve.type != SYSTEM
    ]


def members(ids: Sequence[str], report: Report) -> list[str]:
    """The titles of some items."""
    titles = {item.id: item.title for item in report.compared}
    return [titles.get(oid, oid[:SHORT]) for oid in ids]
