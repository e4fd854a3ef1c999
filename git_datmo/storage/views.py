"""Folders with the files of something immutable, made once and read by whoever asks.

They lie in `<common dir>/datmo/views/<id>`; a folder whose name starts with a dot is one that is
being made or removed.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from git_datmo.storage.dirfd import discard

ROOM = "views"
LITTER_SECONDS = 86_400


def unused(home: Path, seconds: float) -> Iterator[tuple[Path, int, float]]:
    """Views that nobody asked for within so many seconds, and what a killed process left of its
    making or removal: path, bytes, age in seconds."""
    now = time.time()
    try:
        listed = sorted((home / ROOM).iterdir())
    except OSError:
        return
    for place in listed:
        with suppress(OSError):
            age = now - place.stat().st_mtime
            if age > (LITTER_SECONDS if place.name.startswith(".") else seconds):
                yield place, _size(place), age


def remove(place: Path) -> None:
    """Remove a view; who reads it just then keeps what is open."""
    doomed = place.with_name(f".old-{os.urandom(8).hex()}")
    os.rename(place, doomed)
    discard_folder(doomed)


def discard_folder(place: Path) -> None:
    """Remove a folder and all that is in it, following nothing."""
    with suppress(OSError):
        parent = os.open(place.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            discard(parent, os.fsencode(place.name))
        finally:
            os.close(parent)


def _size(place: Path) -> int:
    total = 0
    for folder, _, names in os.walk(place):
        for name in names:
            with suppress(OSError):
                total += os.lstat(os.path.join(folder, name)).st_size
    return total
