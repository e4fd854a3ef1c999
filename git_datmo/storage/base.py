"""The tree a capture starts from, and the tracked paths that git cannot watch for us.

Such a path is read by us each time: its attributes convert bytes, or it belongs in the store
for its size, its attributes or because it looks like a pointer.
"""

from __future__ import annotations

import os
import stat

from git_datmo.errors import DamagedObject
from git_datmo.model.pointer import MAX_SIZE, looks_like_pointer
from git_datmo.storage import attributes, scan
from git_datmo.storage.capture_cache import CaptureCache
from git_datmo.storage.objects import EMPTY_TREE
from git_datmo.storage.repository import Repository
from git_datmo.storage.treediff import diff, parents, walk

LARGE, POINTER = 8, 16


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
        try:
            state = os.lstat(root + b"/" + path)
        except OSError:
            state = None
        if state is not None and stat.S_ISREG(state.st_mode):
            if state.st_size >= threshold and not flag & attributes.FORBIDDEN:
                flag |= LARGE
            if state.st_size <= MAX_SIZE and _like_pointer(root + b"/" + path):
                flag |= POINTER
        if flag & (LARGE | POINTER | attributes.FORCED | attributes.CONVERTS):
            cache.special[path] = flag


def _like_pointer(full: bytes) -> bool:
    """Whether a small file of the user's looks like a pointer: then it belongs in the store."""
    try:
        fd = os.open(full, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        return looks_like_pointer(os.read(fd, MAX_SIZE))
    finally:
        os.close(fd)


def _stamp(root: bytes, path: bytes) -> str:
    try:
        state = os.lstat(root + b"/" + path)
    except OSError:
        return "gone"
    return f"{state.st_size}.{state.st_mtime_ns}.{state.st_ctime_ns}.{state.st_ino}"
