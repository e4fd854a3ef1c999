"""The caller's terminal, passed through to a task that has one of its own (a pty)."""

from __future__ import annotations

import errno
import fcntl
import os
import select
import struct
import sys
import termios
import threading
import tty
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from git_datmo.errors import Conflict

SIZE = struct.pack("HHHH", 0, 0, 0, 0)
BLOCK = 65536
# How often the window's size is compared: a signal handler would need the main thread.
LOOK_SECONDS = 0.2
DRAIN_SECONDS = 5.0

# A process gets a controlling terminal only by asking for it itself, before its program begins.
TAKE = """
import errno, fcntl, os, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
words = sys.argv[1:]
try:
    os.execvp(words[0], words)
except OSError as error:
    if error.errno == errno.ENOEXEC:
        os.execv("/bin/sh", ["/bin/sh", *words])
    os.write(2, f"{words[0]}: {error.strerror}\\r\\n".encode(errors="surrogateescape"))
    os._exit(127 if error.errno in (errno.ENOENT, errno.ENOTDIR) else 126)
"""


def is_there(stdin: int = 0) -> bool:
    """Whether the caller has a terminal to pass through."""
    try:
        return os.isatty(stdin)
    except OSError:
        return False


def taking(argv: Sequence[str]) -> list[str]:
    """A command that makes its input its controlling terminal and then becomes `argv`."""
    return [sys.executable, "-I", "-S", "-c", TAKE, *argv]


class Terminal:
    """A pty between the caller's terminal and a task; what the task shows is also appended to
    `record`. `slave` is for the task; call `begin` once it has it, and `finish` after its end.

    The caller's terminal is raw in between, so that every key reaches the task. Raises Conflict
    when the machine has no pty left.
    """

    def __init__(self, record: Path, stdin: int = 0, stdout: int = 1) -> None:
        self._stdin, self._stdout = stdin, stdout
        try:
            self._master, self.slave = os.openpty()
        except OSError as error:
            raise Conflict(f"cannot make a terminal: {error.strerror}") from error
        self._record = os.open(record, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o644)
        self._wake, self._waker = os.pipe()
        self._size = b""
        self._saved = termios.tcgetattr(stdin)
        self._thread: threading.Thread | None = None
        self._follow_size()

    def begin(self) -> None:
        """Pass on keys and output from now on, in a thread."""
        os.close(self.slave)
        tty.setraw(self._stdin, termios.TCSADRAIN)
        os.set_blocking(self._master, False)
        self._thread = threading.Thread(target=self._pump, name="datmo-terminal", daemon=True)
        self._thread.start()

    def finish(self) -> None:
        """Show and record the rest, and give the terminal back as it was."""
        if self._thread is None:
            with suppress(OSError):
                os.close(self.slave)
        else:
            os.write(self._waker, b"x")
            self._thread.join(DRAIN_SECONDS)
            with suppress(termios.error):
                termios.tcsetattr(self._stdin, termios.TCSADRAIN, self._saved)
        for fd in (self._master, self._record, self._wake, self._waker):
            with suppress(OSError):
                os.close(fd)

    def _pump(self) -> None:
        keys = b""
        listening, ending = True, False
        while True:
            reads = [self._master, *([self._stdin] if listening and not keys else [])]
            writes = [self._master] if keys else []
            if not ending:
                reads.append(self._wake)
            ready, free, _ = select.select(reads, writes, [], 0 if ending else LOOK_SECONDS)
            self._follow_size()
            if self._wake in ready:
                ending = True
            if self._stdin in ready:
                keys = self._typed()
                listening = bool(keys)
            if self._master in free:
                keys = keys[self._press(keys) :]
            if self._master in ready:
                if not self._show():
                    return
            elif ending:
                return

    def _typed(self) -> bytes:
        try:
            return os.read(self._stdin, 4096)
        except OSError:
            return b""

    def _press(self, keys: bytes) -> int:
        try:
            return os.write(self._master, keys)
        except BlockingIOError:
            return 0
        except OSError:
            return len(keys)

    def _show(self) -> bool:
        """Pass one block on; False at the end."""
        try:
            block = os.read(self._master, BLOCK)
        except BlockingIOError:
            return True
        except OSError as error:
            if error.errno != errno.EIO:  # how Linux says that nobody holds the other side
                raise
            return False
        _write(self._record, block)
        with suppress(OSError):  # a closed window does not end the record
            _write(self._stdout, block)
        return bool(block)

    def _follow_size(self) -> None:
        with suppress(OSError):
            size = fcntl.ioctl(self._stdin, termios.TIOCGWINSZ, SIZE)
            if size != self._size:
                self._size = size
                fcntl.ioctl(self._master, termios.TIOCSWINSZ, size)


def _write(fd: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]
