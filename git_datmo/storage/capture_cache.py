"""What the last capture of a work tree learned, kept in its git directory. Disposable."""

from __future__ import annotations

import marshal
import os
import sys
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from git_datmo.storage.folders import Listing
from git_datmo.storage.reader import Known, Look

_VERSION = f"4 {sys.version_info[0]}.{sys.version_info[1]}".encode()


@dataclass
class CaptureCache:
    """State between captures.

    `seed` is the look of the user's index when ours was copied from it, `base` the tree of
    ours; `special` are tracked paths under our own care with their attribute flags; `known`
    what each path we read held; `hidden` what `scan.hidden` said; `folders` the
    listings; `result` what the last capture made
    of `changes`.
    """

    seed: tuple[int, int, int] | None = None
    base: str = ""
    attributes: str = ""
    threshold: int = 0
    has_attributes: bool = False
    special: dict[bytes, int] = field(default_factory=dict)
    known: dict[bytes, Known] = field(default_factory=dict)
    folders: dict[bytes, Listing] = field(default_factory=dict)
    hidden: dict[bytes, bool] = field(default_factory=dict)
    paths: set[bytes] = field(default_factory=set)
    changes: dict[bytes, tuple[int, str] | None] = field(default_factory=dict)
    result: dict[str, Any] = field(default_factory=dict)


def load(path: Path) -> CaptureCache:
    """Read the cache; an absent, damaged or foreign one is an empty one."""
    try:
        data = path.read_bytes()
    except OSError:
        return CaptureCache()
    head, _, body = data.partition(b"\n")
    version, _, check = head.rpartition(b" ")
    if version != _VERSION or check != b"%08x" % zlib.crc32(body):
        return CaptureCache()
    try:
        raw = marshal.loads(body)
    except (ValueError, EOFError, TypeError):
        return CaptureCache()
    raw["known"] = {
        path: Known(Look(*look), mode, oid, pointer, secret)
        for path, (look, mode, oid, pointer, secret) in raw["known"].items()
    }
    return CaptureCache(**raw)


def save(path: Path, cache: CaptureCache) -> None:
    """Write the cache by way of a temporary file; a failure only costs time later."""
    raw = dict(cache.__dict__)
    raw["known"] = {path: (tuple(k.look), *tuple(k)[1:]) for path, k in cache.known.items()}
    body = marshal.dumps(raw)
    temporary = path.with_name(f"{path.name}.{os.getpid()}")
    try:
        temporary.write_bytes(_VERSION + b" %08x\n" % zlib.crc32(body) + body)
        os.replace(temporary, path)
    except OSError:
        temporary.unlink(missing_ok=True)
