"""What a job asks to be granted, checked before anything is made."""

from __future__ import annotations

import errno
import re
import socket
from pathlib import Path

from git_datmo.errors import (
    Conflict,
    GPUSupportNotEnabled,
    MutuallyExclusiveArguments,
    PathDoesNotExist,
    PortTaken,
    ValidationFailed,
)
from git_datmo.model.frozen import frozen
from git_datmo.model.run import Resources
from git_datmo.runners.base import Job
from git_datmo.runners.docker.engine import Ability

SMALLEST_MEMORY = 6 * 2**20  # the engine's own floor
LOCALHOST = "127.0.0.1"
_PORT = re.compile(
    r"(?:(?:\[(?P<six>[0-9a-fA-F:]+)\]|(?P<four>[0-9.]+)):(?=\d+:))?"
    r"(?:(?P<host>\d{1,5}):)?(?P<inside>\d{1,5})(?:/(?P<protocol>tcp|udp))?",
    re.ASCII,
)


@frozen
class Port:
    """A port of the host, at one of its addresses, that leads to one in the container."""

    address: str
    host: int
    inside: int
    protocol: str


def ports(resources: Resources) -> list[Port]:
    """The ports asked for; at 127.0.0.1 unless an address is given.

    Raises ValidationFailed for what is no `[address:]host:container` and no number.
    """
    return [_port(text) for text in resources.ports]


def _port(text: str) -> Port:
    match = _PORT.fullmatch(text)
    if match is not None:
        inside = int(match["inside"])
        host = int(match["host"] or inside)
        address = match["six"] or match["four"] or LOCALHOST
        if 0 < inside < 65536 and 0 < host < 65536 and _is_address(address):
            return Port(address, host, inside, match["protocol"] or "tcp")
    raise ValidationFailed(
        f"'{text}' is no port", hint="give a number, host:container, or address:host:container"
    )


def _is_address(text: str) -> bool:
    try:
        socket.inet_pton(_family(text), text)
    except OSError:
        return False
    return True


def _family(address: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def check_wishes(job: Job) -> None:
    """Raise what is wrong whatever the engine: ValidationFailed, MutuallyExclusiveArguments, and
    PathDoesNotExist for data that is not there."""
    wanted = job.resources
    published = ports(wanted)
    leading: dict[tuple[str, int, str], int] = {}
    for port in published:
        key = (port.address, port.host, port.protocol)
        if leading.setdefault(key, port.inside) != port.inside:
            raise MutuallyExclusiveArguments(
                f"port {port.host} of {port.address} cannot lead to two ports of a task",
                hint="publish them on two ports",
            )
    if published and wanted.network == "none":
        raise MutuallyExclusiveArguments(
            "a task without a network has no ports", hint="leave out --network none or the ports"
        )
    if wanted.memory is not None and wanted.memory < SMALLEST_MEMORY:
        raise ValidationFailed(
            f"{wanted.memory} bytes of memory are too few for a container",
            hint="the least is 6m",
        )
    if wanted.cpus is not None and not wanted.cpus >= 0.01:
        raise ValidationFailed(f"{wanted.cpus} is no number of CPUs", hint="the least is 0.01")
    if wanted.gpus is not None and not re.fullmatch(r"all|[\w:.-]+(,[\w:.-]+)*", wanted.gpus):
        raise ValidationFailed(
            f"'{wanted.gpus}' names no GPUs", hint="give all, a number, or ids joined by commas"
        )
    names = set()
    for mount in job.mounts:
        if not mount.name or "/" in mount.name or mount.name in (".", "..") or mount.name in names:
            raise ValidationFailed(f"'{mount.name}' cannot be the name of one piece of data")
        names.add(mount.name)
    for source in (*(m.source for m in job.mounts), *(link.source for link in job.links)):
        if not source.exists():
            raise PathDoesNotExist(f"the data {source} does not exist")


def check_grants(job: Job, ability: Ability) -> None:
    """Raise what this engine cannot grant: ValidationFailed for more CPUs than it has, Conflict
    for a GPU where there is none and for a port in use."""
    wanted = job.resources
    if wanted.cpus is not None and wanted.cpus > ability.cpus:
        raise ValidationFailed(
            f"{wanted.cpus:g} CPUs were asked for and the engine has {ability.cpus}"
        )
    if wanted.gpus is not None and ability.shares_kernel and not (ability.gpus or _has_gpus()):
        raise no_gpu()
    if ability.shares_kernel:
        for port in ports(wanted):
            _check_free(port)


def _has_gpus() -> bool:
    # An engine may grant them without naming a runtime for them; then its refusal tells.
    return any(Path("/dev").glob("nvidia[0-9]*")) or Path("/dev/dxg").exists()


def no_gpu(why: str = "") -> GPUSupportNotEnabled:
    """The refusal of a GPU that is not there; `why` is what the engine said."""
    return GPUSupportNotEnabled(
        "a GPU was asked for and the Docker engine has none to give" + (why and f": {why}"),
        hint="install the NVIDIA driver and container toolkit, or run without --gpu",
    )


def port_in_use(what: str, why: str = "") -> PortTaken:
    """The refusal of a port that somebody else has; `why` is what the engine said."""
    return PortTaken(
        f"port {what} is in use" + (why and f": {why}"),
        hint="stop what uses it, or publish another one",
    )


def _check_free(port: Port) -> None:
    kind = socket.SOCK_DGRAM if port.protocol == "udp" else socket.SOCK_STREAM
    with socket.socket(_family(port.address), kind) as probe:
        if kind == socket.SOCK_STREAM:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((port.address, port.host))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise port_in_use(f"{port.host} of {port.address}") from error
            if error.errno == errno.EADDRNOTAVAIL:
                raise Conflict(f"{port.address} is no address of this machine") from error
