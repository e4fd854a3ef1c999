"""Runs that a program makes of itself, and logging into the run around it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from git_datmo.errors import Conflict
from git_datmo.tracking import current
from git_datmo.tracking.current import RUN, TASK
from git_datmo.tracking.machine import about, command, entrypoint
from git_datmo.tracking.sink import dictionary
from git_datmo.tracking.tracked import TrackedRun

if TYPE_CHECKING:
    from git_datmo.records.project import Project

__all__ = ["RUN", "TASK", "TrackedRun", "log", "log_config", "log_result", "opened", "start_run"]


def start_run(
    name: str | None = None,
    config: Any = None,
    *,
    label: str | None = None,
    labels: Sequence[str] = (),
    description: str = "",
    alternative_name: str | None = None,
    continues: str | None = None,
    session_id: str | None = None,
    home: str | os.PathLike[str] | None = None,
    capture: bool = False,
    several: bool = False,
) -> TrackedRun:
    """Make a run of what this program does from here on; use it as a context manager.

    `name` and `label` are what people call it, `labels` words and `description` a text about it,
    `config` a dictionary (or a namespace, or a data class) of its settings. `alternative_name`
    names it like its id; `continues` is a run that this one goes on with. `capture` keeps what is
    printed as its log. Inside a task it adds to the task's run instead, which keeps its own name
    and label and goes on with nothing. With `several` there may be others at the same time, and
    `log` without a run in front knows nothing of it.

    Raises Conflict when this program has begun one already, InvalidArgumentType for a config that
    is none of these, NotARepository, ProjectNotInitialized, RunNotFound, NoSpace.
    """
    settings = None if config is None else dictionary(config)
    around = current.known()
    own = around if isinstance(around, TrackedRun) and around.process == os.getpid() else None
    if own is not None and not several:
        raise Conflict(
            f"this program has a run already, {own.id[:12]}",
            hint="end it with finish(), or use 'with start_run(...)'",
        )
    # What a run of this program has set is for the processes that are started from here.
    task = os.environ.get(TASK) if own is None or own.attached else None
    if task and os.path.isdir(task):
        run = TrackedRun(Path(task).absolute(), os.environ.get(RUN, ""), None)
        run.describe(
            labels=labels or None,
            description=description or None,
            alternative_name=alternative_name,
        )
    else:
        from git_datmo.api import location
        from git_datmo.config import Config

        folder = Path(home) if home is not None else Path(Config().home)
        run = opened(
            location.find(folder),
            folder,
            name=name,
            label=label,
            labels=labels,
            description=description,
            alternative_name=alternative_name,
            continues=continues,
            session_id=session_id,
        )
    run.begin(several=several)
    if capture:
        run.capture()
    if settings is not None:
        run.log_config(settings)
    return run


def opened(
    project: Project,
    folder: Path,
    *,
    name: str | None,
    label: str | None = None,
    labels: Sequence[str] = (),
    description: str = "",
    alternative_name: str | None = None,
    continues: str | None = None,
    session_id: str | None = None,
) -> TrackedRun:
    """A run of this program in a project, not begun yet, without its config; see `start_run`."""
    from git_datmo.api import inline, run_lookup
    from git_datmo.api.user import User

    script = entrypoint(project.repository.work_tree)
    recording = inline.start(
        project,
        name=name,
        session_id=session_id,
        label=label,
        labels=labels,
        description=description,
        alternative_name=alternative_name,
        continues=run_lookup.resolve(project, continues).id if continues else None,
        git={"entrypoint": script} if script else None,
        platform=about(),
        command=command(folder),
        user=User(dict(os.environ), running=True, folder=folder),
    )
    return TrackedRun(recording.task, recording.id, recording)


def log(
    what: Any = None,
    /,
    metrics: Any = None,
    step: Any = None,
    epoch: Any = None,
    *,
    type: Any = None,
    **values: Any,
) -> None:
    """Record values by name as one point of the run around this: the one that was started here,
    or the task that the program runs in. Without a run it is a warning, once. See `Sink.log`.
    """
    sink = current.around()
    if sink is not None:
        sink.log(what, metrics, step, epoch, type=type, **values)


def log_config(config: Any = None, /, **values: Any) -> dict[str, Any]:
    """Add to the config of the run around this, and return all of it that was logged."""
    sink = current.around()
    return sink.log_config(config, **values) if sink is not None else {}


def log_result(results: Any = None, /, **values: Any) -> dict[str, Any]:
    """Add to the stats of the run around this, and return all of them that were logged."""
    sink = current.around()
    return sink.log_result(results, **values) if sink is not None else {}
