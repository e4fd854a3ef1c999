"""A job under way as a process of this machine, ours or one that an earlier supervisor started."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from git_datmo.runners.base import End
from git_datmo.runners.local import memory, table
from git_datmo.runners.local.family import PAUSE, Family, descriptor, send

# How long children that outlive the leader may take to write their last lines (`> >(tee log)`).
LINGER_SECONDS = 1.0
# How often a process that cannot be waited for is looked at.
LOOK_SECONDS = 0.05
UNSEEN = "the process that supervised it was gone when it ended, so nobody saw its exit code"
TAKEN = "its exit code went to somebody else: this process ignores SIGCHLD"
OOM = "the kernel killed it because memory ran out"
OOM_NEARBY = "the kernel killed a process because memory ran out while it ran"


class LocalProcess:
    """`child` is None for an adopted one. `finish` is called once it has ended, before its end
    is told; `undo` when it is closed. Any thread may call any method."""

    def __init__(
        self,
        family: Family,
        child: subprocess.Popen[bytes] | None,
        *,
        kills: int | None = None,
        finish: Callable[[], None] | None = None,
        undo: Callable[[], None] | None = None,
    ) -> None:
        self._family = family
        self._handle = family.handle
        self._child = child
        self._kills = kills
        self._finish = finish
        self._undo = undo
        self._end: End | None = None
        self._settling = threading.Lock()
        self._patience = 0.0  # the time until which a stop lets everybody say goodbye
        self._killed = False
        self._last: tuple[float, int] | None = None
        # For a child the number cannot be another's; for an adopted one this is checked after.
        self._fd = descriptor(family.pid)
        if child is None and family.leader() is None:
            self._close_fd()

    @property
    def handle(self) -> Mapping[str, Any]:
        return self._handle

    def wait(self, seconds: float) -> End | None:
        """See `Process.wait`. May take a little longer when children outlive the leader."""
        if self._end is None and self._leader_ended(seconds):
            with self._settling:
                if self._end is None:
                    self._end = self._settle()
        return self._end

    def stop(self, grace: float) -> None:
        """See `Process.stop`."""
        if self._end is not None:
            return
        deadline = time.monotonic() + max(grace, 0)
        self._patience = deadline
        self._family.signal(signal.SIGTERM)
        # What is stopped (SIGSTOP) hears nothing until it continues.
        members = self._family.signal(signal.SIGCONT)
        while members and (left := deadline - time.monotonic()) > 0:
            if self._end is not None or not self._family.leader():
                time.sleep(min(PAUSE, left))
            else:
                self.wait(min(LOOK_SECONDS, left))
            members = self._family.members()
        if members:
            self._killed = True
            self._patience = 0.0
            self._family.kill()
        while self.wait(1.0) is None and self._family.members():
            self._family.kill()

    def ask(self) -> None:
        """See `Process.ask`."""
        leader = self._family.leader() if self._end is None else None
        if leader is not None:
            send(leader, signal.SIGTERM)

    def interrupt(self) -> None:
        """See `Process.interrupt`."""
        if self._end is None:
            self._family.signal(signal.SIGINT)

    def sample(self) -> Mapping[str, float] | None:
        """See `Process.sample`. Memory that processes share counts for each of them; `cpu` is
        the average since the sample before, and since the start the first time."""
        if self._end is not None or (members := self._family.near()) is None:
            return None
        now, ticks = time.monotonic(), sum(entry.ticks for entry in members)
        before, self._last = self._last, (now, ticks)
        if before is None:
            before = (self._began(now), 0)
        passed = max(now - before[0], 1e-3)
        return {
            "cpu": max(0.0, 100 * (ticks - before[1]) / table.TICKS / passed),
            "memory": float(sum(entry.memory for entry in members)),
        }

    def collect(self) -> Path | None:
        """Nothing is to be brought: the task has worked in the tree itself."""
        return None

    def close(self) -> None:
        """See `Process.close`. What still runs is left alone."""
        self._close_fd()
        if self._undo is not None:
            self._undo()
            self._undo = None

    def _leader_ended(self, seconds: float) -> bool:
        deadline = time.monotonic() + seconds
        while True:
            left = max(0.0, deadline - time.monotonic())
            if self._fd is not None:
                poll = select.poll()
                poll.register(self._fd, select.POLLIN)
                return bool(poll.poll(left * 1000))
            if not self._there():
                return True
            if not left:
                return False
            time.sleep(min(LOOK_SECONDS, left))

    def _there(self) -> bool:
        if self._child is not None:
            return _runs(self._child)
        leader = self._family.leader()
        return leader is not None and leader.alive

    def _settle(self) -> End:
        self._clear_away()
        self._family.held = False
        code = None if self._child is None else _reap(self._child)
        if self._finish is not None:
            self._finish()
        return self._judge(code)

    def _clear_away(self) -> None:
        """No child of a task may write on while its results are read."""
        deadline = time.monotonic() + LINGER_SECONDS
        while self._family.members():
            if time.monotonic() > max(deadline, self._patience):
                self._family.kill()
                return
            time.sleep(PAUSE)

    def _judge(self, code: int | None) -> End:
        if code is None:
            return End(None, lost=True, reason=UNSEEN if self._child is None else TAKEN)
        number = -code if code < 0 else None
        exit_code = 128 + number if number is not None else code
        now = memory.kills()
        starved = self._kills is not None and now is not None and now > self._kills
        if starved and not self._killed and exit_code == 128 + signal.SIGKILL:
            return End(exit_code, number, oom=True, reason=OOM)
        return End(exit_code, number, reason=OOM_NEARBY if starved and exit_code else None)

    def _began(self, now: float) -> float:
        """When the leader began, on the monotonic clock."""
        if not self._family.started.isdecimal():
            return now
        uptime = time.clock_gettime(time.CLOCK_BOOTTIME)
        return now - max(0.0, uptime - int(self._family.started) / table.TICKS)

    def _close_fd(self) -> None:
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None


def _runs(child: subprocess.Popen[bytes]) -> bool:
    """Whether a child has not ended yet; it is not waited for, so that its number stays its own."""
    try:
        return os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None
    except ChildProcessError:
        return False
    except AttributeError:  # macOS before Python 3.13
        return child.poll() is None


def _reap(child: subprocess.Popen[bytes]) -> int | None:
    """The code of a child that has ended; None when somebody else has taken it (SIGCHLD ignored
    in this process): Popen then says 0, which would be a lie."""
    if child.returncode is None:
        try:
            os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        except ChildProcessError:
            child.poll()
            return None
        except AttributeError:  # macOS before Python 3.13
            pass
    return child.wait()
