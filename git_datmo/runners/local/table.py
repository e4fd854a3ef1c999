"""The machine's processes as they are now: from /proc, else from `ps`."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

PROC = Path("/proc")
HAS_PROC = (PROC / "self" / "stat").exists()
TICKS = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")
DEAD = frozenset("ZX")


class Entry(NamedTuple):
    """One process. `started` tells it from another that got the same number later; `ticks` is
    the processor time of it and of the children it has waited for, in 1/TICKS s; `memory` is
    resident, in bytes. `session` is 0 where it cannot be found out."""

    pid: int
    parent: int
    group: int
    session: int
    started: str
    state: str
    ticks: int
    memory: int

    @property
    def alive(self) -> bool:
        return self.state not in DEAD


def read(pid: int) -> Entry | None:
    """The process with this number, None where there is none."""
    if not HAS_PROC:
        return next((entry for entry in _ps("-p", str(pid))), None)
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            return _parse(pid, file.read())
    except OSError:
        return None


def read_all() -> Mapping[int, Entry]:
    """Every process by its number."""
    if not HAS_PROC:
        return {entry.pid: entry for entry in _ps("-ax")}
    numbers = (int(name) for name in os.listdir(PROC) if name.isdecimal())
    return {pid: entry for pid in numbers if (entry := read(pid)) is not None}


def children(pid: int) -> list[int] | None:
    """The numbers of a process's children; None where the kernel does not list them."""
    found: list[int] = []
    listed = False
    with suppress(OSError):
        for thread in os.listdir(f"/proc/{pid}/task"):
            with suppress(FileNotFoundError, ProcessLookupError):
                with open(f"/proc/{pid}/task/{thread}/children", "rb") as file:
                    found += map(int, file.read().split())
                    listed = True
    return found if listed else None


def has_variable(pid: int, assignment: bytes) -> bool:
    """Whether a process was started with `NAME=value` in its environment, where we may look."""
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:
            return assignment in file.read().split(b"\0")
    except OSError:
        return False


def boot() -> str:
    """What changes when the machine is started anew; "" where nothing says."""
    with suppress(OSError):
        return (PROC / "sys/kernel/random/boot_id").read_text().strip()
    with suppress(OSError, subprocess.SubprocessError):
        asked = ["sysctl", "-n", "kern.boottime"]
        return subprocess.run(asked, capture_output=True, text=True, check=True).stdout.strip()
    return ""


def _parse(pid: int, line: bytes) -> Entry | None:
    # The name, in brackets, may hold anything, brackets too.
    fields = line[line.rfind(b")") + 2 :].split()
    if len(fields) < 22:
        return None
    return Entry(
        pid,
        int(fields[1]),
        int(fields[2]),
        int(fields[3]),
        fields[19].decode(),
        fields[0].decode(),
        sum(map(int, fields[11:15])),
        int(fields[21]) * PAGE,
    )


def _ps(*which: str) -> Iterator[Entry]:
    columns = "pid=,ppid=,pgid=,state=,rss=,time=,lstart="
    with suppress(OSError):
        done = subprocess.run(
            ["ps", *which, "-o", columns],
            capture_output=True,
            text=True,
            env={"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C"},
        )
        for line in done.stdout.splitlines():
            pid, parent, group, state, rss, used, *started = line.split()
            yield Entry(
                *(int(pid), int(parent), int(group), 0),
                " ".join(started),
                state[0],
                round(_seconds(used) * TICKS),
                int(rss) * 1024,
            )


def _seconds(clock: str) -> float:
    """`[[days-]hours:]minutes:seconds` in seconds."""
    days, _, rest = clock.rpartition("-")
    total = 0.0
    for part in rest.split(":"):
        total = total * 60 + float(part)
    return total + int(days or 0) * 86400
