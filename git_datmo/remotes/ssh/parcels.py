"""Content on its way: what goes together, and how much of it has moved."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from git_datmo.model.pointer import Pointer
from git_datmo.remotes.base import Advance

# A file of this size or more, in bytes, travels alone and can be gone on with.
LARGE = 4 * 1024 * 1024
# What smaller files are gathered to: a cut costs no more, and a round trip is worth it.
FULL_BYTES, FULL_FILES = 4 * LARGE, 500


class Tally:
    """Tells `advance` of each byte once, however often a file is begun."""

    def __init__(self, advance: Advance) -> None:
        self._advance = advance
        self._reached: dict[Pointer, int] = {}

    def reach(self, pointer: Pointer, offset: int) -> None:
        """So many bytes of this content are at the other end."""
        before = self._reached.get(pointer, 0)
        if offset > before:
            self._reached[pointer] = offset
            self._advance(offset - before)


def parcels(pointers: Iterable[Pointer]) -> list[list[Pointer]]:
    """The content in parcels, once each: a large file alone, those first, small ones together."""
    large: list[list[Pointer]] = []
    small: list[list[Pointer]] = []
    size = FULL_BYTES
    for pointer in dict.fromkeys(pointers):
        if pointer.size >= LARGE:
            large.append([pointer])
            continue
        size += pointer.size
        if not small or size > FULL_BYTES or len(small[-1]) >= FULL_FILES:
            small.append([])
            size = pointer.size
        small[-1].append(pointer)
    large.sort(key=lambda parcel: -parcel[0].size)
    return large + small


def named(pointer: Pointer) -> dict[str, Any]:
    """How messages name content."""
    return {"key": pointer.key, "blake3": pointer.blake3, "size": pointer.size}
