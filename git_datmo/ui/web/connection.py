"""Connections to the server: so many at once, and headers on what is no request at all."""

from __future__ import annotations

import asyncio
import time

from uvicorn.protocols.http.h11_impl import H11Protocol

from git_datmo.ui.web.guard import plain

MOST = 100
"""Connections at once: anybody on this machine can open them, and files are limited too."""


class Connection(H11Protocol):
    """One connection. Where there are too many, the one that has been idle for longest goes."""

    since = 0.0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.since = time.monotonic()
        if len(self.connections) <= MOST:
            return
        idle = [one for one in self.connections if isinstance(one, Connection) and one.idle]
        # There is one at least: this one.
        gone = min(idle, key=lambda one: one.since)
        self.connections.discard(gone)
        gone.transport.abort()

    @property
    def idle(self) -> bool:
        """Whether nothing is being answered."""
        return self.cycle is None or self.cycle.response_complete

    def on_response_complete(self) -> None:
        self.since = time.monotonic()
        super().on_response_complete()

    def send_400_response(self, msg: str) -> None:
        headers, body = plain(msg)
        lines = [b"HTTP/1.1 400 Bad Request", *(b": ".join(pair) for pair in headers)]
        if self.idle:
            self.transport.write(b"\r\n".join([*lines, b"Connection: close", b"", body]))
        self.transport.close()
