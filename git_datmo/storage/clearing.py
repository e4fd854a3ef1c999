"""What a restore in place must move out of its way, and what it must never."""

from __future__ import annotations

import stat
from collections.abc import Iterable, Sequence

from git_datmo.errors import UnsafePath
from git_datmo.model.names import fold_key
from git_datmo.storage.dirfd import in_the_way, is_plain, probe, shown
from git_datmo.storage.treeplan import FOLDERS, Entry
from git_datmo.storage.treewriter import TreeWriter


def clearing(
    writer: TreeWriter, pending: Sequence[Entry], doomed: set[bytes]
) -> list[tuple[bytes, bool]]:
    """What has to go first because something is to stand in its place: path, is a directory.

    Outermost first. Raises UnsafePath for what must not go.
    """
    absent: set[bytes] = set()
    for folder in sorted(_folders_above(entry.path for entry in pending)):
        if folder.rpartition(b"/")[0] in absent:
            absent.add(folder)
            continue
        found = writer.stat(folder)
        if found is None or (is_plain(found) and folder in doomed):
            absent.add(folder)
        elif not stat.S_ISDIR(found.st_mode):
            raise in_the_way(folder, found)

    first: list[tuple[bytes, bool]] = []
    for path, mode, _ in pending:
        if path.rpartition(b"/")[0] in absent or (found := writer.stat(path)) is None:
            continue
        if stat.S_ISDIR(found.st_mode):
            if mode not in FOLDERS:
                first += [(inner, True) for inner in writer.folders_within(path, doomed)]
        elif not is_plain(found):
            raise UnsafePath(f"`{shown(path)}` is no regular file; refusing to replace it")
        elif mode in FOLDERS:
            first.append((path, False))
    return first


def twins(planned: set[bytes], doomed: set[bytes], root: int) -> set[bytes]:
    """Planned paths that this file system takes for one that is to be removed."""
    if not doomed:
        return set()
    keys = {fold_key(path) for path in doomed}
    same = {path for path in planned if fold_key(path) in keys}
    return same if same and probe(root)[0] else set()


def prune(
    writer: TreeWriter, removed: Sequence[bytes], doomed: set[bytes], planned: set[bytes]
) -> None:
    """Remove the directories that were to go, and those that `removed` left empty."""
    for folder in sorted((_folders_above(removed) | doomed) - planned, reverse=True):
        writer.rmdir(folder)


def _folders_above(paths: Iterable[bytes]) -> set[bytes]:
    found: set[bytes] = set()
    for path in paths:
        folder = path.rpartition(b"/")[0]
        while folder and folder not in found:
            found.add(folder)
            folder = folder.rpartition(b"/")[0]
    return found
