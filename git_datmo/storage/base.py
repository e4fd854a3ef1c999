"""The tree a capture starts from, and the tracked paths that git cannot watch for us.

Such a path is read by us each time: its attributes convert bytes, it belongs in the store, or
the user told git not to look at it.
"""

from __future__ import annotations

import os

from git_datmo.errors import DamagedObject
from git_datmo.storage import attributes, scan
from git_datmo.storage.capture_cache import CaptureCache
from git_datmo.storage.objects import EMPTY_TREE
from git_datmo.storage.repository import Repository
from git_datmo.storage.treediff import diff, parents, walk

LARGE = 8


def distrust(repository: Repository, cache: CaptureCache) -> CaptureCache:
    """The cache without trees that are gone: nothing refers to them, so `git gc` may drop them."""
    has = repository.objects.has
    if cache.base and not has(cache.base):
        return CaptureCache()
    if not all(has(str(cache.result[key])) for key in ("bare", "tree") if key in cache.result):
        cache.result, cache.changes = {}, {}
    if not cache.result:
        cache.folders = {}
    return cache


def renew(
    repository: Repository,
    root: bytes,
    cache: CaptureCache,
    found: scan.Scan,
    *,
    outside: str,
    threshold: int,
    reseeded: bool,
) -> str:
    """Bring the cache's base tree and its special paths up to date; return the old base.

    `outside` stamps the attribute files that lie outside the work tree.
    """
    before = cache.base
    stamp = f"{outside} {threshold}" + "".join(
        f" {os.fsdecode(path)}:{_stamp(root, path)}"
        for path in (*found.changed, *found.untracked)
        if path.endswith(b".gitattributes")
    )
    if reseeded:
        cache.base = scan.base_tree(repository, found.unmerged)
    whole = stamp != cache.attributes or not before
    moved: list[tuple[bytes, bool]] = []
    if whole or cache.base != before:
        read = repository.objects.tree
        try:
            start = EMPTY_TREE if whole else before
            moved = [(path, new is not None) for path, _, new in diff(read, start, cache.base)]
        except DamagedObject:
            whole = True
            moved = [(path, True) for path, _, _ in walk(read, cache.base)]
        if any(path.endswith(b".gitattributes") for path, _ in moved) and not whole:
            whole = True
            moved = [(path, True) for path, _, _ in walk(read, cache.base)]
    if whole:
        cache.special.clear()
        cache.known.clear()
        cache.paths = {b""}
        cache.has_attributes = bool(outside.strip()) or any(
            path.endswith(b".gitattributes")
            for path in (*(path for path, _ in moved), *found.untracked)
        )
        cache.attributes = stamp
    _care(repository, root, cache, moved, threshold)
    return before


def _care(
    repository: Repository,
    root: bytes,
    cache: CaptureCache,
    moved: list[tuple[bytes, bool]],
    threshold: int,
) -> None:
    """Decide which of the tracked paths that `moved` are special."""
    present = [path for path, there in moved if there]
    flags = attributes.look_up(repository, present) if cache.has_attributes else {}
    for path, there in moved:
        cache.special.pop(path, None)
        if not there:
            continue
        cache.paths.update(parents(path))
        flag = flags.get(path, 0)
        if not flag & attributes.FORBIDDEN:
            try:
                state = os.lstat(root + b"/" + path)
                if state.st_size >= threshold and state.st_mode & 0o170000 == 0o100000:
                    flag |= LARGE
            except OSError:
                pass
        if flag & (LARGE | attributes.FORCED | attributes.CONVERTS):
            cache.special[path] = flag


def _stamp(root: bytes, path: bytes) -> str:
    try:
        state = os.lstat(root + b"/" + path)
    except OSError:
        return "gone"
    return f"{state.st_size}.{state.st_mtime_ns}.{state.st_ctime_ns}.{state.st_ino}"
