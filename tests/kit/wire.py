"""A wire to a server that counts what goes through it, and can be cut in the middle."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

_BLOCK = 65_536


@dataclass
class Wire:
    """Forwards every connection to `target` on this machine.

    `up` and `down` are the bytes that went to the server and came from it. After `limit_up` or
    `limit_down` of them every connection is reset, and new ones too, until `mend`.
    """

    target: int
    up: int = 0
    down: int = 0
    limit_up: int | None = None
    limit_down: int | None = None
    connections: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _open: set[socket.socket] = field(default_factory=set)
    _listener: socket.socket | None = None

    @property
    def port(self) -> int:
        """Where to connect to."""
        assert self._listener is not None
        return int(self._listener.getsockname()[1])

    @property
    def is_cut(self) -> bool:
        """Whether a limit was reached."""
        return (self.limit_up is not None and self.up >= self.limit_up) or (
            self.limit_down is not None and self.down >= self.limit_down
        )

    def mend(self) -> None:
        """Let everything through again, and count from nothing."""
        with self._lock:
            self.limit_up = self.limit_down = None
            self.up = self.down = self.connections = 0

    def _serve(self, listener: socket.socket) -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            self.connections += 1
            if self.is_cut:
                _reset(client)
                continue
            try:
                server = socket.create_connection(("127.0.0.1", self.target))
            except OSError:
                _reset(client)
                continue
            with self._lock:
                self._open |= {client, server}
            for source, sink, upward in ((client, server, True), (server, client, False)):
                pair = (source, sink, upward)
                threading.Thread(target=self._pump, args=pair, daemon=True).start()

    def _pump(self, source: socket.socket, sink: socket.socket, upward: bool) -> None:
        try:
            while data := source.recv(_BLOCK):
                with self._lock:
                    if upward:
                        self.up += len(data)
                    else:
                        self.down += len(data)
                    cut = self.is_cut
                if cut:
                    self._cut()
                    return
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            _reset(source)
            _reset(sink)

    def _cut(self) -> None:
        with self._lock:
            ends, self._open = self._open, set()
        for end in ends:
            _reset(end)


def _reset(end: socket.socket) -> None:
    with contextlib.suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)
    with contextlib.suppress(OSError):
        end.close()


@contextmanager
def wire(target: int) -> Iterator[Wire]:
    """A wire to a port of this machine; everything is closed in the end."""
    made = Wire(target)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        made._listener = listener
        thread = threading.Thread(target=made._serve, args=(listener,), daemon=True)
        thread.start()
        yield made
        listener.shutdown(socket.SHUT_RDWR)
    made._cut()
    thread.join(10)
