"""Making a slot hold exactly one tree, whatever a task left in it, by writing what differs."""

from __future__ import annotations

import os
import secrets
import stat
import time
from collections.abc import Container, Iterable
from contextlib import closing
from pathlib import Path

from git_datmo.errors import DamagedObject, UnsafePath
from git_datmo.storage import restore, treediff
from git_datmo.storage.dirfd import Directories, discard, writing
from git_datmo.storage.payload import ContentSource
from git_datmo.storage.reader import RACY_NS
from git_datmo.storage.restore import Progress, Report
from git_datmo.storage.slotmemory import Held, Memory
from git_datmo.storage.treediff import Finder, Leaf, parents
from git_datmo.storage.treeplan import (
    EXECUTABLE,
    FOLDERS,
    LINK,
    Entry,
    ObjectSource,
    Plan,
)
from git_datmo.storage.treewalk import listing, remove, stamp, unlock
from git_datmo.storage.verification import holds

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class Filler:
    """Fills the directory `root`, of which `memory` is remembered."""

    def __init__(
        self,
        root: Path,
        objects: ObjectSource,
        content: ContentSource,
        memory: Memory,
        progress: Progress | None,
    ) -> None:
        self._root, self._objects, self._content = root, objects, content
        self._memory, self._progress = memory, progress
        self._wanted: dict[bytes, Leaf] = {}
        self._same: dict[bytes, Held] = {}
        self._there: set[bytes] = set()
        self._removed = 0

    def fill(self, tree: str, *, untouched: bool) -> tuple[Memory, Report]:
        """Make it hold `tree`. `untouched`: it is known to hold the memory's tree still.

        Returns the memory that is now true, the same object when it was before.
        """
        if untouched and tree != self._memory.tree:
            moved = self._moved(tree)
            if moved is not None:
                return moved
        clashes = self._aim(tree)
        try:
            self._survey()
            pending = self._pending()
            report = self._write(Plan(pending, clashes))
        except (OSError, UnsafePath):
            # Not ours to remove, or somebody is still at it: it gets out of the way as a whole.
            self._set_aside()
            pending = self._pending()
            report = self._write(Plan(pending, clashes))
        report.removed += self._removed
        if not pending and not self._removed and tree == self._memory.tree and self._unmoved():
            return self._memory, report
        held: dict[bytes, Held] = {
            path: (None, *leaf) for path, leaf in self._wanted.items() if leaf[0] in FOLDERS
        }
        return Memory(tree, held | self._same | self._stamped(pending, self._wanted)), report

    def _aim(self, tree: str) -> tuple[tuple[bytes, bytes], ...]:
        """Find out what is wanted, by what differs from the tree that is remembered if there is
        one: its names were checked. Returns the pairs of names that clash on some disks."""
        if self._memory.tree:
            self._wanted = {path: held[1:] for path, held in self._memory.held.items()}
            try:
                return self._move_aim(tree)
            except DamagedObject:
                pass  # nothing refers to the remembered tree, so git may have dropped it
        plan = restore.plan(self._objects, tree)
        self._wanted = {path: (mode, oid) for path, mode, oid in plan.entries}
        return plan.clashes

    def _move_aim(self, tree: str) -> tuple[tuple[bytes, bytes], ...]:
        fresh = []
        for path, _, new in treediff.diff(self._objects.tree, self._memory.tree, tree):
            self._wanted.pop(path, None)
            if new is not None:
                self._wanted[path] = new
                fresh.append(path)
        return restore.plan(self._objects, tree, paths=fresh).clashes if fresh else ()

    def _pending(self) -> tuple[Entry, ...]:
        return tuple(
            Entry(path, *leaf)
            for path, leaf in self._wanted.items()
            if path not in self._same and not (leaf[0] in FOLDERS and path in self._there)
        )

    def _unmoved(self) -> bool:
        held = self._memory.held
        return all(held[path][0] == found[0] for path, found in self._same.items())

    def _moved(self, tree: str) -> tuple[Memory, Report] | None:
        """From one tree to another in an untouched slot: nothing but the difference is looked at.

        None when the slot is not as it was left.
        """
        try:
            held, gone, plan = self._difference(tree)
            report = restore.apply(
                plan,
                self._objects,
                self._content,
                self._root,
                remove=gone,
                unchanged=lambda *_: False,
                progress=self._progress,
            )
        except (UnsafePath, DamagedObject):
            return None
        return Memory(tree, held | self._stamped(plan.entries, held)), report

    def _difference(self, tree: str) -> tuple[dict[bytes, Held], list[bytes], Plan]:
        """What stays, what goes and what comes, from the remembered tree to another."""
        held = dict(self._memory.held)
        gone, fresh = [], []
        for path, old, new in treediff.diff(self._objects.tree, self._memory.tree, tree):
            if old is not None:
                gone.append(path)
                held.pop(path, None)
            if new is not None:
                fresh.append(path)
                held[path] = (None, *new)
        finder = Finder(self._objects.tree, tree)
        above = {folder for path in gone for folder in parents(path) if folder}
        gone += [folder for folder in above if finder(folder) is None]
        return held, gone, restore.plan(self._objects, tree, paths=fresh)

    def _write(self, plan: Plan) -> Report:
        if not plan.entries:
            return Report()
        if not self._same and not os.listdir(self._root):
            return restore.write_into(
                plan, self._objects, self._content, self._root, progress=self._progress
            )
        return restore.apply(
            plan,
            self._objects,
            self._content,
            self._root,
            remove=(),
            unchanged=lambda *_: False,
            progress=self._progress,
        )

    def _survey(self) -> None:
        """Walk what is there: note what is as wanted, remove what is not wanted at all."""
        wanted = {path for path, (mode, _) in self._wanted.items() if mode in FOLDERS}
        for path in self._wanted:
            folder = path.rpartition(b"/")[0]
            while folder and folder not in wanted:
                wanted.add(folder)
                folder = folder.rpartition(b"/")[0]
        if os.lstat(self._root).st_mode & 0o7700 != 0o700:
            unlock(bytes(self._root), None)
        root = os.open(self._root, _FOLDER)
        try:
            with closing(Directories(root)) as directories:
                stack = [b""]
                while stack:
                    folder = stack.pop()
                    stack += self._look(directories, folder, wanted)
        finally:
            os.close(root)

    def _look(self, directories: Directories, folder: bytes, wanted: set[bytes]) -> list[bytes]:
        prefix = folder + b"/" if folder else b""
        fd = directories.open(folder)
        extra, below = [], []
        for name, state in listing(fd):
            path = prefix + name
            if stat.S_ISDIR(state.st_mode):
                if path not in wanted:
                    extra.append(path)
                    continue
                if state.st_mode & 0o7700 != 0o700:
                    unlock(name, fd)
                self._there.add(path)
                below.append(path)
            elif (leaf := self._wanted.get(path)) is None or leaf[0] in FOLDERS:
                extra.append(path)
            elif (held := self._held(fd, name, path, state, leaf)) is not None:
                self._same[path] = held
            elif not (stat.S_ISREG(state.st_mode) or stat.S_ISLNK(state.st_mode)):
                extra.append(path)
        for path in extra:
            remove(directories, path)
        self._removed += len(extra)
        return below

    def _held(
        self, fd: int, name: bytes, path: bytes, state: os.stat_result, leaf: Leaf
    ) -> Held | None:
        """What a file holds, if that is what is wanted there."""
        if leaf[0] != LINK:
            mode = 0o700 if leaf[0] == EXECUTABLE else 0o600
            if state.st_mode & 0o7700 != mode:
                return None
        now = stamp(state)
        known = self._memory.held.get(path)
        if known is not None and known[0] == now:
            return known if known[1:] == leaf else None
        return (now, *leaf) if holds(self._objects, fd, name, state, leaf) else None

    def _set_aside(self) -> None:
        name = f"aside-{secrets.token_hex(8)}".encode()
        with writing(bytes(self._root)):
            os.rename(self._root, self._root.with_name(os.fsdecode(name)))
            self._root.mkdir()
        self._same.clear()
        self._there.clear()
        parent = os.open(self._root.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            discard(parent, name)
        finally:
            os.close(parent)

    def _stamped(self, written: Iterable[Entry], tree: Container[bytes]) -> dict[bytes, Held]:
        """How the files that were written look, once any later change is sure to show."""
        found: dict[bytes, Held] = {}
        newest = 0
        root = os.open(self._root, _FOLDER)
        try:
            with closing(Directories(root)) as directories:
                for path, mode, oid in written:
                    if mode in FOLDERS:
                        continue
                    folder, _, name = path.rpartition(b"/")
                    state = os.stat(name, dir_fd=directories.open(folder), follow_symlinks=False)
                    newest = max(newest, state.st_ctime_ns)
                    if name.endswith(b".py"):
                        _drop_bytecode(directories.open(folder), path, tree)
                    found[path] = (stamp(state), mode, oid)
        finally:
            os.close(root)
        wait = newest + RACY_NS - time.time_ns()
        if 0 < wait <= RACY_NS:
            time.sleep(wait / 1e9)
        return found


def _drop_bytecode(folder: int, path: bytes, tree: Container[bytes]) -> None:
    """Forget what Python compiled of a module that was written anew, but for what is in the tree:
    it takes the old for the new when both are of one size and one second."""
    above, _, name = path.rpartition(b"/")
    prefix = b"/".join((above, b"__pycache__", b"")).lstrip(b"/")
    try:
        cache = os.open("__pycache__", _FOLDER, dir_fd=folder)
    except OSError:
        return
    try:
        for found in map(os.fsencode, os.listdir(cache)):
            compiled = found.startswith(name[:-2]) and found.endswith(b".pyc")
            if compiled and prefix + found not in tree:
                os.unlink(found, dir_fd=cache)
    finally:
        os.close(cache)
