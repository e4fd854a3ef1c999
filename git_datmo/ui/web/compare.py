"""Runs and snapshots beside each other: curves, parallel coordinates, scatter, table, diffs."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from git_datmo.api import comparison, runs
from git_datmo.api import curves as curves_api
from git_datmo.api.selection import LIMIT, Selection
from git_datmo.errors import ContentMissing, DatmoError, QuerySyntaxError
from git_datmo.model.curve import SYSTEM
from git_datmo.model.frozen import frozen
from git_datmo.model.run import Run
from git_datmo.model.snapshot import Snapshot
from git_datmo.model.text import encodable
from git_datmo.ui import lineup
from git_datmo.ui.escape import safe
from git_datmo.ui.lineup import Field, Path, written
from git_datmo.ui.palette import COLORS
from git_datmo.ui.web import answers, differences, drawings, grid
from git_datmo.ui.web.address import Choices, choices, to
from git_datmo.ui.web.desk import project_of

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from git_datmo.records.project import Project

# Figures of curves that are drawn unless a person chooses others, and axes of coordinates.
FIGURES = 12
AXES = 6
OFFERED = 300
# Runs under way, and of snapshots, whose lines are read to learn what they log.
LOOKED_INTO = 20

OTHER = "other"
MACHINE = ("cpu", "memory")


@frozen
class Picked:
    """One run or snapshot in the list of what is compared; `without` leads to all but it."""

    id: str
    kind: str
    text: str
    name: str
    address: str
    color: str | None
    without: str | None


@frozen
class Offer:
    """What a choice offers: the text that stands in an address, the words of it, whether chosen."""

    value: str
    text: str
    chosen: bool = False


@frozen
class Sides:
    """The two whose code, config and environment are compared."""

    before: str
    after: str
    found: differences.View | None = None
    packages: tuple[differences.Line, ...] = ()
    hidden: int = 0
    failed: DatmoError | None = None


def page(request: Request) -> Response:
    """What was picked, compared in every way that it can be."""
    project, asked = project_of(request), choices(request)
    problem = None
    try:
        chosen = drawings.picked(request)
    except QuerySyntaxError as error:
        chosen, problem = Selection(()), error
    documents = [lineup.document(item) for item in chosen.picked]
    fields = {part: lineup.fields(documents, part) for part in lineup.PARTS}
    # What is equal in all tells nothing of them.
    config = _telling(fields["config"])
    measured = _telling([*fields["results"], *fields["metrics"]])
    numbers = [one for one in measured if one.numeric]
    by = drawings.path(asked, "by") or _first(numbers)
    axes = drawings.paths(asked, "axis") or [
        *(one.path for one in ([f for f in config if not f.rare] or config)[:AXES]),
        *([by] if by else []),
    ]
    color = drawings.setting(asked, "color")
    across = drawings.path(asked, "across") or _first([*(f for f in config if f.numeric), *config])
    scored = [*numbers, *(one for one in config if one.numeric)]
    names, types = _logged(project, chosen)
    shown = [name for name in names if safe(name) in asked.many("metric")] or names[:FIGURES]
    wanted = asked.many("type")
    kinds = [kind for kind in types if not wanted or safe(kind) in wanted]
    drawn = kinds if wanted else ()
    return answers.page(
        request,
        "compare.html",
        title="Compare",
        picked=_listed(asked, chosen),
        missing=chosen.missing,
        problem=problem,
        cut=None if problem else _cut(project, asked, chosen),
        limit=asked.one("limit") or str(LIMIT),
        metrics=[Offer(safe(name), safe(name), name in shown) for name in names],
        types=[Offer(safe(kind), safe(kind), kind in kinds) for kind in types],
        machine=SYSTEM in wanted,
        figures=[
            *(_figure(name, drawn) for name in shown if kinds),
            *(_figure(name, (SYSTEM,)) for name in MACHINE if SYSTEM in wanted),
        ],
        colors=_offers(config, *([("config", *color)] if color else [])),
        measures=_offers(scored, by),
        lowest=drawings.lowest(asked, by) if by else False,
        by=written(by) if by else None,
        axes=_offers([*config, *measured], *axes),
        across=_offers([*config, *measured], across),
        up=_offers([*scored, *config], drawings.path(asked, "up") or by),
        shades=_offers(config, drawings.path(asked, "shade")),
        table=grid.make(documents, fields, asked),
        sides=_sides(project, asked, chosen),
    )


def _cut(project: Project, asked: Choices, chosen: Selection) -> str | None:
    """What is said where not all that was asked for is compared."""
    named = len(set(asked.many("id")))
    total = named or runs.count(project, **drawings.narrowed(asked))
    shown = min(named, drawings.MAX_PICKED) if named else len(chosen.picked)
    if shown >= total:
        return None
    what = "that were chosen" if named else "runs, the newest,"
    most = f": more than {shown:,} cannot be" if shown >= drawings.MAX_PICKED else ""
    return f"{shown:,} of the {total:,} {what} are compared{most}"


def _telling(fields: Sequence[Field]) -> list[Field]:
    """Those that differ; what few have comes last."""
    return sorted((one for one in fields if one.differs), key=lambda one: one.rare)


def _first(fields: Sequence[Field]) -> Path:
    return fields[0].path if fields else ()


def _logged(project: Project, chosen: Selection) -> tuple[list[str], list[str]]:
    """The names of all series, in the order in which they come, and their types."""
    names: dict[str, None] = {}
    types: dict[str, None] = {}
    recorded = set()
    for item in chosen.picked:
        # Types that cannot be names of files lie together: only their lines tell them apart.
        if isinstance(item, Run) and not item.is_running and OTHER not in item.metrics:
            recorded.add(item.id)
            for kind, last in item.metrics.items():
                types[kind] = None
                names.update(dict.fromkeys(map(str, last)))
    for run_id in [one for one in chosen.run_ids if one not in recorded][:LOOKED_INTO]:
        # What is not here is said where it would be drawn.
        with suppress(ContentMissing):
            for one in curves_api.series(project, run_id=run_id, fetch=False):
                if one.type != SYSTEM:
                    types[one.type], names[one.name] = None, None
    return [one for one in names if one == encodable(one)], list(types)


def _figure(name: str, types: Sequence[str]) -> Offer:
    """The figure of one metric: the address that it is drawn from, and its name."""
    asked = {"metric": name, "title": name, "type": list(types)}
    return Offer("/data/curves?" + urlencode(asked, doseq=True), safe(name))


def _listed(asked: Choices, chosen: Selection) -> list[Picked]:
    order = {run: place for place, run in enumerate(chosen.run_ids[: drawings.MAX_CURVES])}
    by_config = asked.one("color")
    ids = asked.many("id")
    found = []
    for item in chosen.picked:
        kind = "run" if isinstance(item, Run) else "snapshot"
        place = order.get(item.id if isinstance(item, Run) else item.task_id or "")
        name = lineup.title(item)
        said = item.text if isinstance(item, Run) else item.message
        said = said.partition("\n")[0][:80]
        others = [one for one in ids if not item.id.startswith(one) and one != item.label]
        found.append(
            Picked(
                item.id,
                kind,
                safe(name[:80]),
                "" if said == name else safe(said),
                to(f"{kind}s", item.id),
                None if place is None or by_config else COLORS[place % len(COLORS)],
                asked.link(id=others) if others and len(others) < len(ids) else None,
            )
        )
    return found


def _offers(fields: Sequence[Field], *chosen: Path) -> list[Offer]:
    """Fields to choose from, not more than one can read, those that are chosen in any case."""
    paths = list(dict.fromkeys((*(one.path for one in fields), *filter(None, chosen))))
    kept = [path for n, path in enumerate(paths) if n < OFFERED or path in chosen]
    return [Offer(written(path), _title(path), path in chosen) for path in kept]


def _title(path: Path) -> str:
    return safe(f"{'.'.join(path[1:])} ({path[0]})" if len(path) > 1 else path[0])


def _sides(project: Project, asked: Choices, chosen: Selection) -> Sides | None:
    """The two that the address names, or the two that there are. None where nothing is asked."""
    states = {item.id: _state(item) for item in chosen.picked}
    before, after = asked.one("a"), asked.one("b")
    if len(states) < 2 or not (before or after or len(states) == 2):
        return None
    known = list(states)
    before, after = before or known[0], after or known[1]
    a, b = states.get(before, before), states.get(after, after)
    try:
        found = comparison.glance(project, a or before, b or after)
        patch = comparison.environment_patch(project, found)
    except DatmoError as error:
        return Sides(before, after, failed=error)
    lines, hidden = differences.patch_lines(patch)
    return Sides(before, after, differences.view(found), lines, hidden)


def _state(item: Run | Snapshot) -> str | None:
    """The snapshot that holds what a run left, else what it came from."""
    found: str | None = item.id
    if isinstance(item, Run):
        found = item.after_id or item.before_id
    return found
