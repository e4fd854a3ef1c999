"""`run`: from a command and its options to a recorded run."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from git_datmo.api import (
    adoption,
    baseline,
    execution,
    launch,
    lookup,
    order,
    preparation,
    supply,
)
from git_datmo.api import settings as settings_
from git_datmo.api import state as states
from git_datmo.api.supervision import Output
from git_datmo.api.supply import Wish
from git_datmo.api.user import NOBODY, User
from git_datmo.errors import MutuallyExclusiveArguments
from git_datmo.model.run import Run
from git_datmo.records.project import Project

if TYPE_CHECKING:
    from git_datmo.api.harvest import Output as Declared

Report = Callable[[str], None]


def run(
    project: Project,
    command: Sequence[str] | str | None = None,
    *,
    runner: str | None = None,
    environment_id: str | None = None,
    environment_def: str | None = None,
    environment_paths: Sequence[str] = (),
    gpu: bool = False,
    gpus: str | int | None = None,
    ports: Sequence[str | int] = (),
    mem_limit: str | int | None = None,
    cpus: str | float | None = None,
    network: str | None = None,
    env: Mapping[str, str] | Sequence[str] = (),
    data: Sequence[str] = (),
    inputs: Sequence[Wish] | Mapping[str, str | None] = (),
    outputs: Sequence[str] | Mapping[str, str] = (),
    timeout: str | float | None = None,
    detach: bool = False,
    interactive: bool = False,
    in_place: bool = False,
    apply: bool = True,
    session_id: str | None = None,
    message: str | None = None,
    label: str | None = None,
    paths: Sequence[str] = (),
    config: Mapping[str, Any] | None = None,
    include_secrets: bool = False,
    user: User = NOBODY,
    output: Output | None = None,
    report: Report | None = None,
    progress: Callable[[int], None] | None = None,
) -> Run:
    """Run a command from the present state and record what comes of it.

    `command` is a list of words, or one text for the shell. The state is recorded as a snapshot
    first; the command works in an isolated copy of it (`in_place`: in the work tree itself), and
    what it changed becomes the snapshot after. With `apply`, that is put back into the work tree
    where nothing else touched it. `timeout` is in seconds or as `10m`, `mem_limit` in bytes or as
    `2g`. `inputs` are artifacts that lie in its tree, for reading: `name>path`, else in `inputs/`;
    `outputs` are paths that become versions of artifacts: `name=path`. `output` hears `stdout` or
    `stderr` and what came, `report` lines about long work. With `detach` it returns once the
    command has started.

    A command that fails is no error: see `status` and `exit_code` of the run. Raises UsageError
    classes for the request, EngineError where the runner fails; the snapshot before is kept then.
    """
    project.require_initialized()
    _ = project.identity
    home = project.repository.needs_work_tree("run a task")
    if detach and interactive:
        raise MutuallyExclusiveArguments("detach and interactive exclude each other")
    if in_place and not apply:
        raise MutuallyExclusiveArguments("a run in place cannot leave the work tree as it was")
    argv = order.argv_of(command)
    limits = order.resources_of(
        gpu=gpu,
        gpus=gpus,
        ports=ports,
        mem_limit=mem_limit,
        cpus=cpus,
        network=network or project.repository.config.get("datmo.network"),
        timeout=timeout,
    )
    base = user.folder or home
    variables = order.variables_of(env, user)
    given = order.Order(
        argv,
        limits,
        variables,
        order.secret_names(variables),
        order.mounts_of(data, base),
        tuple(data),
    )
    session = lookup.session_of(project, session_id)
    folder = baseline.folder_of(home, user.folder)
    wanted: tuple[Declared, ...] = ()
    if outputs:
        from git_datmo.api import harvest

        wanted = harvest.outputs_of(outputs, folder)
    given_inputs = supply.gathered(project, inputs, folder, progress)
    values = settings_.check("config", config) if config else {}
    asked = gather(
        project,
        given,
        runner=runner,
        named={
            "environment_id": environment_id,
            "environment_def": environment_def,
            "environment_paths": environment_paths,
        },
        paths=paths,
        include_secrets=include_secrets,
        user=user,
        output=output,
        report=report,
        progress=progress,
    )
    begun = launch.begin(
        project,
        asked,
        launch.Terms(
            session=session,
            folder=folder,
            in_place=in_place,
            apply=apply,
            interactive=interactive,
            message=message,
            label=label,
            config=values,
            include_secrets=include_secrets,
            inputs=given_inputs,
            outputs=wanted,
        ),
    )
    return launch.go(project, begun, asked, detach=detach)


def gather(
    project: Project,
    given: order.Order,
    *,
    runner: str | None,
    named: Mapping[str, Any],
    paths: Sequence[str],
    include_secrets: bool,
    user: User,
    output: Output | None,
    report: Report | None,
    progress: Callable[[int], None] | None,
) -> execution.Asked:
    """The present state, its environment and the runner, for an order.

    `named` are the options that name an environment. Runs that nobody looks after are seen to.
    """
    home = project.repository.needs_work_tree("run a task")
    base = user.folder or home
    adoption.tend(project, user)
    state = states.of_work_tree(
        project,
        user,
        named,
        extra=[(base, text) for text in paths]
        + [(home, text) for text in project.repository.config.all("datmo.paths")],
        include_secrets=include_secrets,
        count_ignored=False,
        linked={
            os.fsencode(link.dest)
            for link in order.links_of(project.repository.config.all("datmo.link"), home)
        },
        progress=progress,
    )
    chosen = any(named.values()) or bool(project.repository.config.get("datmo.environment"))
    name, why = preparation.choose_runner(project, runner, state.environment, chosen, user)
    tell = report or (lambda text: None)
    tell(f"runner: {name} ({why})")
    if name == preparation.DOCKER and not chosen and not state.environment.definitions:
        state = preparation.by_imports(project, state, user, tell)
    return execution.Asked(
        order=given,
        runner=preparation.make_runner(project, name, user),
        chosen=chosen,
        state=state,
        user=user,
        output=output,
        report=tell,
        progress=progress,
    )
