"""What lies in a store and its surroundings, and taking some of it away."""

from __future__ import annotations

import os
import re
import stat
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from git_datmo.errors import ReadOnlyRepository
from git_datmo.model.freed import DAMAGED, PART, TEMPORARY, VIEW, Freeable
from git_datmo.model.pointer import Pointer
from git_datmo.storage import arrivals, litter, views
from git_datmo.storage.store import Store

# Others wait for a batch to be done: it takes some tens of milliseconds.
BATCH = 500

_REST = re.compile(r"[0-9a-f]{30}(-[0-9a-f]{64})?")
_FOLDER = re.compile(r"[0-9a-f]{2}")


class Look(NamedTuple):
    """How a store file looked: its size in bytes and when it was last put or counted on."""

    size: int
    mtime: float


def names(pointer: Pointer) -> tuple[str, str]:
    """The names under which content can lie, without a folder: `key` and `key-blake3`."""
    return pointer.key, f"{pointer.key}-{pointer.blake3}"


def content(store: Store) -> dict[str, Look]:
    """Every content file of a store by name. What has another kind of name is not ours."""
    found: dict[str, Look] = {}
    for path in store.files():
        if _FOLDER.fullmatch(path.parent.name) and _REST.fullmatch(path.name):
            with suppress(OSError):
                state = os.lstat(path)
                if stat.S_ISREG(state.st_mode):
                    found[path.parent.name + path.name] = Look(state.st_size, state.st_mtime)
    return found


def leftovers(store: Store, grace: float, used: Collection[str] = ()) -> list[Freeable]:
    """What nobody goes on with: cut-off copies and downloads, and, for more than `grace` seconds,
    damaged content that was put aside and views of artifacts, but not those of the ids in `used`.
    Their names are paths."""
    found = []
    now = time.time()
    if store.folder.is_dir():
        for path, state in litter.litter(store.folder):
            found.append(Freeable(TEMPORARY, path, state.st_size, now - state.st_mtime))
    folders = ((store.folder / "parts", arrivals.LITTER_SECONDS, PART),)
    for folder, older, kind in (*folders, (store.folder.parent / "bad", grace, DAMAGED)):
        for entry in _entries(folder):
            with suppress(OSError):
                state = entry.stat(follow_symlinks=False)
                if stat.S_ISREG(state.st_mode) and now - state.st_mtime > older:
                    found.append(Freeable(kind, entry.path, state.st_size, now - state.st_mtime))
    for place, size, age in views.unused(store.folder.parent, grace):
        if place.name not in used:
            found.append(Freeable(VIEW, str(place), size, age))
    return found


def take(
    store: Store,
    doomed: Sequence[tuple[str, Look]],
    still: Callable[[Collection[str]], Collection[str]],
) -> Iterator[str]:
    """Remove content files, if they look as they did; the names of those that are gone.

    `still` is asked, while nobody can record anything, which of some may go after all that was
    recorded meanwhile. Raises RepositoryBusy, ReadOnlyRepository.
    """
    for start in range(0, len(doomed), BATCH):
        batch = doomed[start : start + BATCH]
        gone: list[Path] = []
        with store.lock.alone():
            allowed = still([name for name, _ in batch])
            for name, look in batch:
                path = store.folder / name[:2] / name[2:]
                if name in allowed and _removed(path, look):
                    gone.append(path)
        store.stamps.forget(gone)
        yield from (path.parent.name + path.name for path in gone)


def remove(rows: Sequence[Freeable]) -> Iterator[Freeable]:
    """Remove what `leftovers` found; those that are gone."""
    for row in rows:
        with suppress(FileNotFoundError):
            _unlink(Path(row.name), folder=row.kind == VIEW)
            yield row


def _removed(path: Path, look: Look) -> bool:
    try:
        state = os.lstat(path)
        if (state.st_size, state.st_mtime) != look or not stat.S_ISREG(state.st_mode):
            return False
        _unlink(path)
    except FileNotFoundError:
        return False
    return True


def _unlink(path: Path, *, folder: bool = False) -> None:
    try:
        if folder:
            views.remove(path)
        else:
            os.unlink(path)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise ReadOnlyRepository(f"cannot remove {path}: {error.strerror}") from error


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except OSError:
        return []
