"""Numbers of things in a sentence: one file, two files."""

from __future__ import annotations


def counted(number: int, noun: str) -> str:
    """`1 file`, `2 files`, `1,000 files`: `noun` is of one, and takes an s for several."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def are(number: int, noun: str) -> str:
    """The beginning of a sentence on so many: `1 file is`, `2 files are`."""
    return f"{counted(number, noun)} {'is' if number == 1 else 'are'}"
