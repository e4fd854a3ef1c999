"""Reports on runs and snapshots: what they gave, their curves, and how they differ."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from git_datmo.api import comparison, curves, listing, lookup, runs, selection, standing
from git_datmo.errors import Corrupt, EntityNotFound, NotFound, ValidationFailed
from git_datmo.model.curve import Curve
from git_datmo.model.report import COMMIT, RUN, SNAPSHOT, Difference, Equipment, Item, Report
from git_datmo.model.revision import Revision
from git_datmo.model.run import Run
from git_datmo.model.snapshot import Snapshot
from git_datmo.records import environments
from git_datmo.records.project import Project
from git_datmo.storage.objects import EMPTY_TREE

LIMIT = 20
SHORT = 12


def report(
    project: Project,
    *,
    ids: Sequence[str] = (),
    where: str | None = None,
    session_id: str | None = None,
    sort: str | None = None,
    limit: int = LIMIT,
    snapshots: bool = False,
    base: str | None = None,
    metric: str | Sequence[str] = (),
    title: str | None = None,
    points: int = curves.POINTS,
    context: int = 3,
) -> Report:
    """A report on runs and snapshots: on `ids`, else on the newest `limit` runs that `where` holds
    for, or with `snapshots` on those.

    `base` is what they are compared to: a run or snapshot, or a branch or commit, for which the
    run or snapshot that was recorded there stands. Without it their states are compared to that
    of the first. `metric` are the curves to draw, by name, every one unless said, with at most
    `points` points; `context` is the number of lines around a change of code.
    Raises EntityNotFound also where there is nothing to report on, AmbiguousId, QuerySyntaxError,
    SessionDoesNotExist, ValidationFailed, ExtraMissing.
    """
    if limit < 1:
        raise ValidationFailed(f"a report on {limit} runs would be empty")
    notices: list[str] = []
    picked = _picked(project, ids, where, session_id, sort, limit, snapshots, notices)
    against: Run | Snapshot | Revision | None = None
    if base is not None:
        # One that was named is not what it is itself compared to; of a list it is taken out.
        named = [one.id for one in picked] if ids else []
        against, said = standing.find(project, base, apart_from=named)
        notices += [said] if said else []
    every = list({one.id: one for one in (*picked, against) if isinstance(one, Run)}.values())
    titles = dict(zip((run.id for run in every), curves.titled(every), strict=True))
    compared = None if against is None else _item(project, against, titles)
    items = tuple(_item(project, one, titles) for one in picked)
    if compared is not None:
        items = tuple(item for item in items if item.id != compared.id) or items
        base = compared.title if compared.id.startswith(str(base)) else base
    reference = compared or items[0]
    names = (metric,) if isinstance(metric, str) else tuple(metric)
    drawn = tuple(_curves(project, every, titles, names, points, notices))
    there = {name for curve in drawn for name in (curve.name, f"{curve.type}/{curve.name}")}
    notices += [f"none of these has points of '{name}'" for name in names if name not in there]
    return Report(
        title=title or _title(items, compared, base),
        project=_name(project),
        made=time.time_ns() // 1_000_000,
        items=items,
        base=compared,
        base_name=base,
        reference=reference,
        curves=drawn,
        differences=tuple(_differences(project, reference, items, context, notices)),
        equipment=tuple(_equipment(project, items, notices)),
        notices=tuple(dict.fromkeys(notices)),
    )


def _picked(
    project: Project,
    ids: Sequence[str],
    where: str | None,
    session_id: str | None,
    sort: str | None,
    limit: int,
    snapshots: bool,
    notices: list[str],
) -> Sequence[Run | Snapshot]:
    found: Sequence[Run | Snapshot]
    if ids or not snapshots:
        chosen = selection.pick(
            project, ids=ids, where=where, session_id=session_id, sort=sort, limit=limit
        )
        for _, reason in chosen.missing:
            raise EntityNotFound(
                reason, hint="'git datmo ls' and 'git datmo snapshot ls' list what there is"
            )
        found = chosen.picked
    else:
        found = listing.ls(project, where=where, session_id=session_id, sort=sort, limit=limit)
    if not found:
        what = "snapshot" if snapshots else "run"
        raise EntityNotFound(
            f"there is no {what} to report on" if not where else f"no {what} is like that",
            hint="--snapshots reports on snapshots" if not snapshots else None,
        )
    if not ids and len(found) == limit:
        count = listing.count if snapshots else runs.count
        total = count(project, where=where, session_id=session_id)
        if total > limit:
            kind = "snapshots" if snapshots else "runs"
            which = "first" if sort else "newest"
            notices.append(f"the {which} {limit:,} of {total:,} {kind}: --limit takes more")
    return found


def _item(project: Project, found: Run | Snapshot | Revision, titles: Mapping[str, str]) -> Item:
    if isinstance(found, Revision):
        commit = project.repository.objects.commit(found.commit)
        title = found.name if found.kind != COMMIT else found.commit[:SHORT]
        return Item(
            COMMIT,
            found.commit,
            title,
            message=commit.message,
            created=commit.time * 1000,
            tree=commit.tree,
        )
    if isinstance(found, Snapshot):
        return Item(
            SNAPSHOT,
            found.id,
            found.label or found.id[:SHORT],
            message=found.message,
            created=found.created,
            author=found.author,
            session=found.session,
            config=found.config,
            results=found.stats,
            state_id=found.id,
            tree=found.tree,
            environment_id=found.environment_id or None,
        )
    state = None
    if found.before_id:
        try:
            state = lookup.snapshot(project, found.before_id)
        except NotFound:
            state = None  # Deleted and freed: what it held is not known here any more.
    environment = found.environment_id or (state.environment if state is not None else None)
    return Item(
        RUN,
        found.id,
        titles[found.id],
        command=found.text,
        message=found.message,
        status=found.status,
        created=found.created,
        duration=found.duration,
        author=found.author,
        session=found.session,
        config=found.config,
        results=_results(found),
        platform=found.platform,
        state_id=found.before_id,
        tree=state.tree if state is not None else None,
        environment_id=environment,
    )


def _results(run: Run) -> dict[str, Any]:
    """What it printed and then its other stats; without any, the last values of its series."""
    others = {name: value for name, value in run.stats.items() if name not in run.results}
    return {**run.results, **others} or {
        f"{kind}/{name}": value
        for kind, values in run.metrics.items()
        if isinstance(values, Mapping)
        for name, value in values.items()
    }


def _title(items: Sequence[Item], base: Item | None, base_name: str | None) -> str:
    kinds = {item.kind for item in items}
    noun = "run" if kinds == {RUN} else "snapshot" if kinds == {SNAPSHOT} else "run and snapshot"
    first = items[0]
    what = f"{noun} {first.title}" if len(items) == 1 else f"{len(items)} {noun}s"
    if len(items) > 1 and len(kinds) > 1:
        what = f"{len(items)} runs and snapshots"
    text = what[0].upper() + what[1:]
    return text if base is None else f"{text}, compared to {base_name}"


def _name(project: Project) -> str:
    repository = project.repository
    folder = repository.work_tree or repository.git_dir
    return folder.resolve().name.removesuffix(".git")


def _curves(
    project: Project,
    runs: Iterable[Run],
    titles: Mapping[str, str],
    metric: Sequence[str],
    points: int,
    notices: list[str],
) -> Iterable[Curve]:
    """The curves of runs, those of a run whose points are not here left out."""
    for run in runs:
        try:
            for curve in curves.curves(project, ids=[run.id], metric=metric, points=points):
                yield replace(curve, title=titles[run.id])
        except Corrupt as error:
            hint = f" ({error.hint})" if error.hint else ""
            notices.append(
                f"the curves of run {run.id[:SHORT]} are not shown: {error.message}{hint}"
            )


def _differences(
    project: Project,
    reference: Item,
    items: Sequence[Item],
    context: int,
    notices: list[str],
) -> Iterable[Difference]:
    """How each state differs from the reference's, once for all items that have it."""
    groups: dict[tuple[str, str], list[Item]] = {}
    for item in items:
        if item.tree is None:
            notices.append(f"the state that {item.kind} {item.id[:SHORT]} began from is not here")
        elif item.id != reference.id:
            groups.setdefault((item.tree, _environment(item)), []).append(item)
    if reference.tree is None:
        return
    for (tree, environment), group in groups.items():
        state_id = group[0].state_id
        states = reference.state_id or None, state_id or None
        try:
            # Of a bare commit no environment is known, which is no difference.
            other = _environment(reference) if reference.kind != COMMIT else environment
            diff = comparison.states(
                project, (reference.tree, other), (tree, environment), states, context=context
            )
        except Corrupt as error:
            notices.append(f"some differences are not shown: {error.message}")
            continue
        if not diff.empty:
            before = reference.state_id or reference.id
            named = replace(diff, before=before, after=state_id or tree)
            yield Difference(tuple(item.id for item in group), named)


def _environment(item: Item) -> str:
    return item.environment_id if item.environment_id not in (None, EMPTY_TREE) else ""


def _equipment(project: Project, items: Sequence[Item], notices: list[str]) -> Iterable[Equipment]:
    groups: dict[str, list[str]] = {}
    for item in items:
        if _environment(item):
            groups.setdefault(_environment(item), []).append(item.id)
    for oid, members in groups.items():
        try:
            known = environments.read(project, oid)
        except Corrupt as error:
            notices.append(f"the environment {oid[:SHORT]} is not shown: {error.message}")
            continue
        files = tuple((path, data.decode("utf-8", "replace")) for path, data in known.files)
        yield Equipment(tuple(members), oid, known.kind, packages=known.packages, files=files)
