"""What a plain process can be granted, and what it cannot."""

from __future__ import annotations

import errno
import os

from git_datmo.errors import Conflict, PortTaken, UsageError, ValidationFailed
from git_datmo.model.run import Resources
from git_datmo.runners.local import gpus

CONTAINER = "use --runner docker, or leave it out"
LOOPBACK = "127.0.0.1"


def check(resources: Resources) -> None:
    """Raise UsageError for what a process of this machine cannot be granted or what cannot be at
    all, PortTaken for a port in use, GPUSupportNotEnabled for a GPU that is not here."""
    if resources.memory is not None:
        if resources.memory <= 0:
            raise ValidationFailed("a memory limit is a positive number of bytes")
        raise UsageError("a local run cannot be held to a memory limit", hint=CONTAINER)
    if resources.network == "none":
        raise UsageError("a local run cannot be kept from the network", hint=CONTAINER)
    if resources.network not in (None, "host", "bridge"):
        raise UsageError(
            f"a local run has the machine's network, not {resources.network!r}", hint=CONTAINER
        )
    if resources.cpus is not None:
        _check_cpus(resources.cpus)
    for text in resources.ports:
        _check_free(text)
    if resources.gpus is not None:
        gpus.chosen(resources.gpus)


def processors(cpus: float | None, run_id: str) -> frozenset[int] | None:
    """The processors for a run that was granted `cpus`; runs side by side get different ones
    where there are enough."""
    if cpus is None:
        return None
    present = sorted(os.sched_getaffinity(0))
    count = min(int(cpus), len(present))
    first = int(run_id[:8] or "0", 16) * count % len(present)
    return frozenset((present * 2)[first : first + count])


def port(text: str) -> tuple[str, int]:
    """The address and port of `[address:]host:container` or one number, for a process that
    listens by itself. Raises UsageError."""
    address, _, ports = text.rpartition(":")
    if not address:
        return LOOPBACK, _number(ports, text)
    inner = _number(ports, text)
    host, _, outer = address.rpartition(":")
    if _number(outer, text) != inner:
        raise UsageError(
            f"a local run listens on a port itself: {text} cannot be mapped",
            hint="name one port, or use --runner docker",
        )
    host = host.removeprefix("[").removesuffix("]")
    return host or LOOPBACK, inner


def _number(digits: str, text: str) -> int:
    if digits.isascii() and digits.isdecimal() and 0 < int(digits) < 65536:
        return int(digits)
    raise ValidationFailed(
        f"{text!r} is no port", hint="give one number from 1 to 65535, or host:container"
    )


def _check_free(text: str) -> None:
    import socket

    address, number = port(text)
    try:
        where = socket.getaddrinfo(
            address, number, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST
        )[0]
    except socket.gaierror as error:
        raise ValidationFailed(f"{text!r} is no port: {address!r} is no address") from error
    with socket.socket(where[0], where[1]) as taken:
        # What a connection left a moment ago does not hold a port.
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            taken.bind(where[4])
        except OSError as error:
            raise _refusal(error, address, number) from error


def _refusal(error: OSError, address: str, number: int) -> Conflict | UsageError:
    if error.errno == errno.EADDRINUSE:
        return PortTaken(
            f"port {number} of {address} is in use",
            hint="stop what listens there, or choose another port",
        )
    if error.errno == errno.EACCES:
        return Conflict(
            f"port {number} needs rights that you do not have", hint="choose one above 1023"
        )
    return UsageError(f"cannot listen on port {number} of {address}: {error.strerror}")


def _check_cpus(cpus: float) -> None:
    if not cpus > 0:
        raise ValidationFailed("cpus is a number above 0")
    if not hasattr(os, "sched_getaffinity"):
        raise UsageError("a local run cannot be held to processors on this system", hint=CONTAINER)
    if cpus != int(cpus):
        raise UsageError(f"a local run gets whole processors, not {cpus:g}", hint=CONTAINER)
    present = len(os.sched_getaffinity(0))
    if cpus > present:
        raise ValidationFailed(f"{cpus:g} processors were asked for, and {present} are here")
