"""From a job to its container, and from a container back to whoever looks after it."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from git_datmo.errors import Conflict, DatmoError, EngineError
from git_datmo.runners.base import Job
from git_datmo.runners.docker import ground as grounds
from git_datmo.runners.docker.container import RUN_LABEL, create, has_tty, told
from git_datmo.runners.docker.engine import Engine, foreign_errors, is_gone, said
from git_datmo.runners.docker.follow import Follower, Later
from git_datmo.runners.docker.ground import COPY, OVERLAY, OWN
from git_datmo.runners.docker.lessons import Lessons
from git_datmo.runners.docker.limits import no_gpu, port_in_use
from git_datmo.runners.docker.process import DockerProcess
from git_datmo.runners.docker.record import Record
from git_datmo.runners.docker.stream import ERR, OUT, Attached
from git_datmo.runners.docker.terminal import Terminal

if TYPE_CHECKING:
    from docker import APIClient

# What engines say when they cannot mount what they were told to.
UNSEEN = (
    "invalid mount config",
    "mounts denied",
    "error while mounting volume",
    "failed to mount local volume",
    "no such file or directory: statfs",
    "statfs ",
)
TAKEN = ("port is already allocated", "address already in use", "failed to bind")


class Unfit(Exception):
    """The engine cannot bring the work tree in this way; its argument is what it says."""


def begin(
    engine: Engine, job: Job, image: str, lessons: Lessons, *, writable: bool
) -> DockerProcess:
    """Start a job in a new container. Raises EngineError, PortTaken and GPUSupportNotEnabled."""
    ability = engine.ability
    ways, failed = lessons.ways(job, ability), list[str]()
    for way in ways:
        try:
            process = _begin(engine, job, image, way, writable=writable)
        except Unfit as error:
            if way == ways[-1]:
                hint = "it has to run on this machine and see its files"
                if way == OWN:
                    hint += (
                        ", or run it in a copy: without --in-place, a workspace with --no-in-place"
                    )
                raise EngineError(f"Docker cannot use the work tree: {error}", hint=hint) from error
            failed.append(way)
        else:
            # Only now: where every way fails, it is not the engine that is wanting.
            lessons.note(failed, ability)
            return process
    raise AssertionError("there is always one way to try")


def _begin(engine: Engine, job: Job, image: str, way: str, *, writable: bool) -> DockerProcess:
    client, ability = engine.client(), engine.ability
    points = grounds.lay(job, way)
    handle: dict[str, Any] = {"ground": way, "points": points, "tty": has_tty(job), "image": image}
    attached: Attached | None = None
    try:
        made = create(client, job, image, handle, ability, writable=writable or way == COPY)
        handle["container"] = made
        if way == COPY:
            from git_datmo.runners.docker import journey

            journey.send(client, made, job, ability)
        tty, stdin = handle["tty"], job.interactive
        attached = Attached(engine.client(None), made, tty=tty, stdin=stdin)
        client.start(made)
    except BaseException as error:
        if attached is not None:
            attached.close()
        _undo(client, job, handle)
        if isinstance(error, foreign_errors()):
            raise _explained(engine, job, image, way, error) from error
        raise
    return _followed(engine, client, job, handle, attached)


def _followed(
    engine: Engine, client: APIClient, job: Job, handle: dict[str, Any], attached: Attached
) -> DockerProcess:
    container = handle["container"]
    terminal = None
    if job.interactive:
        terminal = Terminal(attached, lambda rows, columns: client.resize(container, rows, columns))
    records = _records(job)
    follower = Follower(
        engine,
        container,
        records,
        attached,
        tty=handle["tty"],
        overlay=handle["ground"] == OVERLAY,
        passed_on=terminal.show if terminal is not None and handle["tty"] else None,
    )
    follower.start()
    if terminal is not None:
        terminal.connect()
    return DockerProcess(engine, job, handle, records, follower, terminal)


def _records(job: Job) -> dict[int, Record]:
    return {OUT: Record(job.stdout), ERR: Record(job.stderr)}


def _undo(client: APIClient, job: Job, handle: Mapping[str, Any]) -> None:
    if made := handle.get("container"):
        with suppress(*foreign_errors()):
            client.remove_container(made, v=True, force=True)
    grounds.remove_points(job, handle["ground"], handle["points"])


def _explained(
    engine: Engine, job: Job, image: str, way: str, error: BaseException
) -> DatmoError | Unfit:
    text = said(error)
    lower = text.lower()
    if way != COPY and any(sign in lower for sign in UNSEEN):
        return Unfit(text)
    if any(sign in lower for sign in TAKEN):
        return port_in_use(", ".join(job.resources.ports), text)
    if job.resources.gpus is not None and ("device driver" in lower or "nvidia" in lower):
        return no_gpu(text)
    if "no such image" in lower:
        return EngineError(
            f"the image {image[:19]} is gone from the engine at {engine.place.shown}",
            hint="run it again to build it, or load it ('docker load')",
        )
    if job.resources.network is not None and "network" in lower and "not found" in lower:
        return Conflict(
            f"the engine has no network called '{job.resources.network}'",
            hint="see 'docker network ls', or use none, bridge or host",
        )
    return engine.explained("start the container", error)


def adopt(engine: Engine, job: Job, handle: Mapping[str, Any]) -> DockerProcess | None:
    """The process in a run's container; None when there is no such container. Raises EngineError
    when the engine cannot be asked and the handle names none."""
    try:
        with engine.asking("look for the container of a run"):
            found = _found(engine, job, handle)
    except EngineError:
        if "container" not in handle:
            raise
        found = handle
    if found is None:
        return None
    records = _records(job)
    follower = Follower(
        engine,
        found["container"],
        records,
        None,
        tty=bool(found["tty"]),
        overlay=found["ground"] == OVERLAY,
    )
    return DockerProcess(engine, job, found, records, Later(follower))


def _found(engine: Engine, job: Job, handle: Mapping[str, Any]) -> Mapping[str, Any] | None:
    client: APIClient = engine.client()
    name = handle.get("container")
    if name is None:
        label = f"{RUN_LABEL}={job.run_id}"
        listed = client.containers(all=True, filters={"label": label})
        if not listed:
            return None
        name = listed[0]["Id"]
    try:
        details: Mapping[str, Any] = client.inspect_container(str(name))
    except foreign_errors() as error:
        if is_gone(error):
            return None
        raise
    found = told(details)
    if found is None or (details["Config"]["Labels"] or {}).get(RUN_LABEL) != job.run_id:
        return None
    if details["State"]["Status"] == "created":
        # Whoever made it was gone before it could be started.
        _undo(client, job, found)
        return None
    return found
