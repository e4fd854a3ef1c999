"""The run that `log` adds to now: one that this program began, or the task that it runs in."""

from __future__ import annotations

import os
from pathlib import Path

from git_datmo.tracking.sink import Sink, warn

TASK, RUN = "DATMO_TASK_DIR", "DATMO_RUN_ID"

_current: Sink | None = None
_warned = False


def enter(run: Sink) -> None:
    """Let `run` be the one."""
    global _current
    _current = run


def leave(run: Sink) -> None:
    """Let go of `run`, if it is the one."""
    global _current
    if _current is run:
        _current = None


def known() -> Sink | None:
    """The one, without looking for a task."""
    return _current


def around() -> Sink | None:
    """The one; without any it is a warning, once."""
    global _current, _warned
    if _current is not None:
        return _current
    task = os.environ.get(TASK)
    if task:
        _current = Sink(Path(task).absolute())
    elif not _warned:
        _warned = True
        warn("there is no run to log to: use start_run(), or 'git datmo run'")
    return _current


def set_variable(name: str, value: str | None) -> None:
    """Set a variable of the processes that are started from here; None takes it away."""
    if value is None:
        os.environ.pop(name, None)
    else:
        os.environ[name] = value
