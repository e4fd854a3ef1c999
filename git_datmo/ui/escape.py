"""Foreign text made fit for a terminal: control characters shown, columns counted.

What a colleague's snapshot says is printed on our user's terminal, so nothing in it may move
the cursor, set a title, or turn the direction of writing around.
"""

from __future__ import annotations

import re
from functools import lru_cache

_SPECIAL = (
    "\x7f-\x9f"  # DEL and C1
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # direction of writing
    "\u2028\u2029"  # line and paragraph separator
    "\ud800-\udfff"  # half characters, as os.fsdecode makes of bytes that are not UTF-8
)
# Compiled on first use (re keeps them): most output is plain, and compiling takes 2 ms.
_ONE_LINE = f"[\x00-\x1f{_SPECIAL}]"
_MANY_LINES = f"[\x00-\x08\x0b-\x1f{_SPECIAL}]"
_SHORT = {"\n": r"\n", "\t": r"\t", "\r": r"\r"}

ELLIPSIS = "…"


def safe(text: str, multiline: bool = False) -> str:
    """Show control and direction characters and undecodable bytes as escapes (`\\x1b`, `\\u202e`).

    With `multiline`, line feeds and tabs stay.
    """
    if text.isprintable():
        return text

    return re.sub(_MANY_LINES if multiline else _ONE_LINE, _escape, text)


def _escape(match: re.Match[str]) -> str:
    character = match[0]
    if character in _SHORT:
        return _SHORT[character]

    code = ord(character)
    if 0xDC80 <= code <= 0xDCFF:
        code -= 0xDC00
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


def width(text: str) -> int:
    """Count the terminal columns that `text` (made safe) takes."""
    return len(text) if text.isascii() else sum(map(_columns, text))


@lru_cache(maxsize=4096)
def _columns(character: str) -> int:
    import unicodedata  # costs a library load that plain ASCII output does without

    code = ord(character)
    if code < 0x300:
        return 0 if code == 0xAD else 1
    if unicodedata.category(character) in ("Mn", "Me", "Cf") or 0x1160 <= code <= 0x11FF:
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def clip(text: str, columns: int) -> str:
    """Cut `text` to at most `columns` terminal columns; a cut is marked with `…`."""
    if width(text) <= columns:
        return text
    if columns < 1:
        return ""

    if text.isascii():
        return text[: columns - 1] + ELLIPSIS

    room = columns - 1
    for place, character in enumerate(text):
        room -= _columns(character)
        if room < 0:
            return text[:place] + ELLIPSIS
    raise AssertionError("a text wider than its columns has a place to cut")
