"""Does an engine answer? Asked by hand over its socket: importing the docker SDK takes longer."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Mapping

from git_datmo.errors import EngineError
from git_datmo.runners.docker.place import Place, locate

SECONDS = 1.0
REQUEST = b"GET /_ping HTTP/1.0\r\nHost: docker\r\nUser-Agent: git-datmo\r\n\r\n"
ELSEWHERE = "or use '--runner local'"


def reachable(environ: Mapping[str, str]) -> bool:
    """Whether the engine that `environ` means answers; never raises.

    One behind ssh is taken to answer: finding out would cost a connection.
    """
    try:
        place = locate(environ)
        return place.kind == "ssh" or ping(place) is not None
    except EngineError:
        return False


def ping(place: Place, *, seconds: float = SECONDS) -> str:
    """The API version (`1.41`) of the engine at a `unix` or `tcp` address.

    Raises EngineError saying why nothing answers there.
    """
    try:
        with _connected(place, seconds) as connection:
            connection.sendall(REQUEST)
            answer = b""
            while len(answer) < 4096 and (more := connection.recv(4096)):
                answer += more
    except PermissionError as error:
        raise EngineError(
            f"Docker at {place.shown} does not let you in: permission denied",
            hint="add yourself to its group ('sudo usermod -aG docker $USER', then log in again), "
            + ELSEWHERE,
        ) from error
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise EngineError(
            f"Docker is not reachable at {place.shown} ({place.source}): {why.lower()}",
            hint=f"start it, or point DOCKER_HOST to it, {ELSEWHERE}",
        ) from error
    head, *lines = answer.partition(b"\r\n\r\n")[0].split(b"\r\n")
    status = head.split()
    fields = {name.strip().lower(): value.strip() for name, _, value in _split(lines)}
    version = fields.get(b"api-version", b"").decode("ascii", "replace")
    if len(status) < 2 or not status[0].startswith(b"HTTP/1.") or status[1] != b"200":
        version = ""
    if not version:
        raise EngineError(
            f"what answers at {place.shown} ({place.source}) is no Docker engine",
            hint=f"point DOCKER_HOST to one, {ELSEWHERE}",
        )
    return version


def _split(lines: list[bytes]) -> list[tuple[bytes, bytes, bytes]]:
    return [line.partition(b":") for line in lines]


def _connected(place: Place, seconds: float) -> socket.socket:
    if place.kind == "unix":
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.settimeout(seconds)
        try:
            connection.connect(place.socket)
        except BaseException:
            connection.close()
            raise
        return connection
    plain = socket.create_connection(place.host, timeout=seconds)
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
