"""`rerun`: the state before a run, its environment and its command, once more.

What another clone recorded is foreign: its command is shown before it runs here for the first
time, and nothing in it names a path of this machine.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from git_datmo.api import (
    adjustment,
    adoption,
    content,
    execution,
    launch,
    lookup,
    order,
    preparation,
    run_lookup,
    state,
    surroundings,
)
from git_datmo.api.adjustment import Adjusted
from git_datmo.api.state import State
from git_datmo.api.supervision import Output
from git_datmo.api.surroundings import Surroundings, User
from git_datmo.errors import (
    CommitDoesNotExist,
    Conflict,
    EngineError,
    RequiredArgumentMissing,
    RunNotFound,
    RunUnderWay,
    SnapshotNotFound,
)
from git_datmo.model import document
from git_datmo.model.comparison import Comparison, Content, compare
from git_datmo.model.run import Resources, Run
from git_datmo.records import catalogue, environments
from git_datmo.records.kinds import RUN
from git_datmo.records.pointers import pointer_at
from git_datmo.records.project import Project
from git_datmo.runners.base import Recipe
from git_datmo.storage.index import Record
from git_datmo.storage.objects import BLOB, EMPTY_TREE, TREE
from git_datmo.storage.treediff import diff, find
from git_datmo.storage.trees import Trees


@dataclass(frozen=True)
class Rerun:
    """A repeated run, the one it repeats, how the two compare, and which settings were new."""

    run: Run
    original: Run
    comparison: Comparison
    adjusted: Adjusted


@dataclass(frozen=True)
class Foreign:
    """What somebody else's run would do here, to be shown before it does."""

    run: Run
    asks: Mapping[str, Any]


