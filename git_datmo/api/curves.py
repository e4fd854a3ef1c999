"""Curves of metrics: which there are, and their points, few enough to draw."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from git_datmo.api import means, points, run_lookup, runs
from git_datmo.api.points import Columns
from git_datmo.errors import ContentMissing, ExtraMissing, UsageError, ValidationFailed
from git_datmo.model.curve import AXES, RELATIVE, STEP, SYSTEM, TIME, Curve, Known
from git_datmo.model.fields import setting
from git_datmo.model.run import Run
from git_datmo.records.project import Project

POINTS = 1000
RUNS = 20
ODD = 100
SHORT = 12
OTHER = "other"
"""What a run's facts call the types whose names no file can have, all of them together."""
# How far back runs that have a curve are looked for, and how many are listed at once.
SEARCHED = 2000
PAGE = 100


def series(project: Project, *, run_id: str, fetch: bool = True) -> list[Known]:
    """The series that a run has, those of its use of the machine last. Without `fetch` no remote
    is asked for points that are not here.

    Raises RunNotFound, AmbiguousId, ContentMissing.
    """
    found = points.columns_of(project, run_lookup.resolve(project, run_id), fetch=fetch)
    known = [
        Known(kind, name, len(columns.values), _last(columns))
        for (kind, name), columns in found.items()
    ]
    return sorted(known, key=lambda one: one.type == SYSTEM)


def curves(
    project: Project,
    *,
    metric: str | Sequence[str] = (),
    ids: str | Sequence[str] = (),
    where: str | None = None,
    session_id: str | None = None,
    type: str | Sequence[str] = (),
    x: str = STEP,
    smoothing: float = 0.0,
    mean: str | None = None,
    points: int = POINTS,
    limit: int = RUNS,
    fetch: bool = True,
    missing: list[str] | None = None,
) -> list[Curve]:
    """The curves of some runs: of `ids`, else of the newest `limit` that `where` holds for and that
    have any such curve.

    `metric` are names of series, or `type/name`; without any it is every one. `type` keeps those
    of some types; those of the machine only come when `system` is asked for. At most `points` of
    each are returned, chosen so that the shape stays; `smoothing` is the weight of what was before
    (0 to 1, debiased, as TensorBoard's). With `mean`, a key of the config, runs with the same value
    of it become one curve with a `band`: their mean at every x, between the least and the greatest,
    of all their points. Without `fetch` no remote is asked for points that are
    not here. Runs that were not named and whose points cannot be had are passed over where
    `missing` is given, which gets their ids.
    Raises RunNotFound, AmbiguousId, QuerySyntaxError, UsageError, ValidationFailed, ContentMissing,
    ExtraMissing.
    """
    if x not in AXES:
        raise UsageError(f"there is no axis '{x}'", hint=f"one of {', '.join(AXES)}")
    if not 0 <= smoothing < 1:
        raise ValidationFailed("smoothing is a number from 0 up to, and not, 1")
    if points < 3:
        raise ValidationFailed("a curve has three points at least")
    names, types, key = _several(metric), _several(type), setting(mean) if mean else ()
    made: dict[Run, list[Curve]] = {}
    parts: dict[Run, list[means.Part]] = {}
    if ids:
        chosen: Iterable[Run] = [run_lookup.resolve(project, one) for one in _several(ids)]
    else:
        chosen = _newest(project, where, session_id, names, types)
    for run in chosen:
        if not ids and len(made) + len(parts) >= limit:
            break
        try:
            drawn = _of_run(project, run, names, types, x, smoothing, 0 if key else points, fetch)
        except ContentMissing:
            if ids or missing is None:
                raise
            missing.append(run.id)
            continue
        if drawn and key:
            parts[run] = [means.part(one, points) for one in drawn]
        elif drawn:
            made[run] = drawn
    if key:
        return means.of([one for some in parts.values() for one in some], key, points)
    titles = titled(list(made))
    return [
        replace(curve, title=title)
        for drawn, title in zip(made.values(), titles, strict=True)
        for curve in drawn
    ]


def titled(chosen: Sequence[Run]) -> list[str]:
    """What each of some runs is called beside the others: its label, its other name, the first line
    of its message; where several share that, or there is none, with its id."""
    plain = [
        run.label or run.alternative_name or run.message.strip().partition("\n")[0]
        for run in chosen
    ]
    many = Counter(plain)
    return [
        title if title and many[title] == 1 else f"{title} {run.id[:SHORT]}".strip()
        for run, title in zip(chosen, plain, strict=True)
    ]


