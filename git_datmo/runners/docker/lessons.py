"""What an engine turned out not to do, so that it is not tried before every run."""

from __future__ import annotations

import re
import time
from contextlib import suppress
from pathlib import Path

from git_datmo.errors import EngineError
from git_datmo.runners.base import Job
from git_datmo.runners.docker import ground as grounds
from git_datmo.runners.docker.engine import Ability
from git_datmo.runners.docker.ground import BIND, COPY, OVERLAY, OWN

# An engine may learn, too.
FORGOTTEN_SECONDS = 86400.0


class Lessons:
    """Which ways of bringing a work tree into a container are worth a try. `forced` is the only
    one; `state` is a folder that need not be there yet, None to remember nothing."""

    def __init__(self, forced: str | None, state: Path | None) -> None:
        self._forced = forced
        self._state = state
        self._failed: set[str] = set()

    def ways(self, job: Job, ability: Ability) -> list[str]:
        """What to try for a job, the best first. Raises EngineError where the engine's users are
        others than ours, so that none could work in place."""
        if job.in_place:
            if ability.remaps:
                raise EngineError(
                    "this Docker engine maps users to others, who cannot write your work tree",
                    hint="run it in a copy: without --in-place, a workspace with --no-in-place",
                )
            return [OWN]
        if self._forced is not None:
            return [self._forced]
        failed = self._failed | self._remembered(ability)
        ways = [way for way in (OVERLAY, BIND, COPY) if way not in failed]
        if ability.remaps:
            # Only what is sent in belongs to the task's user there.
            return [COPY]
        able = ability.shares_kernel and ability.overlays
        if OVERLAY in ways and not (able and grounds.fits(job)):
            ways.remove(OVERLAY)
        return ways or [COPY]

    def note(self, failed: list[str], ability: Ability) -> None:
        """Note the ways that do not work with this engine."""
        self._failed.update(failed)
        if failed and self._state is not None:
            known = self._remembered(ability) | self._failed
            # What cannot be kept is found out again.
            with suppress(OSError):
                self._state.mkdir(parents=True, exist_ok=True)
                self._file(ability).write_text(" ".join(sorted(known)), "ascii")

    def _remembered(self, ability: Ability) -> set[str]:
        if self._state is not None:
            with suppress(OSError, ValueError):
                file = self._file(ability)
                if time.time() - file.stat().st_mtime < FORGOTTEN_SECONDS:
                    return {OVERLAY, BIND} & set(file.read_text("ascii").split())
        return set()

    def _file(self, ability: Ability) -> Path:
        assert self._state is not None
        name = re.sub(r"[^A-Za-z0-9.-]", "-", f"{ability.id}-{ability.version}")
        return self._state / f"without-{name[:200]}"
