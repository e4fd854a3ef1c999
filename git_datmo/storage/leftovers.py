"""What lies in a directory after a task: found by names and times, nothing is read yet.

The task may be hostile: what is no file, link or directory, what git cannot hold and what would
fill the disk is passed over and listed.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from operator import itemgetter
from pathlib import Path

from git_datmo.errors import UnsafePath
from git_datmo.model.names import check_kind, check_name
from git_datmo.storage import overlay
from git_datmo.storage.dirfd import Directories
from git_datmo.storage.slotmemory import Held
from git_datmo.storage.treediff import MAX_DEPTH, parents
from git_datmo.storage.treeplan import MAX_PATH
from git_datmo.storage.treewalk import listing, stamp

# New files and folders of these names are nobody's results; `*.pyc` goes with them.
LITTER = (
    b"__pycache__",
    b".ipynb_checkpoints",
    b".pytest_cache",
    b".mypy_cache",
    b".ruff_cache",
    b".DS_Store",
    b".em",  # the local directories of t9k.em's runs, which are recorded as runs
)

# A file that claims more than this many bytes, and this many times what it takes on the disk.
SPARSE_SIZE = 1 << 30
SPARSE_RATIO = 16

_LISTED = 1000  # paths over the limits that are listed one by one


@dataclass
class Budget:
    """How many more files may be read, and how many more bytes."""

    files: int
    size: int
    refused: int = 0

    @property
    def unlisted(self) -> int:
        """How many files were refused beyond those that are listed one by one."""
        return max(0, self.refused - _LISTED)

    def refuse(self, state: os.stat_result) -> str | None:
        """Why a file is one too many; None when it is taken, and then counted."""
        if self.files < 1:
            return "there are more files than the limit allows"
        if state.st_size > self.size:
            return f"its {state.st_size} bytes are more than the limit or the disk allows"
        self.files -= 1
        self.size -= state.st_size
        return None


@dataclass
class Leftovers:
    """Paths below one directory.

    `fresh` are files and links to be read, `same` those known from their stamps. `folders` were
    looked into. `kept` stay as they were before, with all below them, for they could not be
    looked at. Of an overlay, `cleared` are paths of which nothing is left below, and `holding`
    folders that still have something of the lower one.
    """

    fresh: dict[bytes, os.stat_result] = field(default_factory=dict)
    same: dict[bytes, Held] = field(default_factory=dict)
    folders: set[bytes] = field(default_factory=set)
    kept: set[bytes] = field(default_factory=set)
    skipped: list[tuple[bytes, str]] = field(default_factory=list)
    cleared: set[bytes] = field(default_factory=set)
    holding: set[bytes] = field(default_factory=set)

    def skip(self, path: bytes, reason: str) -> None:
        """Leave a path as it was before, and say why."""
        self.kept.add(path)
        self.skipped.append((path, reason))

    def is_kept(self, path: bytes) -> bool:
        """Whether `path` stays as it was before."""
        return bool(self.kept) and (
            path in self.kept or any(above in self.kept for above in parents(path))
        )


class Scanner:
    """Looks through one directory. `before` lists the names a folder had before the task.

    `known` are stamps of what has not changed; `links` are paths that are not looked at.
    """

    def __init__(
        self,
        before: Callable[[bytes], Collection[bytes]],
        budget: Budget,
        *,
        known: Mapping[bytes, Held] | None = None,
        links: Collection[bytes] = (),
        upper: bool = False,
    ) -> None:
        self._before, self._budget = before, budget
        self._known: Mapping[bytes, Held] = known or {}
        self._links, self._upper = links, upper
        self.out = Leftovers()

    def scan(self, root: Path) -> Leftovers:
        """Look at everything below `root`, folders in the order of a depth-first walk."""
        flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
        try:
            fd = os.open(root, flags)
        except OSError as error:
            self.out.skip(b"", f"cannot be read: {error.strerror}")
            return self.out
        try:
            with Directories(fd) as directories:
                stack = [(b"", True)]
                while stack:
                    folder, merged = stack.pop()
                    below = self._folder(directories, folder, merged)
                    stack += reversed(below)
        finally:
            os.close(fd)
        return self.out

    def _folder(
        self, directories: Directories, folder: bytes, merged: bool
    ) -> list[tuple[bytes, bool]]:
        """One folder; the folders in it to go on with, and whether lower ones show in them."""
        try:
            fd = directories.open(folder)
            entries = sorted(listing(fd), key=itemgetter(0))
        except OSError as error:
            self.out.skip(folder, f"cannot be read: {error.strerror}")
            return []
        except UnsafePath:
            self.out.skip(folder, "changed while it was read")
            return []
        if self._upper:
            if folder and overlay.is_moved(fd):
                self.out.skip(folder, "was renamed in a way that this overlay does not show")
                return []
            if folder and overlay.is_opaque(fd):
                self.out.cleared.add(folder)
                merged = False
            if merged and set(self._before(folder)) - {name for name, _ in entries}:
                self.out.holding.add(folder)
        if folder:
            self.out.folders.add(folder)
        prefix = folder + b"/" if folder else b""
        below = []
        for name, state in entries:
            path = prefix + name
            known = self._known.get(path)
            if known is not None and known[0] is not None and known[0] == stamp(state):
                self.out.same[path] = known
            elif path in self._links:
                continue
            elif self._upper and overlay.is_whiteout(name, state, fd):
                self.out.cleared.add(path)
            elif self._is_litter(folder, name):
                continue
            elif (reason := self._reason(fd, path, name, state)) is not None:
                self.out.skip(path, reason)
            elif stat.S_ISDIR(state.st_mode):
                below.append((path, merged))
            elif (reason := self._budget.refuse(state)) is not None:
                self._refuse(path, reason)
            else:
                self.out.fresh[path] = state
        return below

    def _is_litter(self, folder: bytes, name: bytes) -> bool:
        litter = name in LITTER or name.endswith(b".pyc")
        return litter and name not in self._before(folder)

    def _reason(self, fd: int, path: bytes, name: bytes, state: os.stat_result) -> str | None:
        """Why something can never be recorded."""
        if (reason := check_name(name)) is not None:
            return f"git cannot hold this name: {reason}"
        if path.count(b"/") >= MAX_DEPTH - 1 or len(path) > MAX_PATH:
            return "it lies too deep"
        kind = state.st_mode
        shape = "folder" if stat.S_ISDIR(kind) else "link" if stat.S_ISLNK(kind) else "file"
        if (reason := check_kind(name, shape)) is not None:
            return reason
        if not (stat.S_ISREG(kind) or stat.S_ISLNK(kind) or stat.S_ISDIR(kind)):
            return f"it is {_kind(kind)}"
        taken = state.st_blocks * 512
        sparse = state.st_size > SPARSE_SIZE and state.st_size > SPARSE_RATIO * taken
        if stat.S_ISREG(kind) and sparse:
            return f"it claims {state.st_size} bytes and takes only {taken} on the disk"
        if self._upper and overlay.is_reference(name, state, fd):
            return "this overlay does not show its bytes"
        return None

    def _refuse(self, path: bytes, reason: str) -> None:
        folder, _, name = path.rpartition(b"/")
        if name in self._before(folder):
            self.out.kept.add(path)
        self._budget.refused += 1
        if self._budget.refused <= _LISTED:
            self.out.skipped.append((path, reason))


def _kind(mode: int) -> str:
    if stat.S_ISFIFO(mode):
        return "a named pipe"
    if stat.S_ISSOCK(mode):
        return "a socket"
    return "a device"
