"""How content is cut up on its way: sizes of parts, and how many are on the way at once.

What is on the way lies in memory, so the product of both is bounded.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from git_datmo.model.pointer import Pointer

MIB = 1024 * 1024
PART = 8 * MIB
# What comes is asked for in smaller pieces: those that were on the way at a cut are lost.
RANGE = 4 * MIB
IN_FLIGHT = 48 * MIB
# S3 allows 10,000 parts.
MOST_PARTS = 9000
# (largest file in bytes, files at once), the smaller first; larger ones go in parts, one by one.
GROUPS = ((MIB, 24), (PART, 6))


def groups(pointers: Sequence[Pointer]) -> Iterator[tuple[list[Pointer], int]]:
    """The files that go whole, by size, with how many at once."""
    least = -1
    for most, workers in GROUPS:
        group = [pointer for pointer in pointers if least < pointer.size <= most]
        least = most
        if group:
            yield group, workers


def in_parts(pointers: Sequence[Pointer]) -> list[Pointer]:
    """The files that go in parts."""
    return [pointer for pointer in pointers if pointer.size > PART]


def part_size(size: int) -> int:
    """Bytes in each part of a file but the last."""
    least = -(-size // MOST_PARTS)
    return max(PART, -(-least // MIB) * MIB)


def parts_at_once(part: int) -> int:
    """How many parts of a size may be on the way."""
    return max(1, min(6, IN_FLIGHT // part))
