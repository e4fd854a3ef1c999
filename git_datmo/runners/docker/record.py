"""The two files a job's output goes to, each a faithful prefix of what the task has written."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

COMPARED = 2**16


class Record:
    """One stream's file. What is written once stays; the engine's log can be laid over it."""

    def __init__(self, path: Path) -> None:
        self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
        self.fault: str | None = None
        self.dropped = False

    def append(self, data: bytes) -> None:
        """Write what came. A full disk is remembered, and the task goes on unrecorded."""
        if self.fault is None:
            try:
                while data:
                    data = data[os.write(self._fd, data) :]
            except OSError as error:
                self.fault = f"its output could not be recorded: {error.strerror}"

    @contextmanager
    def overlaid(self) -> Iterator[Callable[[bytes], None]]:
        """Gives what takes a log from its start: it passes over what is here already, and writes
        what is not. Others who do the same wait.

        Where the log begins otherwise, the engine has dropped its oldest part: then all of it is
        written, and `dropped` says that some may be missing or twice.
        """
        fcntl.flock(self._fd, fcntl.LOCK_EX)
        size, at = os.fstat(self._fd).st_size, 0

        def take(data: bytes) -> None:
            nonlocal size, at
            if at < min(size, COMPARED) and not self._agrees(data, at):
                size = at = 0
                self.dropped = True
            if at + len(data) > size:
                self.append(data[max(0, size - at) :])
            at += len(data)

        try:
            yield take
        finally:
            with suppress(OSError):
                fcntl.flock(self._fd, fcntl.LOCK_UN)

    def _agrees(self, data: bytes, at: int) -> bool:
        here = os.pread(self._fd, min(len(data), COMPARED - at), at)
        return data.startswith(here)

    def tail(self, size: int = 4096) -> bytes:
        """The last bytes of it."""
        end = os.fstat(self._fd).st_size
        return os.pread(self._fd, size, max(0, end - size))

    def close(self) -> None:
        """Let go of the file. Twice is fine."""
        with suppress(OSError):
            fd, self._fd = self._fd, -1
            os.close(fd)
