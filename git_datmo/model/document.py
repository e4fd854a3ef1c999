"""Documents: the JSON of config, stats and operations, with every value kept as it is.

JSON as orjson speaks it loses NaN and the infinities and cannot hold large integers. So those are
written as objects with one tagged key, `{"$float": "nan"}` and `{"$int": "<decimal>"}`, and a
user's own key that begins with `$` gets one `$` more. A *decoded* value is what users see; an
*encoded* one is what orjson reads and writes. The bytes of a value are canonical: sorted keys, no
spaces, a sign in every exponent. Two values are equal when their bytes are.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from typing import Any, Final

import orjson

from git_datmo.errors import InvalidArgumentType, InvalidDocument

MAX_DEPTH: Final = 100
"""How many objects and lists may lie inside one another."""

MAX_DIGITS: Final = 10_000
"""How many digits an integer may have."""

_FLOATS = {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}
_INT_RE = re.compile(rf"-?[1-9][0-9]{{0,{MAX_DIGITS - 1}}}\Z")

# orjson 3.10 writes 1e16, 3.13 writes 1e+16: the sign is added, and taken either way when reading.
_EXPONENT_RE = re.compile(rb'("(?:[^"\\]|\\.)*")|e(?=[0-9])')
_EXPONENTS_ARE_SIGNED = orjson.dumps(1e16) == b"1e+16"


def encode(value: object, name: str = "value") -> Any:
    """Return `value` as JSON: tuples as lists, scalar keys as text, numpy's scalars as Python's.

    Raises InvalidArgumentType, calling the place of what cannot be stored by `name` and its keys.
    """
    return _encode(value, (name,))


def decode(value: Any) -> Any:
    """Return what `encode` made `value` from; raises InvalidDocument when it made no such thing."""
    return _decode(value, 0)


def dumps(value: object, name: str = "value") -> bytes:
    """Return the canonical bytes of a decoded value; raises InvalidArgumentType like `encode`."""
    return dump_encoded(encode(value, name))


def loads(data: bytes) -> Any:
    """Return the value whose canonical bytes these are; raises InvalidDocument for any others."""
    raw = load_encoded(data)
    return raw if is_plain(data) else decode(raw)


def equal(a: object, b: object) -> bool:
    """Whether two decoded values are the same: NaN is NaN, but True, 1 and 1.0 are three."""
    return dumps(a) == dumps(b)


def dump_encoded(value: Any) -> bytes:
    """Return the canonical bytes of a value that is encoded already."""
    data = orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
    return data if _EXPONENTS_ARE_SIGNED else _sign_exponents(data)


def load_encoded(data: bytes) -> Any:
    """Read canonical bytes without decoding; raises InvalidDocument when they are not canonical.

    This is what catches doubled keys, spaces and integers that would turn into floats.
    """
    try:
        value = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise InvalidDocument(f"not JSON: {error}") from None
    try:
        again = orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
    except orjson.JSONEncodeError:
        raise InvalidDocument(f"nested deeper than {MAX_DEPTH} levels") from None
    if again != data and _sign_exponents(again) != _sign_exponents(data):
        raise InvalidDocument("not in canonical form: doubled or unsorted keys, spaces, or numbers")
    return value


def is_plain(data: bytes) -> bool:
    """Whether canonical bytes surely hold nothing that decoding would change or refuse."""
    return b'"$' not in data and data.count(b"{") + data.count(b"[") <= MAX_DEPTH


def leaves(
    document: dict[str, Any], prefix: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield each leaf with its path; an empty object inside is a leaf, as is every list."""
    for key, value in document.items():
        path = (*prefix, key)
        if isinstance(value, dict) and value:
            yield from leaves(value, path)
        else:
            yield path, value


def flatten(document: dict[str, Any]) -> dict[str, Any]:
    """Return the leaves by dotted name, for people to read.

    Keys are in double quotes where the names of two leaves would be one without.
    """
    named: dict[str, list[tuple[tuple[str, ...], Any]]] = {}
    for path, value in leaves(document):
        dotted = ".".join(_quoted(key) if '"' in key else key for key in path)
        named.setdefault(dotted, []).append((path, value))

    flat = {}
    for dotted, found in named.items():
        for path, value in found:
            quoted = (_quoted(key) if not key or "." in key or '"' in key else key for key in path)
            flat[dotted if len(found) == 1 else ".".join(quoted)] = value
    return flat


