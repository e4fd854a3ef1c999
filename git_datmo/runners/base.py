"""What every runner is given, and what it gives back. `tests/contracts` holds them to it.

The life of a job: `check` (can this be done at all?), `prepare` (what it needs: an image, an
interpreter), `start`, then `wait` until it ends, `collect` what it left, `close`. Whoever
supervises may die at any point: the `handle` of a process, kept on disk, is enough for another
to `adopt` it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

from git_datmo.model.frozen import field, frozen
from git_datmo.model.run import Resources

# Called with lines of text about long work (a build), as they come.
Report = Callable[[str], None]


@frozen
class Mount:
    """A folder or file of the host that the task may use as `<data>/<name>`, for writing too."""

    source: Path
    name: str


@frozen
class Link:
    """A folder of the host that appears at `dest` in the work tree, for reading."""

    source: Path
    dest: str


@frozen
class Recipe:
    """How to make what an environment's definition asks for.

    `context` are files by path: for docker a build context with a `Dockerfile`, for a local
    runner the definition's own files. `install` is for local runners: argument lists to run, one
    after the other, in a new virtual environment, with `{python}` for its interpreter and
    `{context}` for the folder of the files. `python` is the version asked for (`3.11.7` or a
    part of it), None for any. Empty parts: the kind of runner cannot make it. `modes` are git's
    modes of those context files that have one: the bytes of a link are where it leads.
    """

    environment_id: str
    kind: str
    context: tuple[tuple[str, bytes], ...] = ()
    install: tuple[tuple[str, ...], ...] = ()
    python: str | None = None
    modes: Mapping[str, int] = field(default_factory=dict)


@frozen
class Prepared:
    """What a job will run in. `facts` are recorded (image id, interpreter); `token` is the
    runner's own, plain JSON values."""

    facts: Mapping[str, Any] = field(default_factory=dict)
    token: Mapping[str, Any] = field(default_factory=dict)


@frozen
class Job:
    """One command to be run.

    `tree` is the work tree it may change, `folder` where in it to start ("" is the top). `task`
    is the protocol directory (`DATMO_TASK_DIR`). `room` is a folder for the runner's own files;
    both streams are appended raw to `stdout` and `stderr`, complete before `wait` returns an end.
    `variables` are set for the task; `environ` is the user's own environment, which a local
    task inherits and a container never sees. With `in_place`, `tree` is the user's own work tree:
    a local task works in it, a container gets it mounted without its `.git`. `interactive`
    connects the caller's terminal. `home` is the user's work tree, for what on this machine still
    leads there.
    """

    run_id: str
    argv: tuple[str, ...]
    tree: Path
    folder: str
    task: Path
    room: Path
    variables: Mapping[str, str]
    environ: Mapping[str, str]
    mounts: tuple[Mount, ...] = ()
    links: tuple[Link, ...] = ()
    resources: Resources = field(default_factory=Resources)
    interactive: bool = False
    in_place: bool = False
    project: str = ""
    home: Path | None = None

    @property
    def stdout(self) -> Path:
        return self.room / "stdout"

    @property
    def stderr(self) -> Path:
        return self.room / "stderr"


@frozen
class End:
    """How a job ended. `exit_code` is 128 + n where signal n ended it, None where nobody knows
    (`lost`); `oom` when the kernel or the engine killed it for memory. `reason` is one sentence
    where the code alone does not tell."""

    exit_code: int | None
    signal: int | None = None
    oom: bool = False
    lost: bool = False
    reason: str | None = None


class Process(Protocol):
    """A job under way."""

    @property
    def handle(self) -> Mapping[str, Any]:
        """Plain JSON values with which `Runner.adopt` finds the job again."""

    def wait(self, seconds: float) -> End | None:
        """Its end, or None when it has not ended within `seconds`. Both stream files are
        complete when an end is returned. Never raises for a task's or engine's fault: a
        vanished engine is an end with `lost`, after it was looked for long enough."""

    def stop(self, grace: float) -> None:
        """Ask it to end (SIGTERM, to all of it), and kill it after `grace` seconds. Returns
        when it is gone; `wait` then gives the end. Stopping what has ended is fine."""

    def ask(self) -> None:
        """Ask the program that was started to end, and leave it to it to end what it started
        itself (SIGTERM, to none of its children in sessions of their own). Returns at once."""

    def interrupt(self) -> None:
        """Pass on a Ctrl-C: SIGINT to all of it."""

    def sample(self) -> Mapping[str, float] | None:
        """Present use of all its processes together: `cpu` (percent of one core), `memory`
        (bytes), where known `gpu` (percent) and `gpu_memory` (bytes). None: not known now.
        Must be cheap (a millisecond) and never raise."""

    def collect(self) -> Path | None:
        """After the end: bring what the task left to this machine. Returns the upper folder of
        an overlay over `Job.tree`, or None when `Job.tree` now is what the task left."""

    def close(self) -> None:
        """Remove whatever only this job needed: container, volume. Twice is fine."""


class Runner(Protocol):
    """A place where commands run."""

    name: str

    def check(self, job: Job) -> None:
        """Raise what makes the job impossible here, before anything is recorded: UsageError
        classes for a bad or unsupported limit or port, Conflict for a port in use or a GPU that
        is not there, EngineError when the engine cannot be reached."""

    def prepare(self, recipe: Recipe | None, job: Job, report: Report) -> Prepared:
        """Make what the recipe asks for, or find it as it was made before. None: whatever the
        runner has by itself. Raises EngineError naming the failing step."""

    def start(self, job: Job, prepared: Prepared) -> Process:
        """Start it. A command that does not exist is no error here but an end with code 127,
        one that cannot be executed with 126, and `reason` says so. Raises EngineError when the
        engine refuses."""

    def adopt(self, job: Job, handle: Mapping[str, Any]) -> Process | None:
        """The process of a handle, started by a supervisor that is gone; None when there is no
        trace of it (then the run is lost). `job.argv` and `variables` may be empty."""
