"""A job under way in a container."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol

from git_datmo.errors import EngineError
from git_datmo.runners.base import End, Job
from git_datmo.runners.docker import ground as grounds
from git_datmo.runners.docker.engine import Engine, foreign_errors
from git_datmo.runners.docker.follow import PATIENCE_SECONDS
from git_datmo.runners.docker.record import Record
from git_datmo.runners.docker.terminal import Terminal
from git_datmo.runners.docker.usage import Usage

KILL_SECONDS = 20.0  # what a kill takes at most, on a busy engine


class Follows(Protocol):
    """Whoever knows when the container ends."""

    def ended(self, seconds: float) -> End | None: ...


class DockerProcess:
    """A job in its container, from its start, or its adoption, to its end."""

    def __init__(
        self,
        engine: Engine,
        job: Job,
        handle: Mapping[str, Any],
        records: Mapping[int, Record],
        follower: Follows,
        terminal: Terminal | None = None,
    ) -> None:
        self._engine = engine
        self._job = job
        self._handle = dict(handle)
        self._records = records
        self._follower = follower
        self._terminal = terminal
        self._usage = Usage(engine, self._container)

    @property
    def handle(self) -> Mapping[str, Any]:
        """The container's id, and how the work tree got into it."""
        return dict(self._handle)

    @property
    def _container(self) -> str:
        return str(self._handle["container"])

    def wait(self, seconds: float) -> End | None:
        """Its end, or None when it has not ended within `seconds`."""
        end = self._follower.ended(seconds)
        if end is not None and self._terminal is not None:
            self._terminal.restore()
        return end

    def stop(self, grace: float) -> None:
        """SIGTERM to all of it, SIGKILL after `grace` seconds. Returns when it is gone, or when
        the engine has been gone too long."""
        if self.wait(0) is not None:
            return
        self._signal("SIGTERM")
        if self.wait(max(0.0, grace)) is None:
            self._signal("SIGKILL")
            self.wait(KILL_SECONDS + PATIENCE_SECONDS)

    def ask(self) -> None:
        """SIGTERM to the group of the program; other groups do not hear it."""
        if self.wait(0) is None:
            self._signal("SIGTERM")

    def interrupt(self) -> None:
        """SIGINT to all of it."""
        if self.wait(0) is None:
            self._signal("SIGINT")

    def _signal(self, name: str) -> None:
        # It may have ended meanwhile; where the engine is gone, the follower finds out.
        with suppress(EngineError, *foreign_errors()):
            self._engine.client().kill(self._container, name)

    def sample(self) -> Mapping[str, float] | None:
        """Its use of the processors and of memory, since the sample before."""
        return None if self.wait(0) is not None else self._usage.sample()

    def collect(self) -> Path | None:
        """Bring what it left to this machine: an overlay's upper folder, or None when `Job.tree`
        is what it left. Raises EngineError when a distant engine does not hand it over, and what
        `storage` raises when it cannot be written."""
        ground = str(self._handle["ground"])
        self._remove_points(ground)
        if ground == grounds.COPY:
            from git_datmo.runners.docker import journey

            journey.bring_back(self._engine, self._container, self._job)
        return grounds.upper(self._job) if ground == grounds.OVERLAY else None

    def close(self) -> None:
        """Remove the container and its volumes. One that was lost stays for the user to look at."""
        if self._terminal is not None:
            self._terminal.restore()
        end = self.wait(0)
        if end is None or not end.lost:
            with suppress(EngineError, *foreign_errors()):
                self._engine.client().remove_container(self._container, v=True, force=True)
            self._remove_points(str(self._handle["ground"]))
            self._sweep()
        for record in self._records.values():
            record.close()

    def _sweep(self) -> None:
        work = grounds.work(self._job)
        if self._handle["ground"] == grounds.OVERLAY and work.exists():
            from git_datmo.runners.docker.sweep import sweep

            with suppress(EngineError, *foreign_errors()):
                sweep(self._engine.client(), str(self._handle["image"]), work)

    def _remove_points(self, ground: str) -> None:
        grounds.remove_points(self._job, ground, [str(p) for p in self._handle["points"]])
