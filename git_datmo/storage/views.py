"""Folders with the files of something immutable, made once and read by whoever asks.

They lie in `<common dir>/datmo/views/<id>/files`; `look` beside it says how they looked when they
were made, for whoever reads them may be able to write as well. An `<id>` that starts with a dot is
one that is being made or removed.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from git_datmo.storage.dirfd import discard_below

ROOM, FILES, LOOK = "views", "files", "look"
LITTER_SECONDS = 86_400


def seal(place: Path) -> str:
    """How everything below a folder looks: it changes when anything there was written."""
    found = hashlib.sha256()
    stack = [os.fsencode(place)]
    while stack:
        folder = stack.pop()
        with os.scandir(folder) as listed:
            entries = sorted(listed, key=lambda entry: entry.name)
        for entry in entries:
            state = entry.stat(follow_symlinks=False)
            look = (entry.name, state.st_mode, state.st_size, state.st_mtime_ns, state.st_ino)
            # A change of what it names or holds shows here, whatever the other times are set to.
            found.update(repr((*look, state.st_ctime_ns if not entry.is_dir() else 0)).encode())
            if entry.is_dir(follow_symlinks=False):
                stack.append(entry.path)
        found.update(b"/")
    return found.hexdigest()


def is_whole(home: Path, name: str) -> bool:
    """Whether a view is there and looks as it did when it was made; one that does not is put out
    of the way."""
    place = home / ROOM / name
    try:
        if (place / LOOK).read_text("ascii") == seal(place / FILES):
            return True
    except (OSError, UnicodeDecodeError):
        pass
    with suppress(OSError):
        remove(place)
    return False


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
        discard_below(place.parent, place.name)


def _size(place: Path) -> int:
    total = 0
    for folder, _, names in os.walk(place):
        for name in names:
            with suppress(OSError):
                total += os.lstat(os.path.join(folder, name)).st_size
    return total
