"""Points of metrics, and the lines of `metrics.jsonl` that they are written as.

A line is one JSON object: `{"type": "train", "step": 1, "epoch": 0, "time": 1700000000.0,
"loss": 0.5}`. Type, step, epoch and time (seconds since 1970) may be absent; every other key is a
value. What plain JSON cannot say is said as `document` says it; a value whose own name is one of
those four words gets a `$` in front. Lines may come from programs in any language, so reading
takes what writing never makes: bare NaN, doubled keys, spaces, inner objects.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import orjson

from git_datmo.errors import InvalidArgumentType, InvalidDocument
from git_datmo.model import document

DEFAULT: Final = "default"
"""The type of points that were logged without one."""

RESERVED: Final = frozenset({"type", "step", "epoch", "time"})

_STRICT = (
    orjson.OPT_PASSTHROUGH_SUBCLASS
    | orjson.OPT_PASSTHROUGH_DATACLASS
    | orjson.OPT_PASSTHROUGH_DATETIME
    | orjson.OPT_APPEND_NEWLINE
)


@dataclass(frozen=True, slots=True)
class Point:
    """What was logged at once: values by name, and where in its series that was.

    `time` is in seconds since 1970. Values are numbers, true and false, now and then a text.
    """

    type: str = DEFAULT
    step: int | float | None = None
    epoch: int | float | None = None
    time: float | None = None
    values: Mapping[str, Any] = field(default_factory=dict)


def line(
    values: Mapping[Any, Any],
    *,
    type: str | None = None,
    step: object = None,
    epoch: object = None,
    time: float,
    refused: list[str] | None = None,
) -> bytes:
    """Return a point as its line, with the line feed.

    A `step`, `epoch` or textual `type` among the values is meant as the point's own where it was
    not given. Inner dictionaries become dotted names; None is left out. What is no scalar is left
    out too, and `refused` gets a sentence about it. Raises InvalidArgumentType when nothing of it
    can be kept, or when `values` is no dictionary.
    """
    head: dict[str, Any] = {}
    if type is not None:
        head["type"] = type
    if step is not None:
        head["step"] = step
    if epoch is not None:
        head["epoch"] = epoch
    head["time"] = time
    try:
        point = {**head, **values}
        data = orjson.dumps(point, _inner, _STRICT)
    except TypeError as error:
        if error.__cause__ is not None and not isinstance(error.__cause__, Exception):
            raise error.__cause__ from None  # Ctrl-C, while a device was waited for.
        return _careful(head, values, refused)
    # orjson says null for NaN, and lets inner objects and lists pass.
    odd = b"null" in data or b'"$' in data or b"[" in data or data.count(b"{") != 1
    if odd or len(point) != len(head) + len(values):
        return _careful(head, values, refused)
    return data


def _inner(value: Any) -> Any:
    """The Python scalar inside one of numpy's or torch's."""
    inner = value.item()
    if isinstance(inner, int | float | str):
        return inner
    raise TypeError


def _careful(head: dict[str, Any], values: object, refused: list[str] | None) -> bytes:
    if not isinstance(values, Mapping):
        raise InvalidArgumentType(
            f"a point is a dictionary of values by name, not {values.__class__.__name__}"
        )
    point: dict[str, Any] = {}
    lost: list[str] = []
    for name, value in head.items():
        _put(point, name, value, lost)
    kept = 0
    for path, value in _scalars(values, ()):
        name = ".".join(path)
        if name in head or name.startswith("$"):
            name = f"${name}"
        kept += value is None or _put(point, name, value, lost)
    if refused is not None:
        refused += lost
    if lost and not kept:
        raise InvalidArgumentType(lost[0])
    return orjson.dumps(point, option=orjson.OPT_APPEND_NEWLINE)


def _put(point: dict[str, Any], name: str, value: object, lost: list[str]) -> bool:
    try:
        encoded = document.encode(_number(value), name)
    except InvalidArgumentType as error:
        lost.append(error.message)
        return False
    if isinstance(encoded, list):
        lost.append(f"{name} holds {len(encoded)} values, and a point takes one")
        return False
    point[document.check_text(name, "the name of a value")] = encoded
    return True


def _scalars(
    values: Mapping[Any, Any], path: tuple[str, ...]
) -> Iterator[tuple[tuple[str, ...], Any]]:
    for key, value in values.items():
        name = key if isinstance(key, str) else str(key)
        if isinstance(value, Mapping) and len(path) < document.MAX_DEPTH:
            yield from _scalars(value, (*path, name))
        else:
            yield (*path, name), value


def _number(value: object) -> object:
    """Return the number inside what only `float` can open: decimals, fractions, some tensors."""
    if isinstance(value, str | int | float | list | tuple | None) or hasattr(value, "item"):
        return value
    if not hasattr(value, "__float__"):
        return value
    try:
        return float(value)
    except (TypeError, ValueError, ArithmeticError, RuntimeError):
        return value


def parse(data: bytes) -> Point:
    """Return the point of a line, whoever wrote it; raises InvalidDocument when it is none."""
    try:
        raw = orjson.loads(data)
    except orjson.JSONDecodeError:
        raw = _lenient(data)
    if not isinstance(raw, dict):
        raise InvalidDocument("a line of metrics is not an object")
    head: dict[str, Any] = {}
    values: dict[str, Any] = {}
    for key, value in raw.items():
        if key in RESERVED and _fits(key, value):
            head[key] = value
        else:
            _take(values, key[1:] if key.startswith("$") else key, value)
    return Point(**head, values=values)


def _take(values: dict[str, Any], name: str, value: Any) -> None:
    value = document.decode(value)
    if isinstance(value, dict):
        for key, inner in document.flatten(value).items():
            _take_scalar(values, f"{name}.{key}", inner)
    else:
        _take_scalar(values, name, value)


def _take_scalar(values: dict[str, Any], name: str, value: Any) -> None:
    if value is not None and not isinstance(value, list | dict):
        values[name] = value


def _fits(key: str, value: object) -> bool:
    if key == "type":
        return isinstance(value, str)
    return isinstance(value, int | float) and not isinstance(value, bool)


def _lenient(data: bytes) -> Any:
    try:
        found = json.loads(data)
        # Half a surrogate pair, which JSON can spell, could never be written again.
        json.dumps(found, ensure_ascii=False).encode()
        return found
    except (ValueError, RecursionError) as error:
        raise InvalidDocument(f"a line of metrics is not JSON: {error}") from None
