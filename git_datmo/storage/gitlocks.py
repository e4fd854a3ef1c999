"""Lock files of git that nobody holds any more: git leaves them behind when it is killed.

They name no holder. So one is taken for left behind when it has been there for a while and no
process on this machine could be its holder; where that cannot be told, after a day.
"""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from git_datmo.storage import filesystem

# The longest that git holds one while it does nothing else is its own five seconds of patience.
QUIET_SECONDS = 60.0
BLIND_SECONDS = 86_400.0
_PROC = Path("/proc")


def found(common_dir: Path, rooms: tuple[str, ...]) -> Iterator[Path]:
    """Every lock of a ref below `rooms`, folders of refs, and the one of packed-refs."""
    packed = common_dir / "packed-refs.lock"
    if os.path.lexists(packed):
        yield packed
    for room in rooms:
        for folder, _, names in os.walk(common_dir / room):
            yield from (Path(folder, name) for name in names if name.endswith(".lock"))


def age(lock: Path) -> float | None:
    """Seconds since a lock was last written; None when it is gone, or no lock file."""
    try:
        state = os.lstat(lock)
    except OSError:
        return None
    return time.time() - state.st_mtime if stat.S_ISREG(state.st_mode) else None


def is_left_behind(lock: Path, common_dir: Path, work_tree: Path | None) -> bool:
    """Whether a lock belongs to nobody who lives."""
    old = age(lock)
    if old is None:
        return False
    if old > BLIND_SECONDS:
        return True
    if old < QUIET_SECONDS or filesystem.is_shared(common_dir) or not _PROC.is_dir():
        return False
    return not any(_may_hold(process, lock, common_dir, work_tree) for process in _processes())


def remove(lock: Path, common_dir: Path, work_tree: Path | None) -> bool:
    """Remove a lock if it is still the one that was left behind."""
    before = _look(lock)
    if before is None or not is_left_behind(lock, common_dir, work_tree):
        return False
    with suppress(FileNotFoundError):
        if _look(lock) != before:
            return False
        lock.unlink()
    return True


def _look(lock: Path) -> tuple[int, int] | None:
    try:
        state = os.lstat(lock)
    except OSError:
        return None
    return state.st_ino, state.st_mtime_ns


def _processes() -> Iterator[Path]:
    own = str(os.getpid())
    for name in os.listdir(_PROC):
        if name.isdigit() and name != own:
            yield _PROC / name


def _may_hold(process: Path, lock: Path, common_dir: Path, work_tree: Path | None) -> bool:
    """A git that works in this repository, or anybody who has the lock open."""
    try:
        name = (process / "comm").read_text("utf-8", "replace").strip()
    except OSError:
        return False
    is_git = name.startswith("git")
    try:
        if is_git and _is_here(process, common_dir, work_tree):
            return True
        return any(
            os.readlink(process / "fd" / number) == os.fspath(lock)
            for number in os.listdir(process / "fd")
        )
    except (FileNotFoundError, ProcessLookupError):
        return False  # It ended just now.
    except OSError:
        return is_git  # Somebody else's, who may work here.


def _is_here(process: Path, common_dir: Path, work_tree: Path | None) -> bool:
    said = (process / "cmdline").read_bytes() + (process / "environ").read_bytes()
    if os.fsencode(common_dir) in said:
        return True
    here = Path(os.readlink(process / "cwd"))
    places = [common_dir.resolve(), *([work_tree.resolve()] if work_tree is not None else [])]
    return any(here.is_relative_to(place) for place in places)
