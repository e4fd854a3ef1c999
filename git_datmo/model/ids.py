"""The identifiers of the format: their grammar, and how new ones are made."""

from __future__ import annotations

import os
import re
from typing import Final

OID_RE: Final = re.compile(r"[0-9a-f]{40}\Z")
"""A git object id, SHA-1, written out."""

CLONE_RE: Final = re.compile(r"[0-9a-f]{16}\Z")
"""The id of a clone, which is a writer of notes."""

KEY_RE: Final = re.compile(r"[0-9a-f]{32}\Z")
"""A key of the store: the xxh3-128 digest of what it holds."""


def is_oid(text: str) -> bool:
    """Whether `text` is a whole git object id in lower case."""
    return OID_RE.match(text) is not None


# os.urandom is what the module secrets calls; importing that one costs a third of a start-up.


def new_nonce() -> str:
    """Return 128 random bits as 32 hexadecimal digits."""
    return os.urandom(16).hex()


def new_clone_id() -> str:
    """Return 64 random bits as 16 hexadecimal digits."""
    return os.urandom(8).hex()


def short(id: str, n: int = 10) -> str:
    """Return the first `n` characters of an id, for people to read."""
    return id[:n]
