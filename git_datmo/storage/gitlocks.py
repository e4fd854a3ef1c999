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
from itertools import pairwise
from pathlib import Path

from git_datmo.storage import filesystem
from git_datmo.storage.reftransaction import packed_refs

# The longest that git holds one while it does nothing else is its own five seconds of patience.
QUIET_SECONDS = 60.0
BLIND_SECONDS = 86_400.0
_PROC = Path("/proc")
_OPTIONS = (b"--git-dir", b"--work-tree")
_VARIABLES = (b"GIT_DIR", b"GIT_COMMON_DIR", b"GIT_WORK_TREE")


def found(common_dir: Path, rooms: tuple[str, ...]) -> Iterator[Path]:
    """Every lock of a ref below `rooms`, folders of refs, and the one of packed-refs."""
    packed = Path(f"{packed_refs(common_dir)}.lock")
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


def is_left_behind(lock: Path, common_dir: Path) -> bool:
    """Whether a lock belongs to nobody who lives."""
    old = age(lock)
    if old is None:
        return False
    if old > BLIND_SECONDS:
        return True
    if old < QUIET_SECONDS or filesystem.is_shared(common_dir) or not _PROC.is_dir():
        return False
    here = _places(common_dir)
    path = os.path.join(os.path.realpath(lock.parent), lock.name)
    return not any(_may_hold(process, path, here) for process in _processes())


def remove(lock: Path, common_dir: Path) -> bool:
    """Remove a lock if it is still the one that was left behind."""
    before = _look(lock)
    if before is None or not is_left_behind(lock, common_dir):
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


def _places(common_dir: Path) -> list[Path]:
    """The folders that a git which works in this repository is in: it, and its work trees."""
    found = [common_dir]
    if common_dir.name == ".git":
        found.append(common_dir.parent)
    for link in common_dir.glob("worktrees/*/gitdir"):
        with suppress(OSError):
            found.append((link.parent / os.fsdecode(link.read_bytes().strip())).parent)
    return [path.resolve() for path in found]


def _processes() -> Iterator[Path]:
    own = _ancestors()
    for name in os.listdir(_PROC):
        if name.isdigit() and int(name) not in own:
            yield _PROC / name


def _ancestors() -> set[int]:
    """This process and those that wait for it: `git datmo doctor` is a git that holds nothing."""
    found, number = set[int](), os.getpid()
    while number > 0 and number not in found:
        found.add(number)
        try:
            fields = (_PROC / str(number) / "stat").read_bytes().rpartition(b") ")[2].split()
        except OSError:
            break
        number = int(fields[1])
    return found


def _may_hold(process: Path, lock: str, here: list[Path]) -> bool:
    """A git that works in this repository, or anybody who has the lock open."""
    try:
        is_git = (process / "comm").read_bytes().startswith(b"git") and not _is_ours(process)
    except OSError:
        return False
    try:
        if is_git and any(path.is_relative_to(one) for path in _works_in(process) for one in here):
            return True
        return any(
            os.readlink(process / "fd" / number) == lock for number in os.listdir(process / "fd")
        )
    except (FileNotFoundError, ProcessLookupError):
        return False  # It ended just now.
    except OSError:
        return is_git  # Somebody else's, who may work here.


def _is_ours(process: Path) -> bool:
    """Whether it is git-datmo, or a git that waits for one: it locks refs under our mutex only,
    and has the locks that it holds open. `git cat-file` locks nothing."""
    words = (process / "cmdline").read_bytes().split(b"\0")
    return (
        b"datmo" in words
        or b"cat-file" in words
        or any(word.endswith(b"/git-datmo") for word in words[:2])
    )


def _works_in(process: Path) -> Iterator[Path]:
    """The folders that a git was started in, or told to work in."""
    folder = Path(os.readlink(process / "cwd"))
    yield folder
    words = (process / "cmdline").read_bytes().split(b"\0")
    told = [after for word, after in pairwise(words) if word in _OPTIONS]
    for text in (*words, *(process / "environ").read_bytes().split(b"\0")):
        name, equals, value = text.partition(b"=")
        if equals and (name in _OPTIONS or name in _VARIABLES):
            told.append(value)
    for value in told:
        yield (folder / os.fsdecode(value)).resolve()
