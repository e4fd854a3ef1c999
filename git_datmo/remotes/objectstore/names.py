"""What content is called in a bucket: a name that says which bytes it must hold."""

from __future__ import annotations

import re

from git_datmo.model.pointer import Pointer

# Where uploads note that content was asked for; see `marks`.
MARKS = "touched"
_NAME = re.compile(r"([0-9a-f]{2})/([0-9a-f]{30})-([0-9a-f]{64})")


def name_of(pointer: Pointer) -> str:
    """The object that holds a pointer's content."""
    return f"{pointer.key[:2]}/{pointer.key[2:]}-{pointer.blake3}"


def read_name(name: str) -> tuple[str, str] | None:
    """The key and BLAKE3 in an object's name; None when it is none of ours."""
    match = _NAME.fullmatch(name)
    return (match[1] + match[2], match[3]) if match else None
