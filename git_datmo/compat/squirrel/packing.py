"""Objects as MessagePack: NumPy's arrays and numbers as squirrel packs them, tuples and sets as
extensions.

squirrel's own reader unpickles arrays of objects; nothing here does.
"""

from __future__ import annotations

import sys
from typing import Any

from git_datmo.compat.squirrel.refusal import Refused, Unstorable
from git_datmo.errors import DamagedContent

_TUPLE, _SET, _FROZEN, _MAP, _INTEGER = 1, 2, 3, 4, 5
_CODES = {tuple: _TUPLE, set: _SET, frozenset: _FROZEN}
_KINDS = {code: kind for kind, code in _CODES.items()}
_RESERVED = frozenset({b"nd", b"complex"})


def dumps(value: Any) -> bytes:
    """The object packed. Raises Unstorable, Refused where msgpack is not installed."""
    _library()
    try:
        return _packed(value)
    except (ValueError, OverflowError, RecursionError) as error:
        raise Unstorable(f"it cannot be packed: {error}") from error


def loads(data: bytes) -> Any:
    """The object of these bytes. Raises DamagedContent."""
    msgpack = _library()
    failures = (ValueError, TypeError, KeyError, RecursionError, msgpack.UnpackException)
    try:
        return _unpacked(data)
    except failures as error:
        raise DamagedContent(f"this is no packed object: {error}") from error


def _library() -> Any:
    try:
        import msgpack
    except ImportError as error:
        raise Refused(
            "MessagePack needs the package msgpack", hint="run 'pip install msgpack'"
        ) from error
    return msgpack


def _packed(value: Any) -> bytes:
    # Without strict types a tuple would be packed as a list and never asked about.
    packed: bytes = _library().packb(
        _escaped(value), use_bin_type=True, strict_types=True, default=_other
    )
    return packed


def _escaped(value: Any) -> Any:
    """Maps whose keys look like squirrel's arrays, and integers beyond 64 bits, as extensions."""
    if type(value) is dict:
        if _RESERVED.isdisjoint(value):
            return {_escaped(key): _escaped(one) for key, one in value.items()}
        pairs = [[key, one] for key, one in value.items()]
        return _library().ExtType(_MAP, _packed(pairs))
    if type(value) is list:
        return [_escaped(one) for one in value]
    if type(value) is int and not -(2**63) <= value < 2**64:
        return _library().ExtType(_INTEGER, str(value).encode())
    return value


def _other(value: Any) -> Any:
    ext = _library().ExtType
    for kind, code in _CODES.items():
        if isinstance(value, kind):
            return ext(code, _packed(list(value)))
    numpy: Any = sys.modules.get("numpy")
    if numpy is not None and isinstance(value, numpy.ndarray | numpy.generic):
        return _array(numpy, value)
    if isinstance(value, complex):
        return {b"complex": True, b"data": repr(value)}
    if isinstance(value, str):
        return str.__str__(value)
    bases: tuple[Any, ...] = (dict, list, int, float, bytes)
    for base in bases:
        if isinstance(value, base):
            return _escaped(base(value))
    raise Unstorable(
        f"MessagePack has no form for {type(value).__module__}.{type(value).__qualname__}",
        hint="log it with serializer='pickle', or its files",
    )


def _array(numpy: Any, value: Any) -> dict[bytes, Any]:
    exact = not isinstance(value, numpy.ndarray) or type(value) in (numpy.ndarray, numpy.memmap)
    if value.dtype.hasobject or value.dtype.names or not exact:
        called = f"{type(value).__name__} of {value.dtype}"
        raise Unstorable(
            f"MessagePack has no form for an {called}", hint="log it with serializer='pickle'"
        )
    if isinstance(value, numpy.generic):
        return {b"nd": False, b"type": value.dtype.str, b"data": value.tobytes()}
    return {
        b"nd": True,
        b"type": value.dtype.str,
        b"kind": b"",
        b"shape": list(value.shape),
        b"data": value.tobytes(),
    }


def _unpacked(data: bytes) -> Any:
    return _library().unpackb(
        data, object_pairs_hook=_map, ext_hook=_extension, strict_map_key=False, raw=False
    )


def _map(pairs: list[tuple[Any, Any]]) -> Any:
    found = dict(pairs)
    if b"nd" in found:
        return _numbers(found)
    if b"complex" in found:
        return complex(found[b"data"])
    return found


def _numbers(found: dict[Any, Any]) -> Any:
    import numpy

    kind = numpy.dtype(found[b"type"])
    if kind.hasobject:
        raise ValueError("an array of objects, which are pickles")
    if found[b"nd"]:
        flat = numpy.frombuffer(found[b"data"], dtype=kind)
        return flat.reshape(found[b"shape"]).copy()
    return numpy.frombuffer(found[b"data"], dtype=kind)[0]


def _extension(code: int, data: bytes) -> Any:
    if code in _KINDS:
        return _KINDS[code](_unpacked(data))
    if code == _MAP:
        return dict(_unpacked(data))
    if code == _INTEGER:
        return int(data)
    raise ValueError(f"an extension {code} that is not known")
