"""What a container uses now: from the kernel's files, else from the engine's own counting."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from threading import Thread
from typing import Any

from git_datmo.errors import EngineError
from git_datmo.runners.docker.engine import Engine, foreign_errors

CONTROLS = Path("/sys/fs/cgroup")


class Kernel:
    """The control group of a container on this machine."""

    def __init__(self, container: str, pid: int) -> None:
        groups = {}
        for line in Path(f"/proc/{pid}/cgroup").read_text().splitlines():
            _, names, path = line.split(":", 2)
            for name in names.split(","):
                groups[name] = path.lstrip("/")
        # A number of another machine's process names some other group, or none.
        if not any(container in path for path in groups.values()):
            raise FileNotFoundError(container)
        if "memory" in groups:
            cpu, memory = CONTROLS / "cpuacct" / groups["cpuacct"], CONTROLS / "memory"
            self._cpu, self._scale = cpu / "cpuacct.usage", 1e-9
            self._memory = memory / groups["memory"] / "memory.usage_in_bytes"
            self._cache = b"total_inactive_file "
        else:
            group = CONTROLS / groups[""]
            self._cpu, self._scale = group / "cpu.stat", 1e-6
            self._memory = group / "memory.current"
            self._cache = b"inactive_file "

    def read(self) -> tuple[float, float]:
        """CPU seconds used so far, and bytes of memory in use, without what is mere cache."""
        used = self._cpu.read_bytes().split()
        seconds = float(used[0] if len(used) == 1 else used[used.index(b"usage_usec") + 1])
        memory = float(self._memory.read_bytes())
        for line in (self._memory.parent / "memory.stat").read_bytes().splitlines():
            if line.startswith(self._cache):
                memory -= float(line.split()[1])
        return seconds * self._scale, max(0.0, memory)


class Usage:
    """Samples of one running container; the percentage is over the time since the one before."""

    def __init__(self, engine: Engine, container: str) -> None:
        self._engine = engine
        self._container = container
        self._kernel: Kernel | None = None
        self._before: tuple[float, float] | None = None
        self._told: Mapping[str, float] | None = None
        self._asked = False

    def sample(self) -> Mapping[str, float] | None:
        """`cpu` in percent of one core and `memory` in bytes; None when not known now."""
        if not self._asked:
            self._asked = True
            self._find()
            return None
        if self._kernel is None:
            return self._told
        try:
            used, memory = self._kernel.read()
        except (OSError, ValueError, IndexError):
            return None
        now = time.monotonic()
        before, self._before = self._before, (now, used)
        if before is None or now <= before[0]:
            return None
        return {"cpu": max(0.0, (used - before[1]) / (now - before[0]) * 100), "memory": memory}

    def _find(self) -> None:
        with suppress(EngineError, *foreign_errors(), ValueError, KeyError):
            if self._engine.ability.shares_kernel:
                state = self._engine.client(5).inspect_container(self._container)["State"]
                kernel = Kernel(self._container, int(state["Pid"]))
                self._before = (time.monotonic(), kernel.read()[0])
                self._kernel = kernel
                return
        Thread(target=self._listen, name="docker-usage", daemon=True).start()

    def _listen(self) -> None:
        with suppress(EngineError, *foreign_errors(), ValueError, KeyError):
            for told in self._engine.client(None).stats(self._container, decode=True):
                if not told.get("memory_stats"):  # the stream goes on after the container's end
                    break
                self._told = reckoned(told)
        self._told = None


def reckoned(told: Mapping[str, Any]) -> Mapping[str, float]:
    """The engine's counters as percent and bytes, as `docker stats` reckons them."""
    now, before = told["cpu_stats"], told.get("precpu_stats") or {}
    memory = told["memory_stats"]
    details = memory.get("stats") or {}
    cache = details.get("total_inactive_file", details.get("inactive_file", 0))
    found = {"memory": float(max(0, memory.get("usage", 0) - cache))}
    system = now.get("system_cpu_usage", 0) - before.get("system_cpu_usage", 0)
    if before.get("system_cpu_usage") and system > 0:
        used = now["cpu_usage"]["total_usage"] - before["cpu_usage"]["total_usage"]
        cores = now.get("online_cpus") or os.cpu_count() or 1
        found["cpu"] = max(0.0, used / system * cores * 100)
    return found
