"""Temporary files that processes which were killed left in a store."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from pathlib import Path

# Nobody copies one file for so long: a temporary file this old belongs to a dead process.
LITTER_SECONDS = 86_400


def litter(folder: Path) -> Iterator[tuple[str, os.stat_result]]:
    """The path and state of each."""
    before = time.time() - LITTER_SECONDS
    with os.scandir(folder) as entries:
        found = [entry for entry in entries if entry.name.startswith("tmp-")]
    for entry in found:
        with contextlib.suppress(OSError):
            state = entry.stat(follow_symlinks=False)
            if state.st_mtime < before:
                yield entry.path, state


def sweep(folder: Path) -> None:
    """Remove them."""
    for path, _ in litter(folder):
        with contextlib.suppress(OSError):
            os.unlink(path)
