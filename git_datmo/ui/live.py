"""The terminal while a task runs: its output as it comes, our own lines beside it."""

from __future__ import annotations

import os
import select
import shutil
import sys
from collections.abc import Iterable
from contextlib import ExitStack
from threading import RLock
from types import TracebackType
from typing import Self

from git_datmo.ui.escape import clip, safe
from git_datmo.ui.progress import Progress, progress

_WIPE = "\r\x1b[K"
_NAMES = {1: "standard output", 2: "standard error"}


class Live:
    """Passes a task's bytes on unchanged, and keeps what we say out of their way.

    Our lines go to standard error: a report replaces the one before on a terminal and is a line
    elsewhere, nothing at all with `quiet`. With `apart` the task's output goes to standard error
    too, for standard output holds a document. A reader that has gone away ends neither the run
    nor its log. May be called from several threads.
    """

    def __init__(self, *, quiet: bool = False, apart: bool = False) -> None:
        self._quiet = quiet
        self._places = {"stdout": 2 if apart else 1, "stderr": 2}
        self._gone: set[int] = set()
        self._lock = RLock()
        self._bar: tuple[ExitStack, Progress] | None = None
        self._terminal = os.isatty(2)
        self._updating = False
        self._open_line = False

    def output(self, stream: str, data: bytes) -> None:
        """Pass on what the task wrote to `stdout` or `stderr`."""
        if not data:
            return
        with self._lock:
            self._clear()
            place = self._places[stream]
            self._open_line = not data.endswith(b"\n") and os.isatty(place)
            self._write(place, data)

    def report(self, text: str) -> None:
        """Show how long work (an image being built) is getting on."""
        with self._lock:
            for line in text.splitlines():
                if self._quiet or not line.strip():
                    continue
                if not self._terminal:
                    self._write(2, f"{safe(line)}\n".encode())
                    continue
                self._clear()
                columns = shutil.get_terminal_size().columns - 1
                self._write(2, (_WIPE + clip(safe(line.strip()), columns)).encode())
                self._updating = True

    def advance(self, n: int = 1) -> None:
        """Say that `n` more bytes of large files are read."""
        with self._lock:
            if self._bar is None:
                stack = ExitStack()
                enabled = None if not self._quiet else False
                bar = stack.enter_context(
                    progress("reading large files", unit="B", enabled=enabled)
                )
                self._bar = stack, bar
            self._bar[1].advance(n)

    def say(self, lines: Iterable[str]) -> None:
        """Print lines of ours to standard error, on lines of their own."""
        with self._lock:
            self._clear()
            if self._quiet:
                return
            if self._open_line:
                self._write(2, b"\n")
                self._open_line = False
            for line in lines:
                self._write(2, f"{line}\n".encode(errors="backslashreplace"))

    def close(self) -> None:
        """Take away what is only for the time of the run. Twice is fine."""
        with self._lock:
            self._clear()

    def _clear(self) -> None:
        if self._bar is not None:
            self._bar[0].close()
            self._bar = None
        if self._updating:
            self._write(2, _WIPE.encode())
            self._updating = False

    def _write(self, place: int, data: bytes) -> None:
        # Not through Python's buffers: what a closed pipe leaves in them fails again at exit.
        view = memoryview(data)
        while view and place not in self._gone:
            try:
                view = view[os.write(place, view) :]
            except BlockingIOError:
                select.select([], [place], [])
            except OSError as error:
                self._gone.add(place)
                if place != 2 and not self._quiet:
                    told = f"note: {_NAMES[place]}: {error.strerror}; the run goes on with its log"
                    self._write(2, f"{told}\n".encode())

    def __enter__(self) -> Self:
        sys.stdout.flush()
        sys.stderr.flush()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
