"""Fonts of pictures: those that are installed and have the letters that the usual one lacks."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from functools import cache

USUAL = "DejaVu Sans"
"""The font that comes with matplotlib."""

# Families that have many letters come first: there may be thousands, and each has to be opened.
_RICH = (
    *("cjk", "noto", "unicode", "unifont", "wenquanyi", "droid sans fallback", "han", "gothic"),
    *("hei", "song", "ming", "pingfang", "hiragino", "malgun", "nanum", "meiryo", "dejavu"),
)
# Coloured letters cannot be drawn, and the last resort has a box for each.
_BOXES = ("emoji", "last resort")
_OPENED = 300
# Marks that join or turn others, and have no picture of their own.
_UNSEEN = frozenset(("Mn", "Me", "Cf", "Cc", "Zs", "Zl", "Zp", "Cn", "Cs"))


def families(texts: Iterable[str]) -> list[str]:
    """The families to draw some texts with, the usual one first."""
    return [USUAL, *_chosen(_letters(texts))[0]]


def lacking(texts: Iterable[str]) -> str:
    """The letters of some texts that no font here has, in their order."""
    return _chosen(_letters(texts))[1]


def _letters(texts: Iterable[str]) -> str:
    found = {letter for text in texts for letter in text}
    return "".join(sorted(one for one in found if unicodedata.category(one) not in _UNSEEN))


@cache
def _chosen(letters: str) -> tuple[tuple[str, ...], str]:
    """The families beside the usual one that have most of what it lacks, and what is left."""
    if letters.isascii():
        return (), ""
    from matplotlib import font_manager

    files: dict[str, str] = {}
    for one in font_manager.fontManager.ttflist:
        if one.style == "normal" and not any(word in one.name.lower() for word in _BOXES):
            files.setdefault(one.name, one.fname)
    wanted = set(letters) - _has(files.pop(USUAL, ""))
    found = []
    for name in sorted(files, key=_rank)[:_OPENED]:
        if not wanted:
            break
        if rest := wanted & _has(files[name]):
            found.append(name)
            wanted -= rest
    return tuple(found), "".join(sorted(wanted))


def _rank(name: str) -> tuple[int, str]:
    plain = name.lower()
    return next((n for n, word in enumerate(_RICH) if word in plain), len(_RICH)), name


@cache
def _has(file: str) -> frozenset[str]:
    """The letters of a font; none of what cannot be read."""
    from matplotlib.font_manager import get_font

    try:
        return frozenset(map(chr, get_font(file).get_charmap()))
    except (OSError, RuntimeError, ValueError):
        return frozenset()
