"""Keeping what a program prints, while it goes on to wherever it went before."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

_lock = threading.Lock()
_installed: Tee | None = None


class Copy:
    """Files that get what is printed from here on, until `end`."""

    def __init__(self, paths: Sequence[Path]) -> None:
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        self._fds: list[int] = []
        for path in paths:
            with suppress(OSError):
                self._fds.append(os.open(path, flags, 0o644))

    def add(self, data: bytes) -> None:
        """Append to all of them; a full disk does not stop a program that prints."""
        for fd in tuple(self._fds):
            with suppress(OSError):
                os.write(fd, data)

    def end(self) -> None:
        """Stop copying. The last one to end puts the stream back that was there before."""
        global _installed
        with _lock:
            tee = _installed
            if tee is not None and self in tee.copies:
                tee.copies = tuple(copy for copy in tee.copies if copy is not self)
                if not tee.copies:
                    # Who has put another stream over ours since keeps it: ours then only passes on.
                    if sys.stdout is tee:
                        sys.stdout = tee.stream
                    _installed = None
            fds, self._fds = self._fds, []
        for fd in fds:
            os.close(fd)


class Tee:
    """A text stream that passes everything on to `stream`, with copies of what is written."""

    def __init__(self, stream: Any) -> None:
        self.stream = stream
        self.copies: tuple[Copy, ...] = ()

    def write(self, text: str) -> int:
        """Write to the stream beneath; what that returns."""
        written: int = self.stream.write(text)
        if self.copies and isinstance(text, str):
            data = text.encode("utf-8", "backslashreplace")
            for copy in self.copies:
                copy.add(data)
        return written

    def writelines(self, lines: Any) -> None:
        """Write each of them."""
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)

    def __iter__(self) -> Any:
        return iter(self.stream)


def copied(*paths: Path) -> Copy:
    """Copy what this program prints to `sys.stdout` to the end of each of these files."""
    global _installed
    copy = Copy(paths)
    with _lock:
        tee = _installed
        if tee is None or sys.stdout is not tee:
            if sys.stdout is None:
                return copy
            earlier, tee = tee, Tee(sys.stdout)
            if earlier is not None:
                # Somebody put a stream of theirs over ours: what is printed comes to us once.
                tee.copies, earlier.copies = earlier.copies, ()
            sys.stdout = _installed = tee
        tee.copies = (*tee.copies, copy)
    return copy
