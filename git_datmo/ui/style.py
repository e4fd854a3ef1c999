"""Colours, and when to use them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

_CODES = {
    "bold": "1",
    "dim": "2",
    "red": "31",
    "green": "32",
    "yellow": "33",
    "blue": "34",
    "magenta": "35",
    "cyan": "36",
}


class Terminal(Protocol):
    """The one thing asked of a stream here."""

    def isatty(self) -> bool: ...


def use_color(stream: Terminal, environ: Mapping[str, str]) -> bool:
    """Tell whether `stream` is a terminal that shows colours and whose user wants them."""
    if environ.get("NO_COLOR") or environ.get("TERM") == "dumb":
        return False

    return stream.isatty()


def paint(text: str, style: str, *, color: bool) -> str:
    """Wrap `text` in the colours named in `style`, such as "bold red"; nothing when off or empty.

    The text is taken as it is: make it `safe` first.
    """
    if not (color and style and text):
        return text

    codes = ";".join(_CODES[name] for name in style.split())
    return f"\x1b[{codes}m{text}\x1b[0m"
