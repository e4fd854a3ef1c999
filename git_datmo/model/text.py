"""Text that came from bytes which are not UTF-8: names of files, branches, words of a command."""

from __future__ import annotations

import re
from collections.abc import Mapping

_HALVES = "[\ud800-\udfff]"
_UNSEEN = (
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029"
    "\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)


def encodable(text: str) -> str:
    """Escape only what cannot be written as UTF-8: the undecodable bytes of a file name."""
    return text if text.isascii() else re.sub(_HALVES, _escape, text)


def visible(text: str) -> str:
    """Escape control characters, marks that turn the direction of writing, and undecodable bytes;
    line feeds and tabs stay."""
    return text if text.isprintable() else re.sub(_UNSEEN, _escape, text)


def spelled(value: object) -> object:
    """A value of dictionaries, lists and scalars with all its texts made `encodable`."""
    if isinstance(value, str):
        return encodable(value)
    if isinstance(value, Mapping):
        return {spelled(key): spelled(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [spelled(inner) for inner in value]
    return value


def _escape(match: re.Match[str]) -> str:
    code = ord(match[0])
    code -= 0xDC00 if 0xDC80 <= code <= 0xDCFF else 0
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