Trust = Callable[[Foreign], bool]


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
    user: User = surroundings.NOBODY,
    output: Output | None = None,
    report: Callable[[str], None] | None = None,
    progress: Callable[[int], None] | None = None,
) -> Rerun:
    """Run what a run ran, from the state it started from, and compare.

    `run_id` names a run, or a snapshot that a run made. `set` are `key=value` settings for its
    command or config file, `onto` a commit or snapshot whose code takes the place of the run's.
    Isolated: the work tree stays as it is, unless `apply`. `trust` is asked once before something
    that another clone recorded runs here. `rtol` and `ignore` are for the comparison.
    Raises RunNotFound, SnapshotNotFound, RunUnderWay, Conflict when it is not trusted,
    ContentMissing, EngineError, ValidationFailed.
    """
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
    tell = report or (lambda text: None)
    _trusted(project, original, trust)
    before = lookup.snapshot(project, original.before_id)
    around = _environment(project, original, before, environment_id)
    base = _onto(project, onto, before, around, user) if onto else _state(project, before, around)
    adjusted, base = _adjusted(project, original, base, set)
    variables = {n: v for n, v in original.variables.items() if v is not None}
    variables |= order.variables_of(env, user)
    for name in sorted(n for n, v in original.variables.items() if v is None):
        if name not in variables:
            tell(f"the value of {name} was not recorded: give it with --env {name}")
    given = order.Order(
        adjusted.argv,
        _resources(original, timeout),
        variables,
        order.secret_names(variables)
        | frozenset(n for n, v in original.variables.items() if v is None and n in variables),
        _mounts(project, original, data, user),
        tuple(data) or original.data,
    )
    name = runner or original.runner
    chosen = bool(environment_id) or original.built.get("chosen") is True
    tell(f"runner: {name} (as the run {original.id[:12]})" if not runner else f"runner: {name}")
    asked = execution.Asked(
        order=given,
        runner=preparation.make_runner(project, name, user),
        chosen=chosen,
        state=base,
        user=user,
        output=output,
        report=tell,
        progress=progress,
        recipe=_image(project, original, name, base, onto or environment_id, user),
    )
    unchanged = not onto and not adjusted.files
    terms = launch.Terms(
        session=lookup.session_of(project, session_id),
        folder=original.folder,
        type=original.type,
        apply=apply,
        message=message,
        label=label,
        config=adjusted.config,
        rerun_of=original.id,
        before=before.id if unchanged else None,
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


def _trusted(project: Project, original: Run, trust: Trust | None) -> None:
    """Ask once before somebody else's command runs here."""
    index = catalogue.refresh(project)
    if original.commit is None or catalogue.made_here(project, index, original.commit):
        return
    asks = {
        "command": list(original.command),
        "folder": original.folder,
        "runner": original.runner,
        "environment": original.environment_id,
        "image": original.built.get("image"),
        "resources": dict(original.resources),
        "variables": sorted(original.variables),
    }
    digest = hashlib.sha256(document.dumps(asks)).hexdigest()
    known = project.home / "trusted"
    with suppress(OSError):
        if digest in known.read_text("ascii").split():
            return
    if trust is None or not trust(Foreign(original, asks)):
        raise Conflict(
            f"the run {original.id[:12]} was recorded by {original.author} in another clone, "
            f"and would run here: {original.text}",
            hint="look at it with 'git datmo inspect', then confirm with --yes",
        )
    with open(known, "a", encoding="ascii") as file:
        file.write(digest + "\n")


def _environment(
    project: Project, original: Run, before: Record, environment_id: str | None
) -> Surroundings:
    if environment_id:
        from git_datmo.storage.worktree import Capture

        nothing = Capture(EMPTY_TREE, {*()}, {}, {}, [], [], [], 0, True, 0)
        return surroundings.choose(project, nothing, User({}), environment_id=environment_id)
    oid = str(original.environment_id or before.environment or EMPTY_TREE)
    if oid == EMPTY_TREE:
        return Surroundings(EMPTY_TREE, None)
    definition = environments.read(project, oid)
    objects = project.repository.objects
    inside = tuple(
        path.encode()
        for path, data in definition.files
        if (leaf := find(objects.tree, before.tree or EMPTY_TREE, path.encode())) is not None
        and leaf[0] != TREE
        and objects.blob(leaf[1]) == data
    )
    return Surroundings(oid, environments.commit_of(project, oid), inside)


def _state(project: Project, before: Record, around: Surroundings) -> State:
    files = set(content.files_of(project, before.id))
    return State(before.tree or EMPTY_TREE, files, around, parent=before.id)


def _onto(project: Project, onto: str, before: Record, around: Surroundings, user: User) -> State:
    """Newer code with the environment and files of the run."""
    try:
        code = lookup.snapshot(project, onto)
    except SnapshotNotFound:
        collection = str(before.doc.get("file_collection_id") or "")
        named = {"environment_id": around.id} if around.id != EMPTY_TREE else {}
        try:
            return state.of_code(
                project, "", onto, user, named, collection if collection != EMPTY_TREE else None
            )
        except CommitDoesNotExist as error:
            raise SnapshotNotFound(f"there is no snapshot or commit '{onto}'") from error
    if code.tree is None:
        raise SnapshotNotFound(f"there is no snapshot or commit '{onto}'")
    return State(code.tree, set(content.files_of(project, code.id)), around, parent=code.id)


def _adjusted(
    project: Project, original: Run, base: State, items: Sequence[str] | Mapping[str, str]
) -> tuple[Adjusted, State]:
    """The command and state with new settings."""
    if not items:
        return Adjusted(original.command), base
    objects = project.repository.objects
    files: dict[str, bytes] = {}
    for path in adjustment.config_paths(original.command, original.folder):
        leaf = find(objects.tree, base.tree, os.fsencode(path))
        if leaf is not None and leaf[0] in (BLOB, 0o100755):
            files[path] = objects.blob(leaf[1])
    adjusted = adjustment.adjust(original.command, files, items)
    if not adjusted.files:
        return adjusted, base
    changes = {}
    for path, data in adjusted.files.items():
        leaf = find(objects.tree, base.tree, os.fsencode(path))
        changes[os.fsencode(path)] = (leaf[0] if leaf else BLOB, objects.write_blob(data))
    tree = Trees(project.repository, dry=False).patch(base.tree, dict(changes))
    return adjusted, replace(base, tree=tree)


def _resources(original: Run, timeout: str | float | None) -> Resources:
    asked = dict(original.resources)
    asked["ports"] = tuple(asked.get("ports") or ())
    names = Resources.__dataclass_fields__
    found = Resources(**{k: v for k, v in asked.items() if k in names})
    if timeout is None:
        return found
    return replace(found, timeout=order.resources_of(timeout=timeout).timeout)


def _mounts(project: Project, original: Run, data: Sequence[str], user: User) -> tuple[Any, ...]:
    """The data of the run: as given now, or, for a run made here, where it was then."""
    home = project.repository.needs_work_tree("run a task")
    if data or not original.data:
        return order.mounts_of(data, user.folder or home)
    index = catalogue.refresh(project)
    if original.commit and catalogue.made_here(project, index, original.commit):
        return order.mounts_of(original.data, home / original.folder)
    raise RequiredArgumentMissing(
        f"the run {original.id[:12]} used data outside the repository: {', '.join(original.data)}",
        hint="say where it is here: --data 'path>name'",
    )


def _image(
    project: Project,
    original: Run,
    runner: str,
    base: State,
    other: object,
    user: User,
) -> Recipe | None:
    """The very image that the run had, when that is here; None: make it from its definition."""
    image = original.built.get("image")
    if runner != preparation.DOCKER or other or not isinstance(image, str):
        return None
    from git_datmo.runners.docker.image import has_image

    try:
        if has_image(user.environ, image):
            return Recipe(base.environment.id, "image", (("image", image.encode()),))
    except EngineError:
        return None
    return None


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
