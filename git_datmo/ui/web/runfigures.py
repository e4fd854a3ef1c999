"""Which figures the page of a run has, and the addresses that their points come from."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from git_datmo.api import curves, files
from git_datmo.errors import ContentMissing, InvalidDocument
from git_datmo.model import series
from git_datmo.model.curve import SYSTEM, Known
from git_datmo.model.frozen import frozen
from git_datmo.ui.escape import safe
from git_datmo.ui.web.address import Choices, to

if TYPE_CHECKING:
    from git_datmo.model.run import Run
    from git_datmo.records.project import Project

SHOWN = 24
UNITS = {"cpu": "cpu, % of one core", "memory": "memory, bytes"}
OTHER = "other"
# The order that people look for; any other type comes after.
USUAL = ("train", "val", "test")


@frozen
class Figure:
    """One drawing: its name, the address of its points, its last value of each type."""

    name: str
    address: str
    last: tuple[tuple[str, float | None], ...] = ()


def known_of(project: Project, run: Run) -> list[Known]:
    """The series of a run. Of a recorded one they are told without reading all of their points,
    but where odd types of points were counted as one."""
    if run.commit is None or OTHER in run.metrics:
        return curves.series(project, run_id=run.id, fetch=False)
    found = [
        Known(kind, name, 0, value if isinstance(value, (int, float)) else None)
        for kind, values in run.metrics.items()
        for name, value in values.items()
        if not isinstance(value, str)
    ]
    lines: list[bytes] = []
    with suppress(ContentMissing):
        files.require(project, id=run.commit, paths=["system.jsonl"])
        lines = run.read("system.jsonl").splitlines()
    names: dict[str, None] = {}
    for line in (*lines[:1], *lines[-1:]):
        with suppress(InvalidDocument):
            names.update(dict.fromkeys(series.parse(line).values))
    return [*found, *(Known(SYSTEM, name, len(lines), None) for name in names)]


def types_of(known: list[Known]) -> list[str]:
    """The types of metrics that a run has, the usual ones first."""
    found = {one.type for one in known if one.type != SYSTEM}
    return sorted(found, key=lambda kind: (USUAL.index(kind) if kind in USUAL else 9, kind))


def metric_figures(
    run_id: str, known: list[Known], asked: Choices, *, most: int | None = SHOWN
) -> tuple[list[Figure], int]:
    """One figure a metric, its types together, as the page's form says; and how many more there
    are. Axes and smoothing are in the page's own address, and the script adds them."""
    wanted, part = set(asked.many("type")), (asked.one("metric") or "").lower()
    found: dict[str, list[Known]] = {}
    for one in known:
        fits = one.type != SYSTEM and (not wanted or one.type in wanted)
        if fits and part in one.name.lower():
            found.setdefault(one.name, []).append(one)
    chosen = list(found.items())[:most]
    figures = []
    for name, several in chosen:
        said: dict[str, Any] = {
            "id": run_id,
            "metric": [f"{one.type}/{name}" for one in several],
            "type": [one.type for one in several],
            "title": name,
        }
        last = tuple((safe(one.type), one.last) for one in several)
        figures.append(Figure(safe(name), to("data", "curves", **said), last))
    return figures, len(found) - len(chosen)


def system_figures(run_id: str, known: list[Known]) -> list[Figure]:
    """One figure for each thing of the machine that was measured."""
    return [
        Figure(
            safe(one.name),
            to(
                *("data", "curves"),
                id=run_id,
                type=SYSTEM,
                metric=one.name,
                title=UNITS.get(one.name, one.name),
            ),
        )
        for one in known
        if one.type == SYSTEM
    ]
