"""A run from its start to its record. What is needed to go on after a crash is on disk before
each step: see `adoption`."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from git_datmo.api import (
    baseline,
    conclusion,
    content,
    lookup,
    preparation,
    run_lookup,
    supervision,
    supply,
)
from git_datmo.api.conclusion import Found, conclude
from git_datmo.api.order import Order
from git_datmo.api.signals import Signals
from git_datmo.api.state import State
from git_datmo.api.supervision import Outcome, Output
from git_datmo.api.underway import Underway
from git_datmo.api.user import User
from git_datmo.errors import DatmoError, EngineError
from git_datmo.model.run import FAILED, RUNNING, STOPPED, Run
from git_datmo.model.workspace import SERVERS
from git_datmo.records.project import Project
from git_datmo.runners.base import Job, Prepared, Process, Recipe, Runner
from git_datmo.storage import pool, results
from git_datmo.storage.pool import Slot

if TYPE_CHECKING:
    from git_datmo.storage.results import Results
# What a runner makes of a recipe.
Make = Callable[[Recipe | None], Prepared]


@dataclass
class Asked:
    """Everything of a request that does not outlive its process."""

    order: Order
    runner: Runner
    chosen: bool
    state: State
    user: User
    output: Output | None
    report: Callable[[str], None]
    progress: Callable[[int], None] | None
    recipe: Recipe | None = None
    # What the job runs in, from its recipe and the runner's way to make one.
    layers: Callable[[Recipe | None, Make], Prepared] | None = None


def ready(project: Project, run: Underway, asked: Asked) -> tuple[Slot | None, Prepared]:
    """Everything up to the start: the snapshot before, what the runner needs, an isolated tree.

    When that fails, the run is recorded as failed, unless nothing was recorded before it.
    """
    try:
        asked.runner.check(run.job(asked.user.environ, asked.order.variables))
        if not run.facts.get("before_id"):
            what = f"before run {run.id[:12]}: {baseline.title(asked.order.argv)}"
            session = str(run.live["session"])
            run.facts["before_id"] = baseline.before(project, asked.state, session, what).id
        run.save()
    except BaseException:
        run.flight.discard()
        raise
    try:
        return _prepare(project, run, asked)
    except DatmoError as error:
        _failed(project, run, asked, error)
        raise
    except (KeyboardInterrupt, SystemExit):
        _record_unstarted(project, run, asked, STOPPED, "it was interrupted before it started")
        raise


def fly(
    project: Project, run: Underway, asked: Asked, slot: Slot | None, prepared: Prepared
) -> Run:
    """Start the command, watch it to its end, record it."""
    job = run.job(asked.user.environ, asked.order.variables)
    with Signals() as signals:
        try:
            process = begin(run, asked.runner, job, prepared)
        except DatmoError as error:
            if slot is not None:
                slot.close()
            _failed(project, run, asked, error)
            raise
        project.repository.objects.forget()  # a task may take days
        outcome = supervision.watch(
            run.flight,
            process,
            started=run.facts["started"] / 1000,
            timeout=job.resources.timeout,
            output=asked.output,
            ask=run.facts.get("type") in SERVERS,
            signals=signals,
        )
    return finish(project, run, process, outcome, slot, asked.progress, asked.state.notices)


def _prepare(project: Project, run: Underway, asked: Asked) -> tuple[Slot | None, Prepared]:
    """The isolated tree, filled, and whatever the runner needs, made."""
    tree = asked.state.tree
    recipe = asked.recipe or preparation.recipe_of(
        project, asked.runner.name, asked.state.environment, asked.chosen, tree, asked.report
    )
    job = run.job(asked.user.environ, asked.order.variables)
    with open(run.flight.path / "build.log", "a", encoding="utf-8", errors="replace") as build:

        def report(text: str) -> None:
            build.write(text + "\n")
            asked.report(text)

        def make(recipe: Recipe | None) -> Prepared:
            return asked.runner.prepare(recipe, job, report)

        prepared = make(recipe) if asked.layers is None else asked.layers(recipe, make)
    slot = None
    if run.live["isolated"]:
        slot = pool.take(project.home, prefer=tree, flight=run.flight.path)
        try:
            run.live |= {"slot": slot.number, "tree": os.fspath(slot.tree)}
            before = str(run.facts["before_id"])
            source = content.Content(project, asked.progress, [before])
            slot.fill(project.repository.objects, source, tree)
        except BaseException:
            slot.close()
            raise
    run.facts["built"] = {**prepared.facts, "chosen": asked.chosen}
    run.live |= {"phase": "ready", "prepared": dict(prepared.token)}
    run.save()
    return slot, prepared


def begin(run: Underway, runner: Runner, job: Job, prepared: Prepared) -> Process:
    """Start the command and write down how to find it again."""
    run.live["phase"] = "started"
    run.facts["started"] = time.time_ns() // 1_000_000
    run.save()
    supply.tell(run, job, container=runner.name != preparation.LOCAL)
    process = runner.start(job, prepared)
    run.facts["status"] = RUNNING
    run.live["handle"] = dict(process.handle)
    run.save()
    return process


def finish(
    project: Project,
    run: Underway,
    process: Process | None,
    outcome: Outcome,
    slot: Slot | None,
    progress: Callable[[int], None] | None = None,
    notices: tuple[str, ...] = (),
) -> Run:
    """Record an ended run, put its results back where that is wanted, and clear up."""
    run.flight.note_end(
        {"status": outcome.status, "exit_code": outcome.exit_code, "signal": outcome.signal}
        | {"reason": (outcome.reason or "")[:1000] or None, "ended": time.time_ns() // 1_000_000}
    )
    kept: list[Results] = []
    if process is not None and slot is not None:
        try:
            upper = process.collect()
            run.live["upper"] = None if upper is None else os.fspath(upper)
            run.save()
        except EngineError as error:
            notices = (*notices, error.message)
            outcome = replace(outcome, reason=outcome.reason or error.message)

    if process is not None and slot is None and run.live.get("links"):
        process.close()  # Inputs lie in the user's own work tree, and are no results.

    def left(run: Underway) -> Found:
        assert slot is not None
        upper = Path(run.live["upper"]) if run.live.get("upper") else None
        found = _read(project, run, slot, upper, progress)
        kept.append(found)
        return _found(project, run, found)

    oid, more = conclude(
        project, run, outcome, left=left if slot is not None else None, progress=progress
    )
    applied: tuple[str, ...] = ()
    if kept and run.live.get("apply"):
        applied, held = _put_back(project, run, kept[0])
        more = (*more, *held)
    elif slot is None:
        conclusion.visited(project, run)
    if process is not None:
        process.close()
    if slot is not None:
        slot.close()
        pool.trim(project.home, project.max_slots)
    run.flight.discard()
    said = tuple(dict.fromkeys((*notices, *more)))
    return run_lookup.value_of(project, oid, notices=said, applied=applied)


def _read(
    project: Project,
    run: Underway,
    slot: Slot,
    upper: Path | None,
    progress: Callable[[int], None] | None,
) -> Results:
    options = results.Options(
        threshold=project.threshold,
        include_secrets=bool(run.live.get("include_secrets")),
        sync=project.durability == "full",
        advance=progress,
    )
    before = project.repository.objects.commit(str(run.facts["before_id"])).tree
    return results.read(
        project.repository,
        project.store,
        slot,
        before,
        options,
        upper=upper,
        links={os.fsencode(dest) for _, dest in run.live.get("links") or ()},
        task=run.flight.task,
    )


def _found(project: Project, run: Underway, found: Results) -> Found:
    gone = {path for path, leaf in found.changes.items() if leaf is None}
    known = run.files
    if known is None:
        known = set(content.files_of(project, str(run.facts["before_id"])))
    files = (known - gone) | found.files
    said = [
        f"left out {os.fsdecode(path)}: {reason} looks like a secret "
        "(--include-secrets takes it along)"
        for path, reason in sorted(found.secrets.items())
    ]
    return Found(
        found.tree,
        files,
        changes=found.changes,
        skipped=tuple(found.skipped),
        notices=(*said, *(f"not recorded: {os.fsdecode(p)}: {why}" for p, why in found.skipped)),
    )


def _put_back(
    project: Project, run: Underway, found: Results
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The paths written into the user's work tree, and why others were not."""
    from git_datmo.api import application

    before = project.repository.objects.commit(str(run.facts["before_id"])).tree
    try:
        done = application.put_back(project, before, found, known=lookup.tree_of_last(project))
    except DatmoError as error:
        where = str(run.facts.get("after_id") or "")[:12]
        return (), (
            f"the results were not put into the work tree: {error.message} "
            f"(they are in snapshot {where})",
        )
    if not done.kept and not found.aside:
        conclusion.visited(project, run)
    after = str(run.facts.get("after_id") or "")[:12]
    held = [f"not put back: {path}: {why}; it is in snapshot {after}" for path, why in done.kept]
    return done.applied, tuple(held)


def _failed(project: Project, run: Underway, asked: Asked, error: DatmoError) -> None:
    """Record a run that could not be started, with the log of what was tried."""
    if _record_unstarted(project, run, asked, FAILED, error.message):
        short, before = run.id[:12], str(run.facts["before_id"])[:12]
        kept = f"recorded as run {short} (git datmo logs {short}), state {before}"
        error.hint = f"{error.hint}; {kept}" if error.hint else kept


def _record_unstarted(
    project: Project, run: Underway, asked: Asked, status: str, reason: str
) -> bool:
    with suppress(OSError):
        built = (run.flight.path / "build.log").read_bytes()
        if built:
            with open(run.flight.log, "ab") as log:
                log.write(built)
    same = Found(asked.state.tree, asked.state.files, changes={})
    oid, _ = conclude(project, run, Outcome(status, None, None, reason), left=lambda run: same)
    run.flight.discard()
    return project.index.get(oid) is not None
