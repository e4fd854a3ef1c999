"""What git does not tell about a work tree: empty folders, and how much is ignored.

Each folder is listed once and again only when its own times change, so an unchanged tree of
1,000 folders costs 1,000 `lstat`.
"""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from git_datmo.model.names import check_kind
from git_datmo.storage.repository import Repository

# One folder as it looked, and its entries that no snapshot holds: (name, is a folder).
Listing = tuple[tuple[int, int, int], tuple[tuple[bytes, bool], ...]]

BUDGET_SECONDS = 0.015


@dataclass
class Extras:
    """`empty` folders to remember; `ignored` paths, their bytes, and whether all were counted.

    `others` are files that are neither ignored nor captured: pipes, sockets, devices.
    """

    empty: list[bytes] = field(default_factory=list)
    ignored: list[bytes] = field(default_factory=list)
    others: list[bytes] = field(default_factory=list)
    ignored_bytes: int = 0
    complete: bool = True


def look(
    repository: Repository,
    root: bytes,
    folders: Iterable[bytes],
    cache: dict[bytes, Listing],
    names: Callable[[bytes], frozenset[bytes]],
) -> list[tuple[bytes, bool]]:
    """List what lies in `folders` beside the captured `names`; `cache` is read and renewed.

    Folders are relative to `root`, the top one is empty. Returns (path, is a folder).
    """
    found: list[tuple[bytes, bool]] = []
    for folder in folders:
        full = root + b"/" + folder if folder else root
        try:
            state = os.lstat(full)
        except OSError:
            cache.pop(folder, None)
            continue
        if not stat.S_ISDIR(state.st_mode):
            cache.pop(folder, None)
            continue
        seen = (state.st_mtime_ns, state.st_ctime_ns, state.st_ino)
        known = cache.get(folder)
        if known is None or known[0] != seen:
            captured = names(folder)
            extras = []
            with os.scandir(full) as entries:
                for entry in entries:
                    if entry.name not in captured and entry.name != b".git":
                        extras.append((entry.name, entry.is_dir(follow_symlinks=False)))
            known = (seen, tuple(sorted(extras)))
            if time.time_ns() - state.st_mtime_ns > 20_000_000:
                cache[folder] = known
        prefix = folder + b"/" if folder else b""
        found += [(prefix + name, is_folder) for name, is_folder in known[1]]
    return found


def sort_out(
    repository: Repository, root: bytes, extras: Iterable[tuple[bytes, bool]], *, count: bool
) -> Extras:
    """Tell empty folders from ignored things, and add up the ignored bytes within a budget."""
    result = Extras()
    level = list(dict(extras).items())
    seen: set[bytes] = set()
    while level:
        level = [(path, is_folder) for path, is_folder in level if path not in seen]
        seen.update(path for path, _ in level)
        ignored = _ignored(repository, level)
        deeper: list[tuple[bytes, bool]] = []
        for path, is_folder in level:
            if path in ignored:
                result.ignored.append(path)
            elif is_folder and check_kind(path.rpartition(b"/")[2], "folder") is None:
                result.empty.append(path)
                deeper += _below(root, path)
            else:
                result.others.append(path)
        level = deeper
    # A folder that holds another remembered one is not empty itself.
    parents = {path.rpartition(b"/")[0] for path in result.empty}
    result.empty = sorted(path for path in result.empty if path not in parents)
    if count:
        _add_up(root, result)
    return result


def _below(root: bytes, folder: bytes) -> list[tuple[bytes, bool]]:
    try:
        with os.scandir(root + b"/" + folder) as entries:
            listed = [(e.name, e.is_dir(follow_symlinks=False)) for e in entries]
    except OSError:
        return []
    if any(name == b".git" for name, _ in listed):
        return []
    return [(folder + b"/" + name, is_folder) for name, is_folder in listed]


def _ignored(repository: Repository, paths: list[tuple[bytes, bool]]) -> set[bytes]:
    listed = b"".join(p + (b"/" if is_folder else b"") + b"\0" for p, is_folder in paths)
    # Exit code 1 says that none is ignored, 128 that a path lies in a submodule.
    code, out, _ = repository.git.attempt(
        "check-ignore", "-z", "--stdin", "--no-index", data=listed
    )
    if code not in (0, 1):
        return {path for path, _ in paths}
    return {path.rstrip(b"/") for path in out.split(b"\0") if path}


def _add_up(root: bytes, extras: Extras) -> None:
    deadline = time.monotonic() + BUDGET_SECONDS
    stack = [root + b"/" + path for path in extras.ignored]
    while stack:
        if time.monotonic() > deadline:
            extras.complete = False
            return
        path = stack.pop()
        try:
            state = os.lstat(path)
            if stat.S_ISDIR(state.st_mode):
                with os.scandir(path) as entries:
                    stack += [entry.path for entry in entries]
            else:
                extras.ignored_bytes += state.st_size
        except OSError:
            continue
