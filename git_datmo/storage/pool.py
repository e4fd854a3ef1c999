"""Isolated work trees that are kept warm: `<common git dir>/datmo/pool/<n>/tree`.

A slot is used by one process at a time, which holds its `flock`. While a run that is not recorded
yet may still write into it, its flight folder is named in `flight`, and nobody else takes the slot,
not even when the process that held it was killed.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import suppress
from functools import cached_property
from pathlib import Path

from git_datmo.errors import NotFound, RepositoryBusy
from git_datmo.storage import slotfill, slotmemory
from git_datmo.storage.dirfd import discard_below
from git_datmo.storage.durability import disk_errors
from git_datmo.storage.payload import ContentSource
from git_datmo.storage.restore import Progress, Report
from git_datmo.storage.slotmemory import Memory
from git_datmo.storage.treeplan import ObjectSource

WAIT_SECONDS = 10.0


class Slot:
    """One isolated work tree, held until `close`. Made by `take` and `retake`."""

    def __init__(self, folder: Path, lock: int) -> None:
        self.folder = folder
        self._lock: int | None = lock

    def __enter__(self) -> Slot:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def number(self) -> int:
        """Its number in the pool, with which `retake` finds it again."""
        return int(self.folder.name)

    @property
    def tree(self) -> Path:
        """The work tree: the same path each time this slot is used."""
        return self.folder / "tree"

    @property
    def holds(self) -> str:
        """The id of the tree that it held when that was last known; empty when never."""
        return slotmemory.tree_of(self._memory_path)

    @cached_property
    def memory(self) -> Memory:
        """What it holds, as far as that is known."""
        return slotmemory.load(self._memory_path)

    @property
    def _memory_path(self) -> Path:
        return self.folder / "memory"

    @property
    def _pristine_path(self) -> Path:
        return self.folder / "pristine"

    def fill(
        self,
        objects: ObjectSource,
        content: ContentSource,
        tree: str,
        *,
        progress: Progress | None = None,
    ) -> Report:
        """Make the work tree hold exactly `tree`, writing only what differs.

        When it returns, a change of any file is sure to show in its times. Raises what a restore
        raises (UnsafeName, DamagedObject, ContentMissing, NoSpace, …); the next fill repairs.
        """
        pristine = self._was_untouched()
        if pristine == tree and tree:
            return Report()
        with disk_errors(self.folder), suppress(FileExistsError):
            self.tree.mkdir()
        filler = slotfill.Filler(self.tree, objects, content, self.memory, progress)
        memory, report = filler.fill(
            tree, untouched=bool(pristine) and pristine == self.memory.tree
        )
        if memory is not self.memory:
            self.remember(memory)
        return report

    def remember(self, memory: Memory) -> None:
        """Keep what it holds now for the next fill."""
        slotmemory.save(self._memory_path, memory)
        self.__dict__["memory"] = memory

    def untouched(self) -> None:
        """Note that nothing wrote into it since it was filled; then the next fill need not look.

        True after a run over an overlay; never said of a tree that a task could write.
        """
        if held := self.holds:
            with suppress(OSError):
                self._pristine_path.write_text(held, "ascii")

    def reserve(self, flight: Path) -> None:
        """Keep others from taking it, even after this process is gone, while `flight` exists."""
        with disk_errors(self.folder):
            (self.folder / "flight").write_bytes(os.fsencode(flight))

    def close(self) -> None:
        """Give it back to the pool. Twice is fine."""
        if self._lock is not None:
            (self.folder / "flight").unlink(missing_ok=True)
            self.let_go()

    def let_go(self) -> None:
        """Unlock it and leave it reserved: whoever supervises its run from now on retakes it."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def _was_untouched(self) -> str:
        """The tree that nothing wrote into; forgotten by asking, for now somebody may write."""
        try:
            tree = self._pristine_path.read_text("ascii")
            self._pristine_path.unlink()
        except (OSError, ValueError):
            return ""
        return tree