def merge(base: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    """Return `base` with every leaf of `over` set in it; neither is changed or shared."""
    merged: dict[str, Any] = {}
    merge_into(merged, base)
    merge_into(merged, over)
    return merged


def merge_into(target: dict[str, Any], over: dict[str, Any]) -> None:
    """Set every leaf of `over` in `target`: what lay at, above or below its path is gone."""
    for key, value in over.items():
        if isinstance(value, dict) and value:
            inner = target.get(key)
            if not isinstance(inner, dict):
                inner = target[key] = {}
            merge_into(inner, value)
        else:
            target[key] = _copy(value)


def check_text(text: str, where: str) -> str:
    """Return `text` as a plain str; raises InvalidArgumentType when UTF-8 cannot hold it."""
    plain = str.__str__(text)
    if not plain.isascii():
        try:
            plain.encode("utf-8")
        except UnicodeEncodeError as error:
            raise InvalidArgumentType(
                f"{where} holds half of a surrogate pair at position {error.start},"
                " which is not a character"
            ) from None
    return plain


def _encode(value: object, path: tuple[str, ...]) -> Any:
    kind = type(value)
    if value is None or kind is bool:
        return value
    if isinstance(value, str):
        return check_text(value, _where(path)) if kind is not str or not value.isascii() else value
    if isinstance(value, int):
        return _encode_int(int(value), path)
    if isinstance(value, float):
        return _encode_float(float(value))
    if isinstance(value, dict | list | tuple):
        if len(path) > MAX_DEPTH:
            raise InvalidArgumentType(f"{path[0]} is nested deeper than {MAX_DEPTH} levels")
        if isinstance(value, dict):
            return _encode_dict(value, path)
        return [_encode(item, (*path, f"[{index}]")) for index, item in enumerate(value)]

    return _encode(_scalar(value, path), path)


def _encode_dict(value: dict[Any, Any], path: tuple[str, ...]) -> dict[str, Any]:
    encoded = {}
    for key, item in value.items():
        text = _key_text(key, path)
        stored = f"${text}" if text.startswith("$") else text
        if stored in encoded:
            raise InvalidArgumentType(f"{_where(path)} has two keys that are both written {text!r}")
        encoded[stored] = _encode(item, (*path, text))
    return encoded


def _encode_int(value: int, path: tuple[str, ...]) -> Any:
    if -(2**63) <= value < 2**64:
        return value
    if abs(value) >= 10**MAX_DIGITS:
        raise InvalidArgumentType(f"{_where(path)} is an integer of more than {MAX_DIGITS} digits")

    # Python itself refuses to write or read more than 4,300 digits; its decimals do not.
    from decimal import Decimal

    return {"$int": str(Decimal(value))}


def _encode_float(value: float) -> Any:
    if math.isfinite(value):
        return value
    if math.isnan(value):
        return {"$float": "nan"}
    return {"$float": "inf" if value > 0 else "-inf"}


def _scalar(value: object, path: tuple[str, ...]) -> object:
    """Return the Python scalar inside one of numpy's, or of a library that does as numpy does."""
    item = getattr(value, "item", None)
    if callable(item):
        try:
            inner: object = item()
        except (TypeError, ValueError, RuntimeError):
            inner = value
        if isinstance(inner, str | int | float | None):
            return inner
    kind = type(value)
    raise InvalidArgumentType(
        f"{_where(path)} is of type {kind.__module__}.{kind.__qualname__},"
        " which a document cannot hold"
    )


def _key_text(key: object, path: tuple[str, ...]) -> str:
    where = f"a key of {_where(path)}"
    if isinstance(key, str):
        return check_text(key, where)
    if not isinstance(key, bool | int | float | None):
        key = _scalar(key, (where,))
    if key is None or isinstance(key, bool):
        return "null" if key is None else str(key).lower()
    if isinstance(key, int):
        encoded = _encode_int(int(key), (where,))
        return str(encoded["$int"] if isinstance(encoded, dict) else encoded)
    return str(key)


def _decode(value: Any, depth: int) -> Any:
    if not isinstance(value, dict | list):
        return value
    if isinstance(value, dict) and len(value) == 1:
        (tag, content), *_ = value.items()
        if tag.startswith("$") and not tag.startswith("$$"):
            return _decode_tagged(tag, content)
    if depth == MAX_DEPTH:
        raise InvalidDocument(f"nested deeper than {MAX_DEPTH} levels")
    if isinstance(value, list):
        return [_decode(item, depth + 1) for item in value]

    decoded = {}
    for key, item in value.items():
        if not key.startswith("$"):
            decoded[key] = _decode(item, depth + 1)
        elif key.startswith("$$"):
            decoded[key[1:]] = _decode(item, depth + 1)
        else:
            raise InvalidDocument(f"the tag {key!r} is not alone in its object")
    return decoded


def _decode_tagged(tag: str, text: object) -> int | float:
    if tag == "$float" and isinstance(text, str) and text in _FLOATS:
        return _FLOATS[text]
    if tag == "$int" and isinstance(text, str) and _INT_RE.match(text):
        from decimal import Decimal

        number = int(Decimal(text))
        if not -(2**63) <= number < 2**64:
            return number
    raise InvalidDocument(f"the tag {tag!r} has no such value")


def _sign_exponents(data: bytes) -> bytes:
    return _EXPONENT_RE.sub(lambda found: found[1] or b"e+", data)


def _copy(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _copy(item) for key, item in value.items()}
    return [_copy(item) for item in value] if isinstance(value, list) else value


def _quoted(key: str) -> str:
    return json.dumps(key, ensure_ascii=False)


def _where(path: tuple[str, ...]) -> str:
    """Return a path for people: value.layers[2].size."""
    first, *rest = path
    return first + "".join(key if key.startswith("[") else f".{key}" for key in rest)
