"""Runs that a program makes of itself, and logging into the run around it."""

from __future__ import annotations

import atexit
import os
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Protocol

from git_datmo.errors import Conflict
from git_datmo.tracking.sink import FAULTS, Sink, dictionary, said, warn

if TYPE_CHECKING:
    from git_datmo.model.run import Run

TASK, RUN = "DATMO_TASK_DIR", "DATMO_RUN_ID"
INTERRUPTED = 130


class Recording(Protocol):
    """The keeping of a run: what `api.inline.start` gives."""

    @property
    def task(self) -> Path:
        """Its task directory."""

    @property
    def id(self) -> str:
        """Its run id."""

    def finish(self, exit_code: int, reason: str | None) -> Run:
        """Record it."""


class TrackedRun(Sink):
    """A run that this program is: made by `start_run`, ended by `finish` or the `with` block.

    Inside a task there is a run already: then this one only adds to it, `attached` is true and
    `finish` leaves the end to the task's own. After `finish`, `run` is the run as it was recorded.
    """

    def __init__(self, folder: Path, id: str, recording: Recording | None) -> None:
        super().__init__(folder)
        self.id = id
        self.run: Run | None = None
        self._recording = recording
        self._process = os.getpid()
        self._last = _last_error()
        self._finishing = threading.Lock()
        self._outer: dict[str, str | None] = {}

    @property
    def attached(self) -> bool:
        """Whether it adds to the run of a task around it."""
        return self._recording is None

    def finish(self, exit_code: int = 0, reason: str | None = None) -> Run | None:
        """End it: a success with exit code 0, a failure with any other, stopped with 130.

        `reason` is a sentence about a failure. Returns the recorded run: None where this run was
        attached, where another process started it, and where it could not be recorded, which is
        said in the log. Twice is fine.
        """
        if not self._finishing.acquire(blocking=False):
            return self.run
        mine = self._process == os.getpid()
        if self.failures > 1:
            first = f"{self.failures} calls could not be recorded: {'; '.join(self.problems)}"
            warn(first)
        self.close()
        _leave(self)
        if self._recording is not None and mine:
            for name, value in self._outer.items():
                _set(name, value)
            try:
                self.run = self._recording.finish(exit_code & 0xFF, reason)
            except FAULTS as error:
                warn(f"run {self.id[:12]} could not be recorded: {said(error)}")
        return self.run

    def __enter__(self) -> TrackedRun:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.finish(*_ending(error))

    def __repr__(self) -> str:
        state = "ended" if self._ended else "attached" if self.attached else "running"
        return f"<TrackedRun {self.id[:12]} {state}>"

    def begin(self) -> None:
        """Make this the run that `log` adds to, in the processes too that are started from here."""
        global _current
        _current = self
        if self._recording is not None:
            self._outer = {name: os.environ.get(name) for name in (TASK, RUN)}
            os.environ[TASK] = str(self.folder)
            os.environ[RUN] = self.id
            atexit.register(self._forgotten)

    def _forgotten(self) -> None:
        """End at the end of the program: with what ended it, as far as that can be known."""
        if self._ended or self._process != os.getpid():
            return
        error = _last_error()
        if error is not None and error is not self._last and not _interactive():
            self.finish(*_ending(error))
        else:
            self.finish(0, "ended with the program: finish() was not called")


_current: Sink | None = None
_warned = False


def start_run(
    name: str | None = None,
    config: Any = None,
    *,
    label: str | None = None,
    session_id: str | None = None,
    home: str | os.PathLike[str] | None = None,
) -> TrackedRun:
    """Make a run of what this program does from here on; use it as a context manager.

    `name` and `label` are what people call it, `config` a dictionary (or a namespace, or a data
    class) of its settings. Inside a task it adds to the task's run instead. Raises Conflict when
    this program has begun one already, InvalidArgumentType for a config that is none of these,
    NotARepository, ProjectNotInitialized, NoSpace.
    """
    settings = None if config is None else dictionary(config)
    around = _current
    if isinstance(around, TrackedRun) and around._process == os.getpid():
        raise Conflict(
            f"this program has a run already, {around.id[:12]}",
            hint="end it with finish(), or use 'with start_run(...)'",
        )
    task = os.environ.get(TASK)
    if task and os.path.isdir(task):
        run = TrackedRun(Path(task).absolute(), os.environ.get(RUN, ""), None)
    else:
        run = _recorded(name, settings or {}, label, session_id, home)
    run.begin()
    if settings is not None:
        run.log_config(settings)
    return run


def _recorded(
    name: str | None,
    config: Mapping[Any, Any],
    label: str | None,
    session_id: str | None,
    home: str | os.PathLike[str] | None,
) -> TrackedRun:
    from git_datmo.api import inline, location
    from git_datmo.api.surroundings import User
    from git_datmo.config import Config
    from git_datmo.tracking.parts import plain

    folder = Path(home) if home is not None else Path(Config().home)
    recording = inline.start(
        location.find(folder),
        name=name,
        config=plain(config),
        session_id=session_id,
        label=label,
        command=_command(folder),
        user=User(dict(os.environ), running=True, folder=folder),
    )
    return TrackedRun(recording.task, recording.id, recording)


def _command(folder: Path) -> tuple[str, ...]:
    """How this program was started, as it can be started again elsewhere; nothing when it was
    not started in `folder`, or was not read from a file."""
    words = getattr(sys, "orig_argv", [])
    if (
        _interactive()
        or "-" in words[1:2]
        or len(words) < 2
        or folder.resolve() != Path.cwd().resolve()
    ):
        return ()
    top = f"{Path.cwd()}{os.sep}"
    return (os.path.basename(words[0]), *(word.removeprefix(top) for word in words[1:]))


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
    sink = _current or _around()
    if sink is not None:
        sink.log(what, metrics, step, epoch, type=type, **values)


def log_config(config: Any = None, /, **values: Any) -> dict[str, Any]:
    """Add to the config of the run around this, and return all of it that was logged."""
    sink = _current or _around()
    return sink.log_config(config, **values) if sink is not None else {}


def log_result(results: Any = None, /, **values: Any) -> dict[str, Any]:
    """Add to the stats of the run around this, and return all of them that were logged."""
    sink = _current or _around()
    return sink.log_result(results, **values) if sink is not None else {}


def _around() -> Sink | None:
    global _current, _warned
    task = os.environ.get(TASK)
    if task:
        _current = Sink(Path(task).absolute())
    elif not _warned:
        _warned = True
        warn("there is no run to log to: use start_run(), or 'git datmo run'")
    return _current


def _leave(run: Sink) -> None:
    global _current
    if _current is run:
        _current = None


def _ending(error: BaseException | None) -> tuple[int, str | None]:
    """The exit code and the reason that an exception means."""
    if error is None:
        return 0, None
    if isinstance(error, SystemExit):
        code = error.code
        if code is None or isinstance(code, int):
            return int(code or 0), None
        return 1, str(code)
    if isinstance(error, KeyboardInterrupt):
        return INTERRUPTED, "interrupted"
    import traceback

    return 1, traceback.format_exception_only(error)[-1].strip()


def _last_error() -> BaseException | None:
    """The exception that nobody caught, as Python notes it before it ends."""
    error = getattr(sys, "last_value", None)
    return error if isinstance(error, BaseException) else None


def _interactive() -> bool:
    """Whether errors end a cell and not the program."""
    return hasattr(sys, "ps1") or "ipykernel" in sys.modules


def _set(name: str, value: str | None) -> None:
    if value is None:
        os.environ.pop(name, None)
    else:
        os.environ[name] = value
