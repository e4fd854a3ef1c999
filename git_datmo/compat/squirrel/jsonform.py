"""Objects as JSON: squirrel's form of NumPy's arrays, and marks for what JSON has no word for.

A mark is an object with the three keys of squirrel's arrays and no shape:
`{"type": "tuple", "data": […], "shape": null}`. squirrel stops at one; it never takes it for
something else.
"""

from __future__ import annotations

import base64
import json
import sys
from collections.abc import Callable
from typing import Any

from git_datmo.compat.squirrel.refusal import Unstorable
from git_datmo.errors import DamagedContent

_KEYS = frozenset({"type", "data", "shape"})
_ARRAYS = "biufU"
_LONG = 8
_OTHER = "log it with serializer='messagepack' or 'pickle', or its files"


def dumps(value: Any) -> bytes:
    """One line of JSON. Raises Unstorable for what it has no form for."""
    try:
        return json.dumps(_plain(value)).encode() + b"\n"
    except ValueError as error:
        raise Unstorable(f"it cannot be JSON: {error}") from error
    except RecursionError as error:
        raise Unstorable("it contains itself, or is too deep for JSON") from error


def loads(data: bytes) -> Any:
    """The object of a line. Raises DamagedContent."""
    try:
        return json.loads(data, object_hook=_marked)
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise DamagedContent(f"this is no object in JSON: {error}") from error


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, bool | int | float | str):
        return _simple(value)
    if isinstance(value, dict):
        if value.keys() >= _KEYS or not all(isinstance(key, str) for key in value):
            return _mark("dict", [[_plain(key), _plain(one)] for key, one in value.items()])
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_plain(one) for one in value]
    for kind, name in ((tuple, "tuple"), (set, "set"), (frozenset, "frozenset")):
        if isinstance(value, kind):
            return _mark(name, [_plain(one) for one in value])
    if isinstance(value, bytes | bytearray):
        return _mark("bytes", base64.b64encode(value).decode())
    if isinstance(value, complex):
        return _mark("complex", [value.real, value.imag])
    return _number(value)


def _simple(value: Any) -> Any:
    """Text and numbers without what a class of their own adds."""
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, str):
        return str.__str__(value)
    return int(value) if isinstance(value, int) else float(value)


def _number(value: Any) -> Any:
    numpy: Any = sys.modules.get("numpy")
    if numpy is not None and isinstance(value, numpy.generic):
        if value.dtype.kind in "biu" or (value.dtype.kind == "f" and value.itemsize <= _LONG):
            return value.item()
        raise Unstorable(f"JSON has no form for numpy.{type(value).__name__}", hint=_OTHER)
    if numpy is not None and isinstance(value, numpy.ndarray):
        kind, exact = value.dtype.kind, type(value) in (numpy.ndarray, numpy.memmap)
        if not exact or kind not in _ARRAYS or (kind == "f" and value.itemsize > _LONG):
            called = f"{type(value).__name__} of {value.dtype}"
            raise Unstorable(f"JSON has no form for an {called}", hint=_OTHER)
        return {"data": value.tolist(), "type": value.dtype.str, "shape": list(value.shape)}
    raise Unstorable(
        f"JSON has no form for {type(value).__module__}.{type(value).__qualname__}", hint=_OTHER
    )


def _mark(name: str, data: Any) -> dict[str, Any]:
    return {"type": name, "data": data, "shape": None}


_MARKS: dict[str, Callable[[Any], Any]] = {
    "tuple": tuple,
    "set": set,
    "frozenset": frozenset,
    "bytes": lambda data: base64.b64decode(data, validate=True),
    "complex": lambda data: complex(*data),
    "dict": dict,
}


def _marked(found: dict[str, Any]) -> Any:
    if not found.keys() >= _KEYS:
        return found
    if found["shape"] is None:
        return _MARKS[found["type"]](found["data"])
    import numpy

    kind = numpy.dtype(found["type"])
    if kind.kind not in _ARRAYS:
        raise ValueError(f"an array of {kind}")
    return numpy.array(found["data"], dtype=kind).reshape(found["shape"])
