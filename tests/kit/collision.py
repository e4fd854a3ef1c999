"""Two contents of one size that XXH3 takes for the same, as anybody can make them.

Of each eight bytes XXH3 adds to its state the bytes themselves, and the product of the two halves
of what is left when they are mixed with a constant. Where one half of that is zero, the product
is zero whatever the other half is: what is added to one such place may be taken from another.
"""

from __future__ import annotations

import random

import xxhash

# The beginning of the constant that is mixed in; for the second 64 bytes it starts 8 later.
_FIRST = bytes.fromhex("b8fe6c3923a44bbe")
_SECOND = bytes.fromhex("7c01812cf721ad1c")


def pair(size: int = 1_100_000, seed: int = 1) -> tuple[bytes, bytes]:
    """Two contents of `size` bytes, at least 2,000, that differ and have one XXH3-128."""
    made = []
    for shift in (0, 7):
        data = bytearray(random.Random(seed).randbytes(size))
        data[0:8] = _FIRST[:4] + (1000 + shift).to_bytes(4, "little")
        data[64:72] = _SECOND[:4] + (2000 - shift).to_bytes(4, "little")
        made.append(bytes(data))
    one, two = made
    assert one != two
    assert xxhash.xxh3_128_digest(one) == xxhash.xxh3_128_digest(two)
    return one, two
