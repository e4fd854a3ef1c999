"""Watching a run until it ends: output, use of the machine, limits, and who stops it."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import IO

from git_datmo.api.signals import Signals
from git_datmo.model.frozen import frozen
from git_datmo.model.run import FAILED, LOST, OOM, STOPPED, SUCCESS, TIMEOUT
from git_datmo.records.flights import GRACE_SECONDS, Flight
from git_datmo.runners.base import End, Process
from git_datmo.storage.filecopy import write_all

# Called with "stdout" or "stderr" and what came.
Output = Callable[[str, bytes], None]

# The first looks are close together: most commands are short, and people watch.
PAUSES = (0.002, 0.005, 0.01, 0.02, 0.03)
SAMPLE_SECONDS = 1.0
ASK_SECONDS = 5.0
CHUNK = 1 << 18
STOP = "stop"
# How much of each stream is in the log.
NOTED = "logged"


@frozen
class Outcome:
    """How a run ended: its status, exit code, and why, where the code does not say."""

    status: str
    exit_code: int | None
    signal: int | None = None
    reason: str | None = None


def request_stop(flight: Flight, grace: float) -> None:
    """Ask the supervisor of a run to stop it."""
    with suppress(FileNotFoundError):
        (flight.path / STOP).write_text(repr(grace), "ascii")


def watch(
    flight: Flight,
    process: Process,
    *,
    started: float,
    timeout: float | None,
    output: Output | None,
    skip: tuple[int, int] = (0, 0),
    ask: bool = False,
    signals: Signals | None = None,
) -> Outcome:
    """Follow a process to its end and say how that was.

    `started` is in seconds since 1970, `timeout` in seconds from then. `skip` are the bytes of
    stdout and stderr that are in the log already. An interrupt from the keyboard is passed on to
    the task, a second one kills it; SIGTERM and SIGHUP stop it. `signals` are those that were
    noted since it started. With `ask` whatever ends the task asks its program alone first, so that
    a server can close down what it has started.
    """
    if signals is not None:
        return _Watcher(flight, process, started, timeout, output, skip, ask, signals).run()
    with Signals() as heard:
        return _Watcher(flight, process, started, timeout, output, skip, ask, heard).run()


class _Watcher:
    def __init__(
        self,
        flight: Flight,
        process: Process,
        started: float,
        timeout: float | None,
        output: Output | None,
        skip: tuple[int, int],
        ask: bool,
        signals: Signals,
    ) -> None:
        self._flight, self._process, self._started = flight, process, started
        self._deadline = None if timeout is None else started + timeout
        self._output, self._ask, self._signals = output, ask, signals
        self._streams = [
            _Stream("stdout", flight.path / "stdout", skip[0]),
            _Stream("stderr", flight.path / "stderr", skip[1]),
        ]
        self._stopped: str | None = None
        self._timed_out = False
        self._interrupts = 0

    def run(self) -> Outcome:
        sampled, turn = 0.0, 0
        flags = os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC
        self._noted = os.open(self._flight.path / NOTED, flags, 0o600)
        with open(self._flight.log, "ab", buffering=0) as log:
            with open(self._flight.path / "system.jsonl", "ab", buffering=0) as system:
                while True:
                    end = self._process.wait(PAUSES[min(turn, len(PAUSES) - 1)])
                    turn = 0 if self._pump(log) else turn + 1
                    if end is not None:
                        self._pump(log)
                        return self._outcome(end)
                    now = time.time()
                    if now - sampled >= SAMPLE_SECONDS:
                        sampled = now
                        self._sample(system, now)
                    self._limits(now)
                    while self._signals.pending:
                        self._told(self._signals.pending.pop(0))

    def _pump(self, log: IO[bytes]) -> bool:
        """Bring what was printed to the log and to whoever listens; whether there was any."""
        came = False
        for stream in self._streams:
            for data in stream.read():
                came = True
                # A full disk must not end the watch: the task's own file has it, or neither has.
                with suppress(OSError):
                    write_all(log.fileno(), data)
                    stream.position += len(data)
                    noted = " ".join(f"{each.position:019d}" for each in self._streams)
                    os.pwrite(self._noted, noted.encode(), 0)
                self._show(stream.name, data)
        return came

    def _show(self, name: str, data: bytes) -> None:
        if self._output is not None:
            try:
                self._output(name, data)
            except BrokenPipeError:
                self._output = None  # Whoever listened has heard enough; the run goes on.

    def _sample(self, system: IO[bytes], now: float) -> None:
        found = self._process.sample()
        if found:
            line = {"time": round(now - self._started, 3), **found}
            system.write(json.dumps(line).encode() + b"\n")

    def _limits(self, now: float) -> None:
        if self._deadline is not None and now >= self._deadline and not self._timed_out:
            self._timed_out = True
            self._end(GRACE_SECONDS)
        elif self._stopped is None and (grace := self._asked_to_stop()) is not None:
            self._stopped = "it was stopped"
            self._end(grace)

    def _asked_to_stop(self) -> float | None:
        try:
            text = (self._flight.path / STOP).read_text("ascii")
        except OSError:
            return None
        try:
            return max(0.0, float(text))
        except ValueError:
            return GRACE_SECONDS

    def _told(self, number: int) -> None:
        if number != signal.SIGINT:
            self._stopped = f"git-datmo got {signal.Signals(number).name}"
            self._end(GRACE_SECONDS)
            return
        self._interrupts += 1
        self._stopped = "it was interrupted"
        if self._interrupts == 1 and not self._ask:
            self._process.interrupt()
        else:
            self._end(GRACE_SECONDS if self._interrupts == 1 else 0.0)

    def _end(self, grace: float) -> None:
        """End the task; a signal meanwhile kills it."""
        if not self._signals.breakable(lambda: self._ended(grace)):
            self._process.stop(0.0)

    def _ended(self, grace: float) -> None:
        if self._ask and grace:
            self._process.ask()
            asked = min(grace, ASK_SECONDS)
            if self._process.wait(asked) is not None:
                return
            grace -= asked
        self._process.stop(grace)

    def _outcome(self, end: End) -> Outcome:
        if self._timed_out:
            limit = (self._deadline or 0.0) - self._started
            return Outcome(TIMEOUT, 124, end.signal, f"it did not end within {limit:g} s")
        # What ended well in spite of being asked to stop has ended well.
        if self._stopped is not None and end.exit_code != 0:
            code = 130 if self._interrupts else end.exit_code
            return Outcome(STOPPED, code, end.signal, self._stopped)
        return outcome(end)


def outcome(end: End) -> Outcome:
    """What an end means when nobody asked for it."""
    if end.lost or end.exit_code is None:
        return Outcome(LOST, end.exit_code, end.signal, end.reason or "nobody saw how it ended")
    if end.oom:
        reason = end.reason or "it was killed: out of memory"
        return Outcome(OOM, end.exit_code, end.signal, reason)
    status = SUCCESS if end.exit_code == 0 else FAILED
    killed = None if end.signal is None else f"it was killed by {_name(end.signal)}"
    return Outcome(status, end.exit_code, end.signal, end.reason or killed)


def _name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


class _Stream:
    """A file that grows, read as it grows."""

    def __init__(self, name: str, path: Path, skip: int) -> None:
        self.name, self._path, self.position = name, path, skip
        self._file: IO[bytes] | None = None

    def read(self) -> Iterator[bytes]:
        if self._file is None:
            try:
                self._file = open(self._path, "rb", buffering=0)  # noqa: SIM115
            except FileNotFoundError:
                return
            self._file.seek(self.position)
        while data := self._file.read(CHUNK):
            yield data


def logged(flight: Flight) -> tuple[int, int]:
    """How many bytes of stdout and stderr the log of a run holds already.

    A supervisor notes that after each piece; one that was killed in between has written one piece
    more than it noted.
    """
    try:
        out, err = (int(word) for word in (flight.path / NOTED).read_bytes().split())
    except (OSError, ValueError):
        out = err = 0
    try:
        with open(flight.log, "rb") as log:
            log.seek(out + err)
            more = log.read()
    except OSError:
        return 0, 0
    with suppress(OSError), open(flight.path / "stdout", "rb") as stream:
        stream.seek(out)
        if stream.read(len(more)) == more:
            return out + len(more), err
    return out, err + len(more)


def catch_up(flight: Flight) -> None:
    """Bring to the log what was printed after its supervisor died."""
    done = logged(flight)
    for name, position in zip(("stdout", "stderr"), done, strict=True):
        with suppress(OSError), open(flight.path / name, "rb") as stream:
            stream.seek(position)
            with open(flight.log, "ab") as log:
                while data := stream.read(CHUNK):
                    log.write(data)
