"""A runner under test, and a job made, run and looked at in one line each."""

from __future__ import annotations

import json
import os
import pickle
import secrets
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from git_datmo.errors import UsageError
from git_datmo.runners.base import End, Job, Prepared, Process, Recipe, Runner

LONG = 60.0  # seconds: what takes longer will not come

# What a supervisor of its own does: it starts the job it is given, says so, and lives on.
SUPERVISOR = """
import json, os, pickle, sys, time
from git_datmo.runners import registry
name, settings, job, recipe = pickle.load(sys.stdin.buffer)
runner = registry.make(name, environ=dict(os.environ), settings=settings)
process = runner.start(job, runner.prepare(recipe, job, lambda text: None))
print(json.dumps(dict(process.handle)), flush=True)
time.sleep(600)
"""


def nothing_remains(job: Job) -> list[str]:
    """For runners that leave nothing outside the job's own folders."""
    return []


@dataclass
class Outcome:
    """How a job ended, and what it left: the files of its tree by path, as bytes."""

    job: Job
    end: End
    stdout: bytes
    stderr: bytes
    files: dict[str, bytes]

    @property
    def text(self) -> str:
        return self.stdout.decode()


@dataclass
class Place:
    """One implementation: `settings` are those `registry.make` takes, `recipe` what gives the
    tests' commands a `sh` with the usual programs and a `python3`. `inherits`: tasks see the
    user's environment. `remains` lists what is left of a job outside its folders."""

    name: str
    runner: Runner
    root: Path
    recipe: Recipe | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    inherits: bool = False
    remains: Callable[[Job], list[str]] = nothing_remains
    started: list[Process] = field(default_factory=list)
    orphans: list[tuple[Job, Mapping[str, Any]]] = field(default_factory=list)

    def job(self, *argv: str, files: Mapping[str, str | bytes] | None = None, **more: Any) -> Job:
        """A job in folders of its own, with `files` in its tree."""
        run_id = secrets.token_hex(20)
        home = self.root / run_id[:12]
        job = Job(
            run_id=run_id,
            argv=argv,
            tree=home / "tree",
            folder=more.pop("folder", ""),
            task=home / "room" / "task",
            room=home / "room",
            variables=more.pop("variables", {}),
            environ=more.pop("environ", dict(os.environ)),
            project=str(self.root),
            **more,
        )
        for folder in (job.tree, job.task):
            folder.mkdir(parents=True, exist_ok=True)
        for path, data in (files or {}).items():
            file = job.tree / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(data.encode() if isinstance(data, str) else data)
        return job

    def prepare(self, job: Job) -> Prepared:
        self.runner.check(job)
        return self.runner.prepare(self.recipe, job, lambda text: None)

    def refuses(self, job: Job) -> bool:
        """Whether it says that it cannot grant what the job asks for, and who can."""
        try:
            self.runner.check(job)
        except UsageError as error:
            return "--runner docker" in (error.hint or "")
        return False

    def start(self, job: Job) -> Process:
        process = self.runner.start(job, self.prepare(job))
        self.started.append(process)
        return process

    def finish(self, job: Job, process: Process) -> Outcome:
        """Wait, read, close; nothing may be left."""
        end = process.wait(LONG)
        assert end is not None, "still running"
        out, err = job.stdout.read_bytes(), job.stderr.read_bytes()
        upper = process.collect()
        files = contents(job.tree, upper)
        process.close()
        process.close()
        assert self.remains(job) == []
        return Outcome(job, end, out, err, files)

    def run(self, *argv: str, **more: Any) -> Outcome:
        job = self.job(*argv, **more)
        return self.finish(job, self.start(job))

    def shell(self, text: str, **more: Any) -> Outcome:
        return self.run("sh", "-c", text, **more)

    def python(self, text: str, *args: str, **more: Any) -> Outcome:
        return self.run("python3", "-c", text, *args, **more)

    def orphan(self, job: Job) -> Mapping[str, Any]:
        """Start a job from a process that is then killed; the handle it left."""
        given = pickle.dumps((self.name, dict(self.settings), job, self.recipe))
        with subprocess.Popen(
            [sys.executable, "-c", SUPERVISOR],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=Path(__file__).parents[2],
        ) as supervisor:
            assert supervisor.stdin is not None
            assert supervisor.stdout is not None
            supervisor.stdin.write(given)
            supervisor.stdin.close()
            line = supervisor.stdout.readline()
            supervisor.send_signal(signal.SIGKILL)
        handle: Mapping[str, Any] = json.loads(line)
        self.orphans.append((job, handle))
        return handle

    def end(self) -> None:
        """Whatever a failed test left running goes."""
        adopted = [self.runner.adopt(job, handle) for job, handle in self.orphans]
        for process in (*self.started, *filter(None, adopted)):
            process.stop(0)
            process.close()

    def adopt(self, job: Job, handle: Mapping[str, Any]) -> Process | None:
        """As a later supervisor would: it knows the folders and no more of the command."""
        return self.runner.adopt(replace(job, argv=(), variables={}), handle)


def until(true: Callable[[], bool], seconds: float = 20.0) -> None:
    """Wait for something to become true; fail the test when it does not."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it did not come true"
        time.sleep(0.01)


def says(job: Job, text: bytes) -> Callable[[], bool]:
    """Whether the job has printed `text`."""
    return lambda: job.stdout.exists() and text in job.stdout.read_bytes()


def contents(tree: Path, upper: Path | None) -> dict[str, bytes]:
    """Path -> bytes of the files of a tree with the upper folder of an overlay laid over it."""
    found = _files(tree)
    if upper is None:
        return found
    for folder, folders, files in os.walk(upper):
        here = os.path.relpath(folder, upper).removeprefix(".")
        prefix = f"{here}/" if here else ""
        if here and "opaque" in " ".join(os.listxattr(folder)):
            found = {path: data for path, data in found.items() if not path.startswith(prefix)}
        for name in [*folders, *files]:
            path, entry = prefix + name, Path(folder, name).lstat()
            if stat.S_ISCHR(entry.st_mode) or not stat.S_ISDIR(entry.st_mode):
                found = {
                    p: data
                    for p, data in found.items()
                    if p != path and not p.startswith(f"{path}/")
                }
            if stat.S_ISREG(entry.st_mode):
                found[path] = Path(folder, name).read_bytes()
    return found


def _files(tree: Path) -> dict[str, bytes]:
    return {
        os.path.relpath(Path(folder, name), tree): Path(folder, name).read_bytes()
        for folder, _, files in os.walk(tree)
        for name in files
        if stat.S_ISREG(Path(folder, name).lstat().st_mode)
    }
