"""JSON for programs: one document, or one line per item.

Typed as the storage format is: NaN is `{"$float": "nan"}` and a huge integer
`{"$int": "<decimal>"}`, for JSON has neither. Bytes of file names that are not UTF-8 are
written as escapes (`\\xff`), as they are shown elsewhere.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping

import orjson

from git_datmo.model.document import encode
from git_datmo.model.text import encodable

_UNSAFE = re.compile("[\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\u2028\u2029]")


def to_json(value: object) -> str:
    """Write one indented document, keys in the order given, safe to show on a terminal.

    `value` is made of dictionaries, lists, tuples and scalars, in any depth that a stored document
    can have and some more. Raises InvalidArgumentType for anything else.
    """
    return _written(value, orjson.OPT_INDENT_2)


def to_line(value: object) -> str:
    """Write one document without line breaks or spaces."""
    return _written(value, 0)


def to_jsonl(values: Iterable[object]) -> Iterator[str]:
    """Write one line per value, as they come."""
    return map(to_line, values)


def _written(value: object, option: int) -> str:
    text = orjson.dumps(_encoded(value), option=option).decode()
    return _UNSAFE.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def _encoded(value: object) -> object:
    """Encode as documents are, but take undecodable text, and let a document lie inside ours."""
    if isinstance(value, str):
        return encodable(value)
    if isinstance(value, Mapping):
        return {_key(str(name)): _encoded(inner) for name, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_encoded(inner) for inner in value]
    if isinstance(value, bytes):
        return encodable(os.fsdecode(value))
    return encode(value)


def _key(name: str) -> str:
    return encodable(f"${name}" if name.startswith("$") else name)
