"""Runs that are not recorded yet: a folder each, readable by anyone while they last.

`<common dir>/datmo/runs/<run id>/` holds `run.json` (its facts so far, and in `live` what only
its supervisor needs), `log`, `stdout`, `stderr`, `system.jsonl`, and `task/`, where the task
leaves config, stats and metrics. Its supervisor holds `lock` for as long as it lives: who can
take the lock knows that nobody looks after the run any more.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from git_datmo.errors import UnsafePath
from git_datmo.model.ids import new_nonce
from git_datmo.records import layout
from git_datmo.records.project import Project
from git_datmo.storage.dirfd import Directories
from git_datmo.storage.durability import disk_errors
from git_datmo.storage.treewalk import remove

ROOM = "runs"
NEW = ".new-"
MAKING_SECONDS = 60.0
END_BYTES = 4096
# How long a run that is asked to end has for it.
GRACE_SECONDS = 10.0
_ID = re.compile(rb"[0-9a-f]{40}")
PROTOCOL = frozenset(
    {"config.json", "stats.json", "metrics.jsonl", "artifacts.jsonl", "inputs.json", "about.json"}
)


class Flight:
    """One run under way, or ended and not recorded yet."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock: int | None = None

    @property
    def id(self) -> str:
        return self.path.name

    @property
    def task(self) -> Path:
        """The protocol directory, `DATMO_TASK_DIR`."""
        return self.path / "task"

    @property
    def log(self) -> Path:
        return self.path / "log"

    def facts(self) -> dict[str, Any]:
        """What `run.json` says; empty when it cannot be read."""
        try:
            said = json.loads((self.path / "run.json").read_text("utf-8", "surrogateescape"))
        except (OSError, ValueError, RecursionError):
            return {}
        return said if isinstance(said, dict) else {}

    @property
    def illegible(self) -> bool:
        """Whether what it says of itself was damaged, so that nobody can record it."""
        try:
            written = (self.path / "run.json").exists()
        except OSError:
            return True
        return written and not self.facts()

    def write(self, facts: Mapping[str, Any]) -> None:
        """Replace `run.json`, at once. Raises NoSpace and Conflict."""
        temporary = self.path / f"run.json.{os.getpid()}"
        with disk_errors(self.path):
            # ASCII alone: whatever bytes a path has survive as escapes.
            temporary.write_text(json.dumps(facts), "utf-8")
            os.replace(temporary, self.path / "run.json")

    def note_end(self, end: Mapping[str, Any]) -> None:
        """Write down how the command ended, into room that was kept for it: that works on a full
        disk too."""
        with suppress(OSError):
            fd = os.open(self.path / "end", os.O_WRONLY | os.O_CLOEXEC)
            try:
                os.pwrite(fd, json.dumps(end).encode()[: END_BYTES - 1] + b"\n", 0)
                os.fsync(fd)
            finally:
                os.close(fd)

    def noted_end(self) -> dict[str, Any]:
        """What `note_end` wrote; empty when it did not."""
        try:
            said = json.loads((self.path / "end").read_bytes().partition(b"\n")[0] or b"{}")
        except (OSError, ValueError):
            return {}
        return said if isinstance(said, dict) else {}

    def hold(self) -> bool:
        """Take the lock for as long as this process lives; False when somebody has it."""
        if self._lock is not None:
            return True
        try:
            fd = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError:
            return False
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(fd)
            return False
        if not (self.path / "lock").exists():
            os.close(fd)  # It was recorded and removed just now.
            return False
        self._lock = fd
        return True

    def release(self) -> None:
        """Let go of the lock."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    @property
    def attended(self) -> bool:
        """Whether a supervisor looks after it."""
        if self._lock is not None:
            return True
        try:
            fd = os.open(self.path / "lock", os.O_RDWR | os.O_CLOEXEC)
        except OSError:
            return False
        try:
            fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(fd)
        return False

    def discard(self) -> None:
        """Remove the folder; what a container's root left and cannot be removed stays."""
        doomed = self.path.with_name(f".{self.id}")
        with suppress(OSError):
            os.rename(self.path, doomed)
        with suppress(OSError, UnsafePath):
            parent = os.open(doomed.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            try:
                with Directories(parent) as directories:
                    remove(directories, os.fsencode(doomed.name))
            finally:
                os.close(parent)
        import shutil

        shutil.rmtree(doomed, ignore_errors=True)
        self.release()


def create(project: Project) -> Flight:
    """A new run's folder, its lock held."""
    with disk_errors(project.home):
        name = new_nonce()
        flight = Flight(project.home / ROOM / f"{NEW}{name}")
        flight.path.mkdir(parents=True, mode=0o700)
        # Nobody may see it before it is held, and take it for one that nobody looks after.
        flight.hold()
        flight.task.mkdir()
        flight.log.touch()
        (flight.path / "end").write_bytes(b"\n" * END_BYTES)
        os.rename(flight.path, project.home / ROOM / name)
    flight.path = project.home / ROOM / name
    return flight


def find(project: Project, run_id: str) -> Flight | None:
    """The flight with this id."""
    path = project.home / ROOM / run_id
    return Flight(path) if layout.is_run_id(run_id) and path.is_dir() else None


def listed(project: Project) -> list[Flight]:
    """Every flight, in no order."""
    try:
        names = os.listdir(project.home / ROOM)
    except OSError:
        return []
    return [Flight(project.home / ROOM / name) for name in names if layout.is_run_id(name)]


def named(project: Project) -> set[str]:
    """Every id that a run under way names: what it reads is among them."""
    found: set[str] = set()
    for flight in listed(project):
        for path in (flight.path / "run.json", flight.task / "artifacts.jsonl"):
            with suppress(OSError):
                found.update(text.decode() for text in _ID.findall(path.read_bytes()))
    return found


def litter(project: Project) -> Iterator[Path]:
    """What is left of flights whose making or removal was cut off."""
    with suppress(OSError):
        for name in os.listdir(project.home / ROOM):
            rest = Flight(project.home / ROOM / name)
            if not name.startswith(".") or rest.attended:
                continue
            made = name.startswith(NEW) or not rest.path.is_dir()
            if made and time.time() - rest.path.stat().st_mtime < MAKING_SECONDS:
                continue
            yield rest.path


def sweep(project: Project) -> None:
    """Remove it."""
    import shutil

    for path in litter(project):
        shutil.rmtree(path, ignore_errors=True)


@contextmanager
def held(flight: Flight) -> Iterator[bool]:
    """Hold a flight's lock for a while; gives whether that worked."""
    taken = flight.hold()
    try:
        yield taken
    finally:
        if taken:
            flight.release()
