"""All processes of one job: those of its session, their descendants, and strays.

A stray has left the session and lost its parent (a daemon). It is known by the run's id in the
environment it was started with. What is to outlive its run (the supervisor of another, started
from within this one) leaves the session and takes `DATMO_RUN_ID` out of its environment.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from git_datmo.runners.local import table
from git_datmo.runners.local.table import Entry

PAUSE = 0.01
# What a kill does not end within this time hangs in the kernel and cannot be waited for.
UNKILLABLE_SECONDS = 5.0


class Family:
    """The processes of the run `run_id` whose leader is the process `pid` that began at `started`.

    While the leader is there, be it as a zombie, nobody else can have its number as a session.
    `held` says that it is: it has not been waited for.
    """

    def __init__(self, run_id: str, pid: int, started: str, *, held: bool) -> None:
        self.pid = pid
        self.started = started
        self.held = held
        self._mark = os.fsencode(f"DATMO_RUN_ID={run_id}")
        self._seen: dict[int, str] = {}

    @property
    def handle(self) -> dict[str, Any]:
        """Plain values that tell this leader from every other process."""
        return {
            "pid": self.pid,
            "group": self.pid,
            "started": self.started,
            "boot": table.boot(),
        }

    @classmethod
    def of_handle(cls, run_id: str, handle: Mapping[str, Any]) -> Family | None:
        """The family a handle speaks of, None when nobody of it is left.

        Without a number in the handle (it was never written), the run's id alone is looked for.
        """
        pid, started = handle.get("pid", 0), handle.get("started", "")
        if not isinstance(pid, int) or not isinstance(started, str):
            return None
        if handle and handle.get("boot") != table.boot():
            return None
        family = cls(run_id, pid, started, held=False)
        members = family.members()
        if not members:
            return None
        if not handle:
            leaders = [entry for entry in members if entry.pid == entry.session]
            first = min(leaders or members, key=lambda entry: (int(entry.started), entry.pid))
            family.pid, family.started = first.pid, first.started
        return family

    def leader(self) -> Entry | None:
        """The leader, when it is there; a zombie counts."""
        entry = table.read(self.pid)
        return entry if entry is not None and entry.started == self.started else None

    def members(self) -> list[Entry]:
        """Everybody of it who is alive, the leader too."""
        everyone = table.read_all()
        leader = everyone.get(self.pid)
        trusted = self.held or (leader is not None and leader.started == self.started)
        found = {pid for pid, begun in self._seen.items() if _is(everyone.get(pid), begun)}
        for entry in everyone.values():
            near = trusted and self.pid in (entry.pid, entry.group, entry.session)
            if near or self._is_stray(entry):
                found.add(entry.pid)
        below: dict[int, list[int]] = {}
        for entry in everyone.values():
            below.setdefault(entry.parent, []).append(entry.pid)
        queue = list(found)
        for pid in queue:
            new = [child for child in below.get(pid, ()) if child not in found]
            found.update(new)
            queue += new
        found -= {os.getpid(), 0, 1}
        alive = [everyone[pid] for pid in found if everyone[pid].alive]
        if not table.HAS_PROC:  # no environment tells a stray: it must have been seen before
            self._remember(alive)
        return alive

    def _remember(self, members: list[Entry]) -> None:
        self._seen = {entry.pid: entry.started for entry in members}

    def _is_stray(self, entry: Entry) -> bool:
        """Only those younger than the leader need to be looked into."""
        known = self.started.isdecimal() and entry.started.isdecimal()
        if known and int(entry.started) < int(self.started):
            return False
        return entry.alive and table.has_variable(entry.pid, self._mark)

    def near(self) -> list[Entry] | None:
        """The leader and its descendants, found without looking at every process."""
        leader = self.leader()
        if leader is None or not leader.alive:
            return None
        found, queue = [leader], [self.pid]
        for pid in queue:
            children = table.children(pid)
            if children is None and pid == self.pid:
                return self.members()
            entries = [e for child in children or () if (e := table.read(child)) is not None]
            found += entries
            queue += [entry.pid for entry in entries]
        return found

    def signal(self, number: int) -> list[Entry]:
        """Send a signal to everybody; who they were.

        The leader's group gets it at once, as from a terminal: nobody in it can fork away, and a
        shell does not see its child die before it hears itself.
        """
        members = self.members()
        self._remember(members)  # one whose parent dies of this is asked again
        grouped = False
        if self.held or self.leader() is not None:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, number)
                grouped = True
        for entry in sorted(members, key=lambda entry: entry.pid != self.pid):
            if not grouped or entry.group != self.pid:
                send(entry, number)
        return members

    def kill(self) -> None:
        """Kill everybody, also those that are born meanwhile."""
        deadline = time.monotonic() + UNKILLABLE_SECONDS
        while self.signal(signal.SIGKILL) and time.monotonic() < deadline:
            time.sleep(PAUSE)


def send(entry: Entry, number: int) -> None:
    """Send a signal to this very process, never to one that got its number later."""
    with suppress(ProcessLookupError, PermissionError):
        fd = descriptor(entry.pid)
        try:
            if _is(table.read(entry.pid), entry.started):
                if fd is None:
                    os.kill(entry.pid, number)
                else:
                    signal.pidfd_send_signal(fd, number)
        finally:
            if fd is not None:
                os.close(fd)


def descriptor(pid: int) -> int | None:
    """A descriptor that stands for a process and turns readable when it ends; None where the
    kernel has no such thing or the process is gone."""
    if not hasattr(os, "pidfd_open"):
        return None
    try:
        return os.pidfd_open(pid)
    except OSError:
        return None


def _is(entry: Entry | None, started: str) -> bool:
    return entry is not None and entry.started == started
