"""The local runner: tasks as processes of this machine, with the user's rights."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from git_datmo.errors import (
    Conflict,
    EngineError,
    PathDoesNotExist,
    RequiredArgumentMissing,
    UnsafePath,
    ValidationFailed,
)
from git_datmo.runners.base import End, Job, Prepared, Process, Recipe, Report
from git_datmo.runners.local import folders, gpus, interpreters, limits, memory, table
from git_datmo.runners.local.family import Family
from git_datmo.runners.local.process import LocalProcess
from git_datmo.runners.local.spawn import Streams, missing, spawn
from git_datmo.runners.local.variables import variables

if TYPE_CHECKING:
    from git_datmo.runners.local.terminal import Terminal


class LocalRunner:
    """Satisfies `runners.base.Runner`.

    `settings["venvs"]` is the folder for virtual environments; without it no recipe can be made.
    """

    name = "local"

    def __init__(self, *, environ: Mapping[str, str], settings: Mapping[str, Any]) -> None:
        self._environ = environ
        venvs = settings.get("venvs")
        self._venvs = None if venvs is None else Path(venvs)

    def check(self, job: Job) -> None:
        """See `Runner.check`."""
        if not job.argv:
            raise RequiredArgumentMissing("there is no command to run")
        if any("\0" in word for word in (*job.argv, *job.variables, *job.variables.values())):
            raise ValidationFailed("a command and its variables cannot hold a zero byte")
        if any("=" in name or not name for name in job.variables):
            raise ValidationFailed("the name of a variable is not empty and has no '='")
        limits.check(job.resources)
        folders.check(job)

    def prepare(self, recipe: Recipe | None, job: Job, report: Report) -> Prepared:
        """See `Runner.prepare`. Without a recipe: what is on the user's PATH."""
        if recipe is None:
            program = interpreters.on_path(job.environ)
            found = None if program is None else interpreters.version(program, job.environ)
            return Prepared({"python": found, "interpreter": program})
        name = recipe.environment_id[:12]
        if not recipe.install and recipe.python is None:
            raise EngineError(
                f"environment {name} cannot be made without a container: it is a {recipe.kind}",
                hint="use --runner docker",
            )
        if self._venvs is None:
            raise EngineError(f"there is no folder to make environment {name} in")
        from git_datmo.runners.local import venv

        return venv.prepare(self._venvs, recipe, job.environ, report)

    def start(self, job: Job, prepared: Prepared) -> Process:
        """See `Runner.start`."""
        cwd = job.tree / job.folder if job.folder else job.tree
        if not cwd.is_dir():
            raise PathDoesNotExist(
                f"the folder {job.folder or job.tree} is not in the snapshot",
                hint="run from a folder that is, or with --in-place",
            )
        if not job.in_place and not cwd.resolve().is_relative_to(job.tree.resolve()):
            raise UnsafePath(f"the folder {job.folder} leads out of the task's tree by a link")
        devices = {} if job.resources.gpus is None else gpus.chosen(job.resources.gpus)
        environ = variables(job, prepared, cwd, devices)
        cpus = limits.processors(job.resources.cpus, job.run_id)
        folders.check(job)
        folders.make(job)
        undo = partial(folders.remove, job)
        with ExitStack() as failed:
            failed.callback(undo)
            kills = memory.kills()
            shown = _terminal(job)
            if shown is not None:
                failed.callback(shown.finish)
            child = _spawn(job, cwd, environ, cpus, shown)
            failed.pop_all()
        if isinstance(child, End):
            if shown is not None:
                shown.finish()
            return Stillborn(child, undo)
        if shown is not None:
            shown.begin()
        entry = table.read(child.pid)
        family = Family(job.run_id, child.pid, entry.started if entry else "", held=True)
        finish = None if shown is None else shown.finish
        return LocalProcess(family, child, kills=kills, finish=finish, undo=undo)

    def adopt(self, job: Job, handle: Mapping[str, Any]) -> Process | None:
        """See `Runner.adopt`. With an empty handle it is looked for by the run's id."""
        family = Family.of_handle(job.run_id, handle)
        undo = partial(folders.remove, job)
        if family is None:
            undo()
            return None
        return LocalProcess(family, None, undo=undo)


class Stillborn:
    """A job whose command could not be executed: it ended as it began."""

    handle: Mapping[str, Any] = {}

    def __init__(self, end: End, undo: partial[None]) -> None:
        self._end = end
        self._undo = undo

    def wait(self, seconds: float) -> End:
        return self._end

    def stop(self, grace: float) -> None:
        return

    def ask(self) -> None:
        return

    def interrupt(self) -> None:
        return

    def sample(self) -> None:
        return

    def collect(self) -> None:
        return

    def close(self) -> None:
        self._undo()


def _terminal(job: Job) -> Terminal | None:
    """The caller's terminal, where the job is to have it and the caller has one."""
    if not job.interactive:
        return None
    from git_datmo.runners.local import terminal

    return terminal.Terminal(job.stdout) if terminal.is_there() else None


def _spawn(
    job: Job,
    cwd: Path,
    environ: Mapping[str, str],
    cpus: frozenset[int] | None,
    shown: Terminal | None,
) -> subprocess.Popen[bytes] | End:
    """Start it, its output appended to the two files or shown on a terminal."""
    append = os.O_WRONLY | os.O_APPEND | os.O_CREAT
    with ExitStack() as opened:
        stdout, stderr = (_open(p, append, opened) for p in (job.stdout, job.stderr))
        if shown is not None:
            from git_datmo.runners.local.terminal import taking

            streams = Streams(shown.slave, shown.slave, shown.slave)
            end = missing(job.argv, cwd, environ)
            return end or spawn(taking(job.argv), cwd, environ, streams, cpus)
        # Input comes from the caller only where it was asked for: a run must be repeatable.
        stdin = 0 if job.interactive else _open(Path(os.devnull), os.O_RDONLY, opened)
        return spawn(job.argv, cwd, environ, Streams(stdin, stdout, stderr), cpus)


def _open(path: Path, flags: int, opened: ExitStack) -> int:
    try:
        fd = os.open(path, flags | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise Conflict(f"cannot open {path}: {error.strerror}") from error
    opened.callback(os.close, fd)
    return fd
