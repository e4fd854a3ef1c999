"""The small file that stands in a tree for content in the store.

A pointer has exactly one encoding. Whatever only resembles one is not a pointer: it is somebody's
data when it comes from a work tree, and damage when it comes from a snapshot of ours.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from git_datmo.errors import InvalidPointer, NewerFormat
from git_datmo.model.ids import KEY_RE

MAX_SIZE: Final = 512
"""No pointer of any version is longer than this many bytes."""

MAX_CONTENT: Final = 2**63 - 1
"""The largest size, in bytes, that content may have."""

_BLAKE3_RE = re.compile(r"[0-9a-f]{64}\Z")
_HEADER_RE = re.compile(rb"git-datmo pointer ([0-9]+)\n")
_POINTER_RE = re.compile(
    rb"git-datmo pointer 1\n"
    rb"xxh3-128 ([0-9a-f]{32})\n"
    rb"blake3 ([0-9a-f]{64})\n"
    rb"size (0|[1-9][0-9]*)\n\Z"
)
_LINES = (
    ("xxh3-128", re.compile(rb"xxh3-128 [0-9a-f]{32}\Z"), "32 lower-case hexadecimal digits"),
    ("blake3", re.compile(rb"blake3 [0-9a-f]{64}\Z"), "64 lower-case hexadecimal digits"),
    ("size", re.compile(rb"size (?:0|[1-9][0-9]*)\Z"), "a decimal number without leading zeros"),
)


@dataclass(frozen=True, slots=True)
class Pointer:
    """Content in the store: the key it is found by, the digest that proves it, its size in bytes.

    Raises InvalidPointer when a field is outside the grammar.
    """

    key: str
    blake3: str
    size: int

    def __post_init__(self) -> None:
        if not KEY_RE.match(self.key):
            raise InvalidPointer("the key of a pointer must be 32 lower-case hexadecimal digits")
        if not _BLAKE3_RE.match(self.blake3):
            raise InvalidPointer("the blake3 of a pointer must be 64 lower-case hexadecimal digits")
        if not 0 <= self.size <= MAX_CONTENT:
            raise InvalidPointer(f"the size of a pointer must be from 0 to {MAX_CONTENT}")

    def encode(self) -> bytes:
        """Return the one encoding of this pointer."""
        return (
            f"git-datmo pointer 1\nxxh3-128 {self.key}\nblake3 {self.blake3}\nsize {self.size}\n"
        ).encode("ascii")

    @classmethod
    def parse(cls, data: bytes) -> Pointer:
        """Read a pointer; raises InvalidPointer with the reason, or NewerFormat."""
        found = _POINTER_RE.match(data) if len(data) <= MAX_SIZE else None
        if found is None:
            raise _reason(data)
        key, blake3, size = (part.decode("ascii") for part in found.groups())
        return cls(key, blake3, int(size))


def looks_like_pointer(data: bytes) -> bool:
    """Whether `data` must not lie in a tree unless we wrote it as a pointer.

    True for every pointer, and for everything of at most MAX_SIZE bytes that begins with the first
    line of a pointer of any version: what this version calls damaged or too new, another may read.
    A user's file of this kind goes to the store and is pointed to.
    """
    return len(data) <= MAX_SIZE and _HEADER_RE.match(data) is not None


def _reason(data: bytes) -> InvalidPointer | NewerFormat:
    """Say why `data` is no pointer; it is known not to be one."""
    if len(data) > MAX_SIZE:
        return InvalidPointer(f"not a pointer: {len(data)} bytes, more than {MAX_SIZE}")

    header = _HEADER_RE.match(data)
    if header is None:
        return InvalidPointer("not a pointer: the first line is not 'git-datmo pointer 1'")
    version = header[1].decode("ascii")
    if version.startswith("0"):
        return InvalidPointer(f"damaged pointer: there is no version {version}")
    if version != "1":
        return NewerFormat(f"pointer version {version} is newer than this git-datmo, which reads 1")

    lines = data[header.end() :].split(b"\n")
    for (name, grammar, wanted), line in zip(_LINES, lines, strict=False):
        if not grammar.match(line):
            return InvalidPointer(f"damaged pointer: '{name}' must be followed by {wanted}")
    if len(lines) < 4:
        return InvalidPointer("damaged pointer: it ends too early")
    return InvalidPointer("damaged pointer: there is more after the size")
