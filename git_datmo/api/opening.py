"""Opening a workspace: a run with a server that people work in, or with their terminal."""

from __future__ import annotations

import secrets
import socket
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from git_datmo.api import (
    answering,
    baseline,
    equipment,
    launch,
    lookup,
    order,
    preparation,
    request,
    run_lookup,
    runs,
    supervision,
)
from git_datmo.api.answering import Bell, Site
from git_datmo.api.execution import Asked
from git_datmo.api.supervision import Output
from git_datmo.api.user import NOBODY, User
from git_datmo.errors import Conflict, MutuallyExclusiveArguments, ValidationFailed
from git_datmo.model.frozen import frozen
from git_datmo.model.run import Run
from git_datmo.model.workspace import TERMINAL, TITLES, Access
from git_datmo.records.flights import GRACE_SECONDS
from git_datmo.records.project import Project


def unheard(access: Access) -> None:
    """For callers who do not want to hear the way in."""


@frozen
class Wish:
    """What was asked for, by the keywords of the verbs in `workspace`."""

    kind: str
    runner: str | None = None
    environment_id: str | None = None
    environment_def: str | None = None
    environment_paths: Sequence[str] = ()
    gpu: bool = False
    gpus: str | int | None = None
    port: int | None = None
    ports: Sequence[str | int] = ()
    mem_limit: str | int | None = None
    cpus: str | float | None = None
    network: str | None = None
    env: Mapping[str, str] | Sequence[str] = ()
    data: Sequence[str] = ()
    timeout: str | float | None = None
    detach: bool = False
    in_place: bool = True
    apply: bool = True
    session_id: str | None = None
    message: str | None = None
    label: str | None = None
    include_secrets: bool = False
    user: User = NOBODY
    output: Output | None = None
    report: Callable[[str], None] | None = None
    progress: Callable[[int], None] | None = None
    opened: Callable[[Access], None] = unheard


def serve(project: Project, wish: Wish) -> Run:
    """Run a server until somebody stops it; see the verbs."""
    port = _port(wish.port)
    asked, terms = _begin(project, wish)
    in_container = asked.runner.name == preparation.DOCKER
    argv = equipment.server(project, wish.kind, asked, port)
    published = f"{answering.LOCALHOST}:{port}:{equipment.INSIDE}" if in_container else str(port)
    asked.order = replace(
        asked.order,
        argv=argv,
        resources=replace(
            asked.order.resources,
            ports=(published,),
            network="bridge" if in_container else asked.order.resources.network,
        ),
    )
    asked.layers = equipment.layers(wish.kind, in_container)
    site = Site(
        wish.kind, port, secrets.token_hex(24), equipment.user_name(wish.kind, in_container)
    )
    begun = launch.begin(project, asked, terms)
    # Set for the task only after the run was written down: no record has so much as its name.
    asked.order = replace(
        asked.order,
        variables={**asked.order.variables, equipment.secret(wish.kind): site.token},
    )
    if wish.detach:
        return _wait(project, launch.go(project, begun, asked, detach=True), site, wish)
    unguarded: list[bool] = []

    def stop() -> None:
        unguarded.append(True)
        supervision.request_stop(begun.flight, GRACE_SECONDS)

    def late() -> None:
        asked.report(_late(begun.id))

    with Bell(site, opened=wish.opened, unguarded=stop, late=late):
        done = launch.go(project, begun, asked)
    if unguarded:
        raise _unguarded(wish.kind)
    return done


def terminal(project: Project, wish: Wish) -> Run:
    """Run a shell in the caller's terminal; see the verbs."""
    asked, terms = _begin(project, wish)
    in_container = asked.runner.name == preparation.DOCKER
    argv = equipment.shell(wish.user, in_container)
    asked.order = replace(asked.order, argv=argv)
    begun = launch.begin(project, asked, replace(terms, interactive=True))
    prompt = equipment.prompt(wish.user, in_container)
    asked.order = replace(asked.order, variables={**prompt, **asked.order.variables})
    asked.report(f"terminal: run {begun.id[:12]} records what you do until you leave it (exit)")
    return launch.go(project, begun, asked)


def _begin(project: Project, wish: Wish) -> tuple[Asked, launch.Terms]:
    """The present state and what was asked for, checked. Nothing is recorded yet."""
    project.require_initialized()
    _ = project.identity
    home = project.repository.needs_work_tree(f"open {TITLES[wish.kind]}")
    if wish.in_place and not wish.apply:
        raise MutuallyExclusiveArguments(
            "a workspace in place cannot leave the work tree as it was",
            hint="add --no-in-place: it then works in a copy",
        )
    base = wish.user.folder or home
    # A server in a container has to be reached, whatever other tasks may.
    shell = wish.kind == TERMINAL
    usual = project.repository.config.get("datmo.network") if shell else None
    limits = order.resources_of(
        gpu=wish.gpu,
        gpus=wish.gpus,
        ports=wish.ports,
        mem_limit=wish.mem_limit,
        cpus=wish.cpus,
        network=wish.network or usual,
        timeout=wish.timeout,
    )
    variables = order.variables_of(wish.env, wish.user)
    given = order.Order(
        (wish.kind,),
        limits,
        variables,
        order.secret_names(variables),
        order.mounts_of(wish.data, base),
        tuple(wish.data),
    )
    session = lookup.session_of(project, wish.session_id)
    asked = request.gather(
        project,
        given,
        runner=wish.runner,
        named={
            "environment_id": wish.environment_id,
            "environment_def": wish.environment_def,
            "environment_paths": wish.environment_paths,
        },
        paths=(),
        include_secrets=wish.include_secrets,
        user=wish.user,
        output=wish.output,
        report=wish.report,
        progress=wish.progress,
    )
    terms = launch.Terms(
        session=session,
        folder=baseline.folder_of(home, wish.user.folder),
        type=wish.kind,
        in_place=wish.in_place,
        apply=wish.apply,
        message=wish.message,
        label=wish.label,
        include_secrets=wish.include_secrets,
    )
    return asked, terms


def _port(wanted: int | None) -> int:
    """The port that was asked for, or one that is free now. Raises ValidationFailed."""
    if wanted is None:
        with socket.socket() as probe:
            probe.bind((answering.LOCALHOST, 0))
            return int(probe.getsockname()[1])
    if isinstance(wanted, bool) or not isinstance(wanted, int) or not 0 < wanted < 65536:
        raise ValidationFailed(f"'{wanted}' is no port", hint="one number from 1 to 65535")
    return wanted


def _wait(project: Project, run: Run, site: Site, wish: Wish) -> Run:
    """The run, once its server answers or it has ended."""
    deadline = time.monotonic() + answering.READY_SECONDS
    while time.monotonic() < deadline:
        state = site.state()
        now = run_lookup.find_value(project, run.id)
        if now is None or not now.is_running:
            return run_lookup.with_notices(now or run, run.notices)
        if state == answering.OPEN:
            wish.opened(site.access)
            return run
        if state == answering.UNGUARDED:
            runs.stop(project, run.id, user=wish.user)
            raise _unguarded(wish.kind)
        time.sleep(answering.PAUSE_SECONDS)
    return run_lookup.with_notices(run, (*run.notices, _late(run.id)))


def _late(run_id: str) -> str:
    waited = answering.READY_SECONDS
    return f"it has not answered within {waited:.0f} s: see git datmo logs {run_id[:12]}"


def _unguarded(kind: str) -> Conflict:
    return Conflict(
        f"{TITLES[kind]} was stopped: its own settings let in everybody on this machine",
        hint="see IdentityProvider.token in the files that 'jupyter --paths' lists under config",
    )
