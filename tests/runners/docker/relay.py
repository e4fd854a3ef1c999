"""A proxy before the engine's socket: it can be cut, and can make the engine look distant."""

from __future__ import annotations

import os
import socket
import threading
from contextlib import suppress
from pathlib import Path

from git_datmo.runners.docker.place import locate

REFUSAL = b'{"message":"invalid mount config for type \\"bind\\": bind source path does not exist"}'
ANSWER = (
    b"HTTP/1.1 400 Bad Request\r\nApi-Version: 1.41\r\nContent-Type: application/json\r\n"
    b"Connection: close\r\nContent-Length: %d\r\n\r\n%s" % (len(REFUSAL), REFUSAL)
)


class Relay:
    """Passes everything on to this machine's engine. `hide`: mounts of what lies below it are
    refused as an engine elsewhere refuses them; `refused` are those requests. `says` is a pair of
    texts of one length: the first becomes the second in what the engine answers."""

    def __init__(
        self, path: Path, *, hide: str | None = None, says: tuple[bytes, bytes] = (b"", b"")
    ) -> None:
        self.address = f"unix://{path}"
        self.refused: list[bytes] = []
        self._path = path
        self._hide = None if hide is None else hide.encode()
        self._says = says
        self._open: list[socket.socket] = []
        self._server: socket.socket | None = None

    def __enter__(self) -> Relay:
        self.listen()
        return self

    def __exit__(self, *_: object) -> None:
        self.cut()

    def listen(self) -> None:
        """Be there (again)."""
        with suppress(FileNotFoundError):
            self._path.unlink()
        self._server = socket.socket(socket.AF_UNIX)
        self._server.bind(str(self._path))
        self._server.listen(64)
        threading.Thread(target=self._accept, args=(self._server,), daemon=True).start()

    def cut(self, *, stay: bool = False) -> None:
        """Cut every connection; and, unless it is to stay, be gone."""
        if not stay and self._server is not None:
            self._path.unlink(missing_ok=True)
            self._server.close()
            self._server = None
        for end in self._open:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()
        self._open.clear()

    def _accept(self, server: socket.socket) -> None:
        while True:
            try:
                near, _ = server.accept()
            except OSError:
                return
            far = socket.socket(socket.AF_UNIX)
            far.connect(locate(os.environ).socket)
            self._open += [near, far]
            for pair in ((near, far, True), (far, near, False)):
                threading.Thread(target=self._pass, args=pair, daemon=True).start()

    def _pass(self, source: socket.socket, target: socket.socket, asks: bool) -> None:
        with suppress(OSError):
            while data := source.recv(2**16):
                if asks and self._hide is not None and self._is_hidden(data):
                    self.refused.append(data)
                    source.sendall(ANSWER)
                    source.shutdown(socket.SHUT_RDWR)
                    break
                if not asks and self._says[0]:
                    data = data.replace(*self._says)
                target.sendall(data)
        with suppress(OSError):
            target.shutdown(socket.SHUT_WR)

    def _is_hidden(self, data: bytes) -> bool:
        return self._hide is not None and b'"Source": "' + self._hide in data
