"""A repository, a slot of its pool filled with HEAD, and a task directory to leave things in."""

from __future__ import annotations

import os
import random
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from git_datmo.storage import pool, results
from git_datmo.storage.pool import Slot
from git_datmo.storage.repository import Repository, discover
from git_datmo.storage.results import Options, Results
from git_datmo.storage.store import Store
from git_datmo.storage.treediff import walk
from tests.kit.checks import assert_git_clean
from tests.kit.git import Repo

THRESHOLD = 4096
EMPTY = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"


@dataclass
class Left:
    """What a task works with, and the reading of what it left."""

    repo: Repo
    repository: Repository
    store: Store
    slot: Slot
    before: str
    task: Path

    @property
    def root(self) -> Path:
        return self.slot.tree

    def fill(self, tree: str) -> None:
        """Start from another tree."""
        self.before = tree
        self.slot.fill(self.repository.objects, self.store, tree)

    def read(self, **options: Any) -> Results:
        """Read the results; the memory left behind must say exactly what was recorded."""
        keywords = {name: options.pop(name) for name in ("upper", "links") if name in options}
        chosen = Options(**{"threshold": THRESHOLD, **options})
        found = results.read(
            self.repository, self.store, self.slot, self.before, chosen, task=self.task, **keywords
        )
        memory = self.slot.memory
        if memory.tree:
            leaves = {
                path: (mode, oid) for path, mode, oid in walk(self._objects.tree, memory.tree)
            }
            assert {path: held[1:] for path, held in memory.held.items()} == leaves
        assert_git_clean(self.repo)
        return found

    @property
    def _objects(self) -> Any:
        return self.repository.objects

    def listed(self, tree: str) -> dict[str, tuple[str, str]]:
        """Path -> (mode, id) of files, links and empty folders, as git reads them."""
        out = self.repo.git("ls-tree", "-r", "-t", "-z", "--full-tree", tree)
        found = {}
        for line in out.split("\0")[:-1]:
            facts, path = line.split("\t", 1)
            mode, kind, oid = facts.split(" ")
            if kind != "tree" or oid == EMPTY:
                found[path] = (mode, oid)
        return found

    def content(self, tree: str, path: str) -> bytes:
        """The bytes of a blob of the tree."""
        return self.repository.objects.blob(self.listed(tree)[path][1])


def start(repo: Repo, task: Path) -> Left:
    """Fill a slot with HEAD's tree."""
    repository = discover(repo.path)
    slot = pool.take(repository.home)
    task.mkdir()
    left = Left(repo, repository, Store(repository.home / "store"), slot, "", task)
    left.fill(repo.git("rev-parse", "HEAD^{tree}"))
    return left


def mischief(root: Path, seed: int) -> None:
    """Some forty things that a task may do to a folder."""
    dice = random.Random(seed)
    names = ["data", "a", "deep", "b", "code.py", "new", "bin", "tool"]
    for _ in range(40):
        folders = [Path(folder) for folder, _, _ in os.walk(root)]
        place = dice.choice(folders) / dice.choice(names)
        what = dice.choice(["file", "folder", "remove", "link", "chmod", "rename"])
        there = place.is_symlink() or place.exists()
        if what == "remove" or (
            there and what in ("file", "folder", "link") and dice.random() < 0.5
        ):
            if place.is_dir() and not place.is_symlink():
                shutil.rmtree(place)
            else:
                place.unlink(missing_ok=True)
            there = False
        if what == "file" and not place.is_dir() and not place.is_symlink():
            place.write_text(str(dice.random()))
        elif what == "folder" and not there:
            place.mkdir()
        elif what == "link" and not there:
            place.symlink_to(dice.choice(names))
        elif what == "chmod" and place.is_file() and not place.is_symlink():
            place.chmod(dice.choice([0o644, 0o755]))
        elif what == "rename" and there:
            target = dice.choice(folders) / "moved"
            if not os.path.lexists(target) and not target.is_relative_to(place):
                shutil.move(place, target)
