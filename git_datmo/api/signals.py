"""Signals to a supervisor, noted instead of raised.

An exception that a signal raises can come between any two instructions, also just outside of a
`try`. What has to end in order hears of signals when it looks.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Any

HEARD = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interrupted(BaseException):
    """A signal came while something was under way that may be broken off."""


class Signals:
    """A context in which signals are noted in `pending`, the first one first.

    Where a long wait may be broken off, it goes through `breakable`. Outside of the main thread,
    which alone is told of signals, this does nothing.
    """

    def __init__(self) -> None:
        self.pending: list[int] = []
        self._breakable = False
        self._kept: dict[int, Any] = {}

    def __enter__(self) -> Signals:
        if threading.current_thread() is threading.main_thread():
            for number in HEARD:
                self._kept[number] = signal.signal(number, self._hear)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for number, handler in self._kept.items():
            signal.signal(number, handler)

    def breakable(self, action: Callable[[], object]) -> bool:
        """Do something long; False when a signal broke it off."""
        try:
            self._breakable = True
            action()
            self._breakable = False
        except Interrupted:
            return False
        return True

    def _hear(self, number: int, frame: FrameType | None) -> None:
        self.pending.append(number)
        if self._breakable:
            # Once is enough: what follows is to be done in order again.
            self._breakable = False
            raise Interrupted(number)
