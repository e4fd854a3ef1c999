"""The local runner: tasks as processes of this machine, with the user's rights."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

from git_datmo.errors import (
    Conflict,
    EngineError,
    PathDoesNotExist,
    RequiredArgumentMissing,
    ValidationFailed,
)
from git_datmo.runners.base import End, Job, Prepared, Process, Recipe, Report
from git_datmo.runners.local import folders, gpus, interpreters, limits, memory, table, venv
from git_datmo.runners.local.family import Family
from git_datmo.runners.local.process import LocalProcess
from git_datmo.runners.local.spawn import Streams, spawn
from git_datmo.runners.local.variables import variables


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
        return venv.prepare(self._venvs, recipe, job.environ, report)

    def start(self, job: Job, prepared: Prepared) -> Process:
        """See `Runner.start`."""
        cwd = job.tree / job.folder if job.folder else job.tree
        if not cwd.is_dir():
            raise PathDoesNotExist(
                f"the folder {job.folder or job.tree} is not in the snapshot",
                hint="run from a folder that is, or with --in-place",
            )
        devices = {} if job.resources.gpus is None else gpus.chosen(job.resources.gpus)
        environ = variables(job, prepared, cwd, devices)
        cpus = limits.processors(job.resources.cpus, job.run_id)
        folders.check(job)
        folders.make(job)
        undo = partial(folders.remove, job)
        with ExitStack() as opened:
            failed = ExitStack()
            failed.callback(undo)
            with failed:
                before = memory.kills()
                streams = _streams(job, opened)
                child = spawn(job.argv, cwd, environ, streams, cpus)
                failed.pop_all()
        if isinstance(child, End):
            return Stillborn(child, undo)
        entry = table.read(child.pid)
        family = Family(job.run_id, child.pid, entry.started if entry else "", held=True)
        return LocalProcess(family, child, kills=before, undo=undo)

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

    def interrupt(self) -> None:
        return

    def sample(self) -> None:
        return

    def collect(self) -> None:
        return

    def close(self) -> None:
        self._undo()


def _streams(job: Job, opened: ExitStack) -> Streams:
    """Its input is empty; its output is appended to the two files."""
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
    fds = []
    for path, how in ((os.devnull, os.O_RDONLY), (job.stdout, flags), (job.stderr, flags)):
        try:
            fd = os.open(path, how, 0o644)
        except OSError as error:
            raise Conflict(f"cannot write {path}: {error.strerror}") from error
        opened.callback(os.close, fd)
        fds.append(fd)
    return Streams(*fds)
