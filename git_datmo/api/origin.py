"""Where a repeated run starts: state, environment, data and limits of the run that it repeats."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from git_datmo.api import (
    adjustment,
    conclusion,
    content,
    lookup,
    order,
    preparation,
    protocol,
    state,
    surroundings,
)
from git_datmo.api.adjustment import Adjusted
from git_datmo.api.state import State
from git_datmo.api.surroundings import Surroundings
from git_datmo.api.user import User
from git_datmo.errors import (
    CommitDoesNotExist,
    EngineError,
    RequiredArgumentMissing,
    SnapshotNotFound,
    ValidationFailed,
)
from git_datmo.model import document
from git_datmo.model.run import Resources, Run
from git_datmo.records import catalogue, environments
from git_datmo.records.project import Project
from git_datmo.runners import registry
from git_datmo.runners.base import Recipe
from git_datmo.storage.index import Record
from git_datmo.storage.objects import BLOB, EMPTY_TREE, TREE
from git_datmo.storage.treediff import Finder, Leaf, find, parents
from git_datmo.storage.trees import Trees

SHOWN = 5


def environment(
    project: Project, original: Run, before: Record, environment_id: str | None
) -> Surroundings:
    """The environment of a run, or another one by its id or name."""
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


def differences(project: Project, around: Surroundings, user: User) -> tuple[str, ...]:
    """What of the recorded packages of an interpreter is not so in the user's present one."""
    if around.id == EMPTY_TREE:
        return ()
    recorded = environments.read(project, around.id)
    if "python" not in recorded.summary:
        return ()
    from git_datmo.environments import interpreter

    home = project.repository.needs_work_tree("run a task")
    found = interpreter.find_interpreter(user.environ, home, running=user.running)
    if found is None:
        return ("there is no Python here",)
    present = interpreter.capture(found, project_dir=home)
    said = []
    if present.summary != recorded.summary:
        said.append(f"Python is {found.version} here")
    theirs, ours = set(recorded.packages), set(present.packages)
    for text, packages in (("not here", theirs - ours), ("only here", ours - theirs)):
        if packages:
            listed = sorted(packages)
            more = f" and {len(listed) - SHOWN} more" if len(listed) > SHOWN else ""
            said.append(f"{text}: {', '.join(listed[:SHOWN])}{more}")
    return tuple(said)


def state_of(project: Project, before: Record, around: Surroundings) -> State:
    """The state that a snapshot holds."""
    files = set(content.files_of(project, before.id))
    return State(before.tree or EMPTY_TREE, files, around, parent=before.id)


def onto_state(
    project: Project, onto: str, before: Record, around: Surroundings, user: User
) -> State:
    """Newer code with the environment of the run, and those of its files that the code has not."""
    try:
        code = lookup.snapshot(project, onto)
    except SnapshotNotFound:
        named = {"environment_id": around.id} if around.id != EMPTY_TREE else {}
        try:
            base = state.of_code(project, "", onto, user, named, None)
        except CommitDoesNotExist as error:
            raise SnapshotNotFound(f"there is no snapshot or commit '{onto}'") from error
        read = project.repository.objects.tree
        there = Finder(read, base.tree)
        added: dict[bytes, Leaf | None] = {}
        for path, leaf in content.files_of(project, before.id).items():
            above = [there(folder) for folder in parents(path) if folder]
            if there(path) is None and all(it is None or it[0] == TREE for it in above):
                added[path] = leaf
        tree = Trees(project.repository, dry=False).patch(base.tree, added)
        return replace(base, tree=tree, files=set(added))
    if code.tree is None:
        raise SnapshotNotFound(f"there is no snapshot or commit '{onto}'")
    return State(code.tree, set(content.files_of(project, code.id)), around, parent=code.id)


def given_config(project: Project, original: Run, before: Record) -> dict[str, Any]:
    """The config of a run that stands in no file of the state before: what was given with it."""
    said = protocol.Said()
    stated = conclusion.stated(project, before.tree or EMPTY_TREE, "config", None, said)
    return {
        key: value
        for key, value in original.config.items()
        if key not in stated or not document.equal(stated[key], value)
    }


def adjusted_state(
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


def resources(original: Run, timeout: str | float | None) -> Resources:
    """What the run was granted, with another time limit if one is given.

    Raises ValidationFailed for what no limit can be: somebody else may have written it.
    """
    asked = {**original.resources, **({} if timeout is None else {"timeout": timeout})}
    ports = asked.pop("ports", None) or ()
    every = [*asked.values(), *(ports if isinstance(ports, list | tuple) else [None])]
    if not all(isinstance(value, str | int | float) for value in every):
        raise ValidationFailed(
            f"the record of the run {original.id[:12]} asks for limits that are none: "
            f"{dict(original.resources)}"
        )
    return order.resources_of(
        gpus=asked.get("gpus"),
        ports=ports,
        mem_limit=asked.get("memory"),
        cpus=asked.get("cpus"),
        network=asked.get("network"),
        timeout=asked.get("timeout"),
    )


def mounts(project: Project, original: Run, data: Sequence[str], user: User) -> tuple[Any, ...]:
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


def image(
    project: Project,
    original: Run,
    runner: str,
    base: State,
    other: object,
    user: User,
) -> Recipe | None:
    """The very image that the run had, when that is here; None: make it from its definition."""
    found = original.built.get("image")
    if runner != preparation.DOCKER or other or not isinstance(found, str):
        return None
    try:
        if registry.has_image(user.environ, found):
            return Recipe(base.environment.id, "image", (("image", found.encode()),))
    except EngineError:
        return None
    return None
