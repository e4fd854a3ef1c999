"""Does an engine answer? Asked by hand over its socket: importing the docker SDK takes longer."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Mapping

from git_datmo.errors import EngineError
from git_datmo.runners.docker.place import Place, locate

SECONDS = 1.0
REQUEST = b"GET /_ping HTTP/1.0\r\nHost: docker\r\nUser-Agent: git-datmo\r\n\r\n"


def reachable(environ: Mapping[str, str]) -> bool:
    """Whether the engine that `environ` means answers; never raises.

    One behind ssh is taken to answer: finding out would cost a connection.
    """
    try:
        place = locate(environ)
    except EngineError:
        return False
    return place.kind == "ssh" or answers(place)


def answers(place: Place) -> bool:
    """Whether a Docker engine answers at a `unix` or `tcp` address within a second."""
    try:
        with _connected(place) as connection:
            connection.sendall(REQUEST)
            answer = b""
            while len(answer) < 4096 and (more := connection.recv(4096)):
                answer += more
    except (OSError, ValueError):
        return False
    head = answer.partition(b"\r\n")[0].split()
    return len(head) > 1 and head[0].startswith(b"HTTP/1.") and head[1] == b"200"


def _connected(place: Place) -> socket.socket:
    if place.kind == "unix":
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.settimeout(SECONDS)
        try:
            connection.connect(place.socket)
        except BaseException:
            connection.close()
            raise
        return connection
    plain = socket.create_connection(place.host, timeout=SECONDS)
    if place.certificates is None:
        return plain
    context = ssl.create_default_context()
    folder = place.certificates
    if place.verify:
        context.load_verify_locations(folder / "ca.pem")
    else:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    return context.wrap_socket(plain, server_hostname=place.host[0])
