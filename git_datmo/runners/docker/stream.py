"""What a container prints, as it comes over an attached connection or from the engine's log."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from docker import APIClient

BLOCK = 2**18
OUT, ERR = 1, 2
_HEADER = struct.Struct(">BxxxL")


class Attached:
    """A connection to a container's streams, made before it starts so that nothing is missed."""

    def __init__(self, client: APIClient, container: str, *, tty: bool, stdin: bool) -> None:
        params = {"stdout": 1, "stderr": 1, "stream": 1, "stdin": int(stdin)}
        # Kept: the connection closes when the response is collected.
        self._file: Any = client.attach_socket(container, params=params)
        self._tty = tty
        raw = getattr(self._file, "_sock", self._file)
        raw.settimeout(None)
        self._raw: socket.socket = raw

    def chunks(self) -> Iterator[tuple[int, bytes]]:
        """(OUT or ERR, bytes) until the streams end. Raises OSError when they are cut midway."""
        if self._tty:
            while data := self._raw.recv(BLOCK):
                yield OUT, data
            return
        while header := self._exactly(_HEADER.size):
            stream, left = _HEADER.unpack(header)
            while left:
                data = self._raw.recv(min(left, BLOCK))
                if not data:
                    raise ConnectionResetError("cut in the middle of a message")
                left -= len(data)
                yield (ERR if stream == ERR else OUT), data

    def _exactly(self, count: int) -> bytes:
        data = b""
        while len(data) < count:
            more = self._raw.recv(count - len(data))
            if not more:
                if data:
                    raise ConnectionResetError("cut in the middle of a message")
                return b""
            data += more
        return data

    def send(self, data: bytes) -> None:
        """Give the task input."""
        self._raw.sendall(data)

    def end_input(self) -> None:
        """Tell the task that there is no more."""
        self._raw.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        """Let go, the container goes on."""
        self._file.close()
        self._raw.close()


def log(client: APIClient, container: str, *, tty: bool) -> Iterator[tuple[int, bytes]]:
    """(OUT or ERR, bytes) from the start of the engine's log to the end of the container.

    Raises what the SDK and what lies below it raise, also when the log is cut midway.
    """
    # Asked by hand: the SDK reads each line's few bytes at a time, four times as slowly.
    response = client.get(
        f"{client.base_url}/v{client.api_version}/containers/{container}/logs",
        params={"stdout": 1, "stderr": 1, "follow": 1},
        stream=True,
        timeout=None,
    )
    with response:
        response.raise_for_status()
        chunks: Iterator[bytes] = response.iter_content(None)
        if tty:
            yield from ((OUT, chunk) for chunk in chunks)
        else:
            yield from _frames(chunks)


def _frames(chunks: Iterator[bytes]) -> Iterator[tuple[int, bytes]]:
    """What the engine has put together for both streams, taken apart."""
    which, left, held = OUT, 0, b""
    for chunk in chunks:
        data, at = held + chunk, 0
        while at < len(data):
            if not left:
                if len(data) - at < _HEADER.size:
                    break
                which, left = _HEADER.unpack_from(data, at)
                at += _HEADER.size
            if part := data[at : at + left]:
                yield (ERR if which == ERR else OUT), part
                at += len(part)
                left -= len(part)
        held = data[at:]