def take(home: Path, *, prefer: str | None = None, flight: Path | None = None) -> Slot:
    """A free slot of the pool below the datmo folder `home`: one that holds the tree `prefer` if
    there is one, else any, else a new one. `flight` reserves it, see `Slot.reserve`."""
    pool = home / "pool"
    with disk_errors(home):
        pool.mkdir(parents=True, exist_ok=True)
    folders = _folders(pool)
    likely = [f for f in folders if prefer and slotmemory.tree_of(f / "memory") == prefer]
    number = 0
    for folder in (*likely, *(f for f in folders if f not in likely)):
        number = max(number, int(folder.name))
        slot = _locked(folder)
        if slot is not None:
            break
    else:
        slot = None
    while slot is None:
        number += 1
        with disk_errors(home):
            try:
                (pool / str(number)).mkdir(mode=0o700)
            except FileExistsError:
                continue
        slot = _locked(pool / str(number))
    if flight is not None:
        slot.reserve(flight)
    return slot


def retake(home: Path, number: int, flight: Path) -> Slot:
    """The slot that was reserved for `flight`, after whoever held it let go or died.

    Raises NotFound when it is gone or not reserved for it, RepositoryBusy after ten seconds.
    """
    folder = home / "pool" / str(number)
    deadline = time.monotonic() + WAIT_SECONDS
    while _flight(folder) == flight:
        slot = _locked(folder, flight)
        if slot is not None:
            return slot
        if time.monotonic() > deadline:
            raise RepositoryBusy(f"another process still uses the work tree {folder / 'tree'}")
        time.sleep(0.02)
    raise NotFound(f"the work tree {folder / 'tree'} is not that of the run {flight.name}")


def trim(home: Path, keep: int) -> int:
    """Remove free slots beyond `keep`, those with the highest numbers first; how many went."""
    removed = 0
    folders = _folders(home / "pool")
    for folder in reversed(folders[max(0, keep) :]):
        slot = _locked(folder)
        if slot is None:
            continue
        with slot:
            discard_below(folder.parent, folder.name)
            removed += not folder.exists()
    return removed


def litter(home: Path) -> Iterator[Path]:
    """Work trees that were put out of the way in a slot that nobody holds, and not removed."""
    for folder in _folders(home / "pool"):
        with suppress(OSError):
            names = [name for name in os.listdir(folder) if name.startswith("aside-")]
            if names and _is_free(folder):
                yield from (folder / name for name in names)


def surplus(home: Path, keep: int) -> Iterator[Path]:
    """The slots that `trim` would remove."""
    return (folder for folder in _folders(home / "pool")[max(0, keep) :] if _is_free(folder))


def _is_free(folder: Path) -> bool:
    """Whether nobody holds a slot; asked without making anything."""
    try:
        fd = os.open(folder / "lock", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return False
    finally:
        os.close(fd)
    reserved = _flight(folder)
    return reserved is None or not reserved.exists()


def _folders(pool: Path) -> list[Path]:
    with suppress(FileNotFoundError):
        names = [name for name in os.listdir(pool) if name.isdigit()]
        return [pool / name for name in sorted(names, key=int)]
    return []


def _locked(folder: Path, flight: Path | None = None) -> Slot | None:
    """The slot if nobody holds it and it is not reserved for another flight."""
    try:
        lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # It may have been removed between opening and locking.
        there = os.stat(folder / "lock")
        reserved = _flight(folder)
        if (there.st_dev, there.st_ino) == _identity(lock) and (
            reserved is None or reserved == flight or not reserved.exists()
        ):
            return Slot(folder, lock)
    except (BlockingIOError, FileNotFoundError):
        pass
    os.close(lock)
    return None


def _flight(folder: Path) -> Path | None:
    try:
        return Path(os.fsdecode((folder / "flight").read_bytes()))
    except OSError:
        return None


def _identity(fd: int) -> tuple[int, int]:
    state = os.fstat(fd)
    return state.st_dev, state.st_ino
