"""The two ends of a program's pipes; another thread can end the wait for them."""

from __future__ import annotations

import os
import select

BUFFER = 64 * 1024


class Pipes:
    """Writes to `into` and reads from `out`, two descriptors. After `stop` reads find the end and
    writes raise BrokenPipeError, whatever the program at the other side does."""

    def __init__(self, into: int, out: int) -> None:
        self._into, self._out = into, out
        for fd in (into, out):
            os.set_blocking(fd, False)
        self._stopped, self._stopping = os.pipe()
        self._closed = False
        self._unsent = bytearray()
        self._ahead = bytearray()

    def write(self, data: bytes) -> None:
        """Send bytes, some of them perhaps only with the next `flush`. Raises OSError."""
        self._unsent += data
        if len(self._unsent) >= BUFFER:
            self.flush()

    def flush(self) -> None:
        """Send all that was written. Raises OSError."""
        unsent, self._unsent = memoryview(bytes(self._unsent)), bytearray()
        while unsent:
            if not self._ready(self._into, select.POLLOUT):
                raise BrokenPipeError
            try:
                unsent = unsent[os.write(self._into, unsent) :]
            except BlockingIOError:
                continue

    def read(self, count: int) -> bytes:
        """The next bytes; fewer only at the end."""
        while len(self._ahead) < count and self._more(count - len(self._ahead)):
            pass
        return self._taken(count)

    def line(self, limit: int) -> bytes:
        """The bytes up to the end of a line, at most `limit`; nothing at the end of all."""
        seen = 0
        while (end := self._ahead.find(b"\n", seen)) < 0 and len(self._ahead) < limit:
            seen = len(self._ahead)
            if not self._more(BUFFER):
                return self._taken(limit)
        return self._taken(min(end + 1, limit) if end >= 0 else limit)

    def _taken(self, count: int) -> bytes:
        data = bytes(self._ahead[:count])
        del self._ahead[:count]
        return data

    def _more(self, count: int) -> bool:
        while self._ready(self._out, select.POLLIN):
            try:
                data = os.read(self._out, max(count, BUFFER))
            except BlockingIOError:
                continue
            except OSError:
                return False
            self._ahead += data
            return bool(data)
        return False

    def _ready(self, fd: int, event: int) -> bool:
        """Wait for a descriptor; False when it was stopped."""
        if self._closed:
            return False
        poll = select.poll()
        poll.register(fd, event)
        poll.register(self._stopped, select.POLLIN)
        return self._stopped not in [found for found, _ in poll.poll()]

    def stop(self) -> None:
        """End all waiting, now and later. May be called from any thread, also after `close`."""
        if not self._closed:
            os.write(self._stopping, b"x")

    def close(self) -> None:
        """Stop for good. The program's own ends are to be closed by who opened them."""
        if not self._closed:
            self._closed = True
            os.close(self._stopped)
            os.close(self._stopping)
