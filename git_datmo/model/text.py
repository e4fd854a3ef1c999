"""Text that came from bytes which are not UTF-8: names of files, branches, words of a command."""

from __future__ import annotations

import re
from collections.abc import Mapping

_HALVES = "[\ud800-\udfff]"


def encodable(text: str) -> str:
    """Escape only what cannot be written as UTF-8: the undecodable bytes of a file name."""
    return text if text.isascii() else re.sub(_HALVES, _escape, text)


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
    return f"\\x{code - 0xDC00:02x}" if 0xDC80 <= code <= 0xDCFF else f"\\u{code:04x}"
