"""Objects that no ref names yet, guarded against a `git gc --prune=now` that runs beside us.

What was written is remembered until a ref names it. When git took some of it away, or is about
its housekeeping just then, all of it is written once more, as one pack that gc leaves alone.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from git_datmo.storage.pack import PackWriter, let_go

# More than this many bytes are not remembered; they are in a pack that gc keeps its hands off.
LIMIT = 64 * 1024 * 1024


class Fresh:
    """The objects one process wrote and no ref names yet: (kind, bytes) by id."""

    def __init__(self, common_dir: Path) -> None:
        self._common = common_dir
        self._size = 0
        self.objects: dict[str, tuple[str, bytes]] = {}
        self.kept: list[Path] = []

    def add(self, oid: str, kind: str, data: bytes) -> None:
        """Remember an object that was just written."""
        if oid not in self.objects and self._size + len(data) <= LIMIT:
            self._size += len(data)
            self.objects[oid] = (kind, data)

    def secure(self, has: Callable[[str], bool]) -> bool:
        """Make sure that all of it is there; True when it had to be written again."""
        if not self.objects:
            return False
        gone = [oid for oid in self.objects if not self._loose(oid)]
        if not gc_runs(self._common) and all(has(oid) for oid in gone):
            return False
        with PackWriter(self._common, keep=True) as pack:
            for kind, data in self.objects.values():
                pack.add(data, kind)
        if pack.kept is not None:
            self.kept.append(pack.kept)
        return True

    def release(self) -> None:
        """Refs name it all now: git may keep house in it again."""
        for keep in self.kept:
            let_go(keep)
        self.kept.clear()
        self.objects.clear()
        self._size = 0

    def _loose(self, oid: str) -> bool:
        return os.path.exists(self._common / "objects" / oid[:2] / oid[2:])


def gc_runs(common_dir: Path) -> bool:
    """Whether a `git gc` is at work in the repository, by the file it leaves for others."""
    try:
        pid = int((common_dir / "gc.pid").read_bytes().split()[0])
        os.kill(pid, 0)
    except (FileNotFoundError, ProcessLookupError, ValueError, IndexError):
        return False
    except OSError:
        return True
    return True
