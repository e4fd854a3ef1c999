"""Single values as people read them: numbers, dictionaries, dates, sizes."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Mapping

from git_datmo.model.quantity import counted
from git_datmo.ui.escape import safe

_AMBIGUOUS = re.compile(r"(?i)[-+]?(\d[\d_]*\.?\d*|\.\d+)(e[-+]?\d+)?|nan|[-+]?inf|true|false|null")
_UNITS = ("KiB", "MiB", "GiB", "TiB", "PiB", "EiB")
_AGES = (
    (365 * 86400, "year"),
    (30 * 86400, "month"),
    (7 * 86400, "week"),
    (86400, "day"),
    (3600, "hour"),
    (60, "minute"),
    (1, "second"),
)


def cell(value: object, *, exact: bool = False) -> str:
    """Show a value in one line, safe for a terminal. None is blank; 0 and False are not.

    Floats are cut to six significant digits unless `exact`. Dictionaries are `k: v` pairs.
    """
    if isinstance(value, str):
        return safe(value)
    if value is None:
        return ""
    if isinstance(value, Mapping):
        return _pairs(value, exact)
    return _element(value, exact)


def literal(value: object) -> str:
    """Show a value with its type and all its digits, for comparing: 1 is not "1", "" not nothing.

    Texts that are empty, look like something else, or lie inside a list or dictionary are quoted.
    """
    if isinstance(value, str):
        plain = value and value.strip() == value and value[0] not in "\"'([{"
        return safe(value) if plain and not _AMBIGUOUS.fullmatch(value) else _quoted(value)
    return _nested_literal(value)


def _nested_literal(value: object) -> str:
    if isinstance(value, str):
        return _quoted(value)
    if isinstance(value, Mapping):
        pairs = (f"{key(name)}: {_nested_literal(inner)}" for name, inner in value.items())
        return "{" + ", ".join(pairs) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(map(_nested_literal, value)) + "]"
    return _element(value, True)


def _quoted(value: str) -> str:
    return '"' + safe(value.replace("\\", "\\\\").replace('"', '\\"')) + '"'


def key(name: object) -> str:
    """Show a dictionary's key."""
    return safe(str(name))


def _pairs(value: Mapping[object, object], exact: bool) -> str:
    return ", ".join(f"{key(name)}: {_element(inner, exact)}" for name, inner in value.items())


def _element(value: object, exact: bool) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return _integer(value)
    if isinstance(value, float):
        return repr(value) if exact else _float(value)
    if isinstance(value, Mapping):
        return "{" + _pairs(value, exact) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(_element(inner, exact) for inner in value) + "]"
    if isinstance(value, bytes):
        return safe(os.fsdecode(value))
    return "null" if value is None else safe(str(value))


def _integer(value: int) -> str:
    """Show every digit, also beyond the length that Python refuses to convert in one go."""
    if value.bit_length() < 14_000:
        return str(value)

    sign, value = ("-", -value) if value < 0 else ("", value)
    parts = []
    while value:
        value, part = divmod(value, 10**4000)
        parts.append(str(part).zfill(4000))
    return sign + "".join(reversed(parts)).lstrip("0")


def _float(value: float) -> str:
    short = f"{value:.6g}"
    if float(short) == value:
        return repr(value)

    return f"{value:.1f}" if 1e6 <= abs(value) < 1e15 else short


def subject(message: str) -> str:
    """Show the first line of a message, marked with `…` if more follows."""
    first, _, rest = message.strip().partition("\n")
    return safe(first.rstrip()) + (" …" if rest.strip() else "")


def local_time(ms: int) -> str:
    """Show a moment (milliseconds since 1970, UTC) in local time: `2026-11-21 03:22`."""
    return _strftime("%Y-%m-%d %H:%M", ms)


def full_time(ms: int) -> str:
    """Show a moment as git does, in local time: `Sat Nov 21 02:05:03 2026 +0000`."""
    return _strftime("%a %b %d %H:%M:%S %Y %z", ms)


def _strftime(pattern: str, ms: int) -> str:
    try:
        return time.strftime(pattern, time.localtime(ms // 1000))
    except (OverflowError, OSError, ValueError):
        return f"{ms} ms"


def age(ms: int, now: int) -> str:
    """Show how long before `now` a moment was, both in milliseconds: `3 hours ago`."""
    seconds = (now - ms) // 1000
    if seconds < 0:
        return "in the future"

    for length, unit in _AGES:
        count = seconds // length
        if count:
            return f"{counted(count, unit)} ago"
    return "just now"


def size(n: int) -> str:
    """Show a number of bytes: `512 B`, `1.2 GiB`."""
    if n < 1024:
        return f"{n} B"

    number = n / 1024
    step = 0
    while number >= 1023.95 and step < len(_UNITS) - 1:
        number /= 1024
        step += 1
    return f"{number:.1f} {_UNITS[step]}"