def _several(given: str | Sequence[str]) -> Sequence[str]:
    return (given,) if isinstance(given, str) else given


def _newest(
    project: Project,
    where: str | None,
    session_id: str | None,
    metric: Sequence[str],
    types: Sequence[str],
) -> Iterator[Run]:
    """The newest runs that may have what is asked for, as their facts tell: no point is read."""
    for offset in range(0, SEARCHED, PAGE):
        some = runs.ls(project, where=where, session_id=session_id, limit=PAGE, offset=offset)
        yield from (run for run in some if _may_have(run, metric, types))
        if len(some) < PAGE:
            return


def _may_have(run: Run, metric: Sequence[str], types: Sequence[str]) -> bool:
    if run.commit is None or SYSTEM in types or OTHER in run.metrics:
        return True
    return any(
        _wanted(kind, name, metric, types)
        for kind, values in run.metrics.items()
        for name in values
    )


def _wanted(kind: str, name: str, metric: Sequence[str], types: Sequence[str]) -> bool:
    if kind not in types if types else kind == SYSTEM:
        return False
    return not metric or name in metric or f"{kind}/{name}" in metric


def _of_run(
    project: Project,
    run: Run,
    metric: Sequence[str],
    types: Sequence[str],
    axis: str,
    smoothing: float,
    most: int,
    fetch: bool,
) -> list[Curve]:
    read = points.system_of if types and set(types) == {SYSTEM} else points.columns_of
    found = read(project, run, fetch=fetch)
    begin = min(
        (columns.times[0] for (kind, _), columns in found.items() if kind != SYSTEM),
        default=0.0,
    )
    made = []
    for (kind, name), columns in found.items():
        if _wanted(kind, name, metric, types):
            made.append(_curve(run, kind, name, columns, axis, begin, smoothing, most))
    return made


def _curve(
    run: Run,
    kind: str,
    name: str,
    columns: Columns,
    axis: str,
    begin: float,
    smoothing: float,
    most: int,
) -> Curve:
    # The machine's use is told in seconds since the start already.
    if kind == SYSTEM:
        places = columns.along(TIME, 0.0)[1]
        axis = RELATIVE
    else:
        axis, places = columns.along(axis, begin)
    xs: Sequence[float] = places
    ys: Sequence[float] = columns.values
    odd = []
    # As nearly all are: a million points are not to be walked through one by one.
    if not all(map(math.isfinite, ys)):
        finite = []
        for place, value in zip(places, columns.values, strict=True):
            if math.isfinite(value):
                finite.append((place, value))
            else:
                odd.append((place, "nan" if math.isnan(value) else "inf" if value > 0 else "-inf"))
        xs, ys = [place for place, _ in finite], [value for _, value in finite]
    ys = smoothed(ys, smoothing)
    if most:
        xs, ys = thinned(xs, ys, most)
    return Curve(
        run.id,
        run.id[:SHORT],
        kind,
        name,
        axis,
        tuple(xs),
        tuple(ys),
        len(columns.values),
        tuple(odd[:ODD]),
        len(odd),
        smoothing,
        dict(run.config),
    )


def smoothed(values: Sequence[float], weight: float) -> Sequence[float]:
    """An exponential moving average without the pull of its beginning towards zero."""
    if not weight:
        return values
    found, last, remaining = [], 0.0, 1.0
    for value in values:
        last = last * weight + (1 - weight) * value
        remaining *= weight
        found.append(last / (1 - remaining))
    return found


def thinned(
    xs: Sequence[float], ys: Sequence[float], most: int
) -> tuple[Sequence[float], Sequence[float]]:
    """At most `most` of some points, chosen by MinMaxLTTB: https://arxiv.org/abs/2305.00332."""
    if len(xs) <= most:
        return xs, ys
    ExtraMissing.unless("numpy", "tsdownsample", purpose=f"a choice of {most:,} points")
    import numpy
    from tsdownsample import MinMaxLTTBDownsampler

    x, y = numpy.asarray(xs), numpy.asarray(ys)
    order = numpy.argsort(x, kind="stable")
    x, y = x[order], y[order]
    thin = MinMaxLTTBDownsampler()  # type: ignore[no-untyped-call]
    kept = thin.downsample(x, y, n_out=most)
    return x[kept].tolist(), y[kept].tolist()


def _last(columns: Columns) -> float | None:
    return next((one for one in reversed(columns.values) if math.isfinite(one)), None)
