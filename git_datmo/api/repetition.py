"""`rerun`: the state before a run, its environment and its command, once more.

What another clone recorded is foreign: its command is shown before it runs here for the first
time, and nothing in it names a path of this machine.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from git_datmo.api import (
    adoption,
    execution,
    launch,
    lookup,
    order,
    origin,
    preparation,
    run_lookup,
    supply,
)
from git_datmo.api import trust as asking
from git_datmo.api.adjustment import Adjusted
from git_datmo.api.supervision import Output
from git_datmo.api.trust import Trust
from git_datmo.api.user import NOBODY, User
from git_datmo.errors import (
    RequiredArgumentMissing,
    RunNotFound,
    RunUnderWay,
    SnapshotNotFound,
    ValidationFailed,
)
from git_datmo.model import document
from git_datmo.model.comparison import Comparison, Content, check_tolerance, compare
from git_datmo.model.frozen import frozen
from git_datmo.model.run import INLINE, SCRIPT, Run
from git_datmo.model.workspace import WORKSPACES
from git_datmo.records import catalogue
from git_datmo.records.kinds import RUN
from git_datmo.records.pointers import pointer_at
from git_datmo.records.project import Project
from git_datmo.storage.objects import TREE
from git_datmo.storage.treediff import diff

if TYPE_CHECKING:
    from git_datmo.api.harvest import Output as Declared


@frozen
class Rerun:
    """A repeated run, the one it repeats, how the two compare, and which settings were new."""

    run: Run
    original: Run
    comparison: Comparison
    adjusted: Adjusted


def rerun(
    project: Project,
    run_id: str | None = None,
    *,
    set: Sequence[str] | Mapping[str, str] = (),
    onto: str | None = None,
    runner: str | None = None,
    environment_id: str | None = None,
    data: Sequence[str] = (),
    env: Mapping[str, str] | Sequence[str] = (),
    timeout: str | float | None = None,
    apply: bool = False,
    session_id: str | None = None,
    message: str | None = None,
    label: str | None = None,
    rtol: float = 0.0,
    ignore: Iterable[str] = (),
    trust: Trust | None = None,
    user: User = NOBODY,
    output: Output | None = None,
    report: Callable[[str], None] | None = None,
    progress: Callable[[int], None] | None = None,
) -> Rerun:
    """Run what a run ran, from the state it started from, and compare.

    `run_id` names a run, or a snapshot that a run made. `set` are `key=value` settings for its
    command or config file, `onto` a commit or snapshot whose code takes the place of the run's.
    Isolated: the work tree stays as it is, unless `apply`. `trust` is asked once before something
    that another clone recorded runs here. `rtol` and `ignore` are for the comparison.
    Raises RequiredArgumentMissing, RunNotFound, SnapshotNotFound, RunUnderWay, Conflict when it is
    not trusted, ContentMissing, EngineError, ValidationFailed.
    """
    check_tolerance(rtol)
    project.require_initialized()
    _ = project.identity
    adoption.tend(project, user)
    original = _original(project, run_id)
    if original.commit is None:
        raise RunUnderWay(
            f"the run {original.id[:12]} has not ended yet",
            hint=f"wait for it (git datmo logs -f {original.id[:12]}), or stop it",
        )
    if not original.command:
        raise RequiredArgumentMissing(
            f"the run {original.id[:12]} has no command: it was part of another program",
            hint="git datmo snapshot checkout its snapshot and run that program",
        )
    if original.type in WORKSPACES:
        raise ValidationFailed(
            f"in the run {original.id[:12]} people worked: that cannot be repeated",
            hint=f"git datmo snapshot checkout {str(original.after_id)[:12]}, "
            f"then git datmo {original.type}",
        )
    tell = report or (lambda text: None)
    asking.ask(project, original, trust)
    before = lookup.snapshot(project, original.before_id)
    around = origin.environment(project, original, before, environment_id)
    if onto:
        base = origin.onto_state(project, onto, before, around, user)
    else:
        base = origin.state_of(project, before, around)
    adjusted, base = origin.adjusted_state(project, original, base, set)
    inputs = supply.gathered(project, supply.again(original.used), "", progress)
    recorded = {n: v for n, v in original.variables.items() if v is not None}
    variables = order.variables_of(recorded, user)
    variables |= order.variables_of(env, user)
    for name in sorted(n for n, v in original.variables.items() if v is None):
        if name not in variables:
            tell(f"the value of {name} was not recorded: give it with --env {name}")
    given = order.Order(
        adjusted.argv,
        origin.resources(original, timeout),
        variables,
        order.secret_names(variables)
        | frozenset(n for n, v in original.variables.items() if v is None and n in variables),
        origin.mounts(project, original, data, user),
        tuple(data) or original.data,
    )
    # What was a program's own run is a task now, and adds to the run around it.
    inline = original.type == INLINE
    name = runner or (preparation.LOCAL if inline else original.runner)
    chosen = bool(environment_id) or original.built.get("chosen") is True
    tell(f"runner: {name} (as the run {original.id[:12]})" if not runner else f"runner: {name}")
    if name == preparation.LOCAL and not chosen:
        for difference in origin.differences(project, around, user):
            tell(f"not as it was recorded: {difference}")
    asked = execution.Asked(
        order=given,
        runner=preparation.make_runner(project, name, user),
        chosen=chosen,
        state=base,
        user=user,
        output=output,
        report=tell,
        progress=progress,
        recipe=origin.image(project, original, name, base, onto or environment_id, user),
    )
    unchanged = not onto and not adjusted.files
    outputs: tuple[Declared, ...] = ()
    if original.generated:
        from git_datmo.api import harvest

        outputs = harvest.again(original.generated)
    terms = launch.Terms(
        session=lookup.session_of(project, session_id),
        folder=original.folder,
        type=SCRIPT if inline else original.type,
        apply=apply,
        message=message,
        label=label,
        config=document.merge(
            origin.given_config(project, original, before), dict(adjusted.config)
        ),
        rerun_of=original.id,
        before=before.id if unchanged else None,
        inputs=inputs,
        outputs=outputs,
    )
    done = launch.go(project, launch.begin(project, asked, terms), asked)
    files = (_digests(project, original), _digests(project, done))
    return Rerun(done, original, compare(original, done, files, rtol=rtol, ignore=ignore), adjusted)


def _original(project: Project, run_id: str | None) -> Run:
    try:
        return run_lookup.resolve(project, run_id)
    except RunNotFound as error:
        try:
            made = lookup.snapshot(project, run_id)
        except SnapshotNotFound:
            raise error from None
    index = catalogue.refresh(project)
    names = lookup.Names(index)
    found = [
        run_lookup.value(project, record, names)
        for oid in index.find_text(("after_id",), made.id, RUN)
        if (record := index.get(oid)) is not None and not record.deleted
    ]
    if not found:
        raise RunNotFound(
            f"no run made the snapshot {made.id[:12]}, so there is no command to repeat",
            hint=f"git datmo snapshot checkout {made.id[:12]}, then git datmo run -- COMMAND",
        )
    # The same state may have come out of several: the first one made it.
    return found[-1]


def _digests(project: Project, run: Run) -> dict[str, Content]:
    """What a run changed, by path."""
    if not run.before_id or not run.after_id:
        return {}
    objects = project.repository.objects
    trees = [objects.commit(oid).tree for oid in (run.before_id, run.after_id)]
    found: dict[str, Content] = {}
    for path, _, leaf in diff(objects.tree, *trees):
        if leaf is None or leaf[0] == TREE:
            continue
        pointer = pointer_at(project, leaf[1]) if leaf[0] != 0o160000 else None
        size = pointer.size if pointer else objects.size(leaf[1])
        digest = pointer.blake3 if pointer else leaf[1]
        found[os.fsdecode(path)] = Content(digest, size, leaf[0])
    return found
