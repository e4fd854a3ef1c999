"""Taking content out of a store for good, wherever pieces of it may lie."""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from git_datmo.model.pointer import Pointer
from git_datmo.storage.store import Store


def erase(store: Store, pointers: Iterable[Pointer]) -> tuple[int, int]:
    """Remove content, what arrived of it, and damaged files under its name; (files, bytes).

    Another content that only shares the name stays.
    """
    files = size = 0
    for pointer in pointers:
        for path in store.candidates(pointer):
            if path.is_file() and store.identify(path) == pointer:
                with suppress(FileNotFoundError):
                    size += path.stat().st_size
                    path.unlink()
                    files += 1
        for path in _pieces(store.folder, pointer):
            path.unlink(missing_ok=True)
    return files, size


def _pieces(folder: Path, pointer: Pointer) -> Iterable[Path]:
    yield folder / "parts" / f"{pointer.key}-{pointer.blake3}"
    bad = folder.parent / "bad"
    with suppress(OSError):
        yield from [bad / name for name in os.listdir(bad) if name.startswith(pointer.key)]
