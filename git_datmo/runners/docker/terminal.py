"""The caller's terminal, or plain input, connected to a task in a container."""

from __future__ import annotations

import atexit
import os
import select
import signal
import sys
import termios
import tty
from collections.abc import Callable
from contextlib import suppress
from threading import Thread, current_thread, main_thread
from typing import Any

from git_datmo.runners.docker.stream import Attached

IN, OUT = 0, 1
BLOCK = 2**14
Resize = Callable[[int, int], None]


class Terminal:
    """Passes what is typed on to the task. On a terminal: raw, so that the task's own terminal
    sees every key, and with its size told at the start and at each change. `restore` puts the
    terminal back and must be called; so does the end of the program."""

    def __init__(self, attached: Attached, resize: Resize) -> None:
        self._attached = attached
        self._resize = resize
        self._is_terminal = os.isatty(IN)
        self._settings: list[Any] | None = None
        self._handler: Any = None
        self._wake, self._stop = os.pipe()
        self._done = False

    def connect(self) -> None:
        """Begin to pass input on."""
        if self._is_terminal:
            self._settings = termios.tcgetattr(IN)
            atexit.register(self.restore)
            tty.setraw(IN, termios.TCSANOW)
            self._tell_size()
            if current_thread() is main_thread():
                self._handler = signal.signal(signal.SIGWINCH, lambda *_: self._tell_size())
        Thread(target=self._pass_on, name="docker-input", daemon=True).start()

    def show(self, data: bytes) -> None:
        """What the task printed, for the caller to see."""
        with suppress(OSError):
            sys.stdout.flush()
            while data:
                data = data[os.write(OUT, data) :]

    def restore(self) -> None:
        """Put the terminal back as it was, and read no more of it. Twice is fine."""
        if self._done:
            return
        self._done = True
        os.close(self._stop)
        if self._handler is not None:
            signal.signal(signal.SIGWINCH, self._handler)
        if self._settings is not None:
            termios.tcsetattr(IN, termios.TCSADRAIN, self._settings)
            atexit.unregister(self.restore)

    def _tell_size(self) -> None:
        with suppress(OSError):
            size = os.get_terminal_size(IN)
            self._resize(size.lines, size.columns)

    def _pass_on(self) -> None:
        with suppress(OSError):
            while True:
                ready, _, _ = select.select([IN, self._wake], [], [])
                if self._wake in ready:
                    break
                data = os.read(IN, BLOCK)
                if not data:
                    self._attached.end_input()
                    break
                self._attached.send(data)
        os.close(self._wake)
