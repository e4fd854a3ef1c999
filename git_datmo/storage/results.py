"""What a task left in its work tree and its task directory, as the tree of the snapshot after.

Unchanged files are not read, nothing is followed, and what cannot be recorded stays in the tree as
it was before and is listed. What git ignores is recorded: a run's results count all the same.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator
from pathlib import Path

from git_datmo.model.frozen import field, frozen
from git_datmo.model.pointer import Pointer
from git_datmo.storage.intake import Intake, Options
from git_datmo.storage.leftovers import Budget, Leftovers, Scanner
from git_datmo.storage.objects import EMPTY_TREE, GITLINK, TREE
from git_datmo.storage.pool import Slot
from git_datmo.storage.reader import Known, settled
from git_datmo.storage.repository import Repository
from git_datmo.storage.slotmemory import Held, Memory
from git_datmo.storage.store import Store
from git_datmo.storage.treediff import Finder, Leaf, diff, parents, walk
from git_datmo.storage.treeplan import FOLDERS
from git_datmo.storage.trees import Trees

__all__ = ["PROTOCOL", "TASK", "Options", "Results", "read"]

# Files at the top of the task directory that are read into the run instead.
PROTOCOL = (
    *(b"config.json", b"stats.json", b"metrics.jsonl"),
    *(b"artifacts.jsonl", b"inputs.json", b"about.json"),
)
TASK = b"task"


@frozen
class Results:
    """What a task left: `tree`, and by path what differs from before (None: gone).

    `files` are the paths that are results: new ones and those in the store; `pointers` the latter.
    `ignored` are those of the new ones that git ignores. `secrets` look like secrets and were left
    out, with the reason; `included` look like secrets and were recorded, for that was asked.
    `skipped` could not be recorded, with the reason. `aside` are those of the changes that the
    task left in its own directory.
    """

    tree: str
    changes: dict[bytes, Leaf | None] = field(default_factory=dict)
    files: set[bytes] = field(default_factory=set)
    pointers: dict[bytes, Pointer] = field(default_factory=dict)
    ignored: set[bytes] = field(default_factory=set)
    secrets: dict[bytes, str] = field(default_factory=dict)
    included: set[bytes] = field(default_factory=set)
    skipped: tuple[tuple[bytes, str], ...] = ()
    aside: frozenset[bytes] = frozenset()


def read(
    repository: Repository,
    store: Store,
    slot: Slot,
    before: str,
    options: Options,
    *,
    upper: Path | None = None,
    links: Collection[bytes] = (),
    task: Path | None = None,
) -> Results:
    """Read what a task that started from the tree `before` left in `slot`.

    With `upper`, the upper folder of an overlay over it, only that is looked at. `links` are paths
    to leave out; the files below the folder `task` become `task/…`. Raises NoSpace, DamagedObject.
    """
    return _Reading(repository, store, before, options).run(slot, upper, links, task)


class _Reading:
    def __init__(self, repository: Repository, store: Store, before: str, options: Options) -> None:
        self.repository, self.store, self.options = repository, store, options
        self.before = before
        self.trees = Trees(repository, dry=False)
        self.finder = Finder(self.trees.read, before)
        self.intake = Intake(repository, store, options, self.finder)
        self.skipped: list[tuple[bytes, str]] = []
        self.holding: set[bytes] = set()

    def run(
        self, slot: Slot, upper: Path | None, links: Collection[bytes], task: Path | None
    ) -> Results:
        budget = Budget(self.options.max_files, self._room())
        known = {} if upper is not None else self._known(slot.memory)
        main = Scanner(
            self.finder.folder, budget, known=known, links=links, upper=upper is not None
        ).scan(upper or slot.tree)
        aside = Leftovers()
        if task is not None:
            aside = Scanner(lambda _: (), budget, links=PROTOCOL).scan(task)
        expected = [*main.fresh, *(_in_task(path) for path in aside.fresh)]
        with self.intake.expecting(expected):
            found = self.intake.read(upper or slot.tree, main, bytes)
            brought = self.intake.read(task, aside, _in_task) if task is not None else {}
        self.skipped += main.skipped + [(_in_task(path), why) for path, why in aside.skipped]
        if budget.unlisted:
            self.skipped.append((b"", f"{budget.unlisted} more files are beyond the limits"))

        patch = self._patch(main, found, known, links)
        tree = self.trees.patch(self.before, patch)
        if upper is not None:
            slot.untouched()
        elif patch or found:
            slot.remember(self._memory(tree, main, found, known, patch))
        added = self._of_task(tree, patch, aside, brought)
        return self._results(self.trees.patch(tree, added), frozenset(added))

    def _room(self) -> int:
        if self.options.max_bytes is not None:
            return self.options.max_bytes
        disk = os.statvfs(self.repository.common_dir)
        return disk.f_bavail * disk.f_frsize

    def _known(self, memory: Memory) -> dict[bytes, Held]:
        """Every path of the tree before, with its stamp where there is one."""
        if memory.tree == self.before:
            return memory.held
        known: dict[bytes, Held] = {}
        for path, mode, oid in walk(self.trees.read, self.before):
            held = memory.held.get(path)
            known[path] = held if held and held[1:] == (mode, oid) else (None, mode, oid)
        return known

    def _patch(
        self,
        left: Leftovers,
        found: dict[bytes, Known],
        known: dict[bytes, Held],
        links: Collection[bytes],
    ) -> dict[bytes, Leaf | None]:
        """What to change in the tree before, so that it becomes what was left."""
        patch: dict[bytes, Leaf | None] = dict.fromkeys(left.cleared)
        for path, (_, mode, _) in known.items():
            there = path in left.folders if mode in FOLDERS else path in left.same or path in found
            if not there and path not in links and not left.is_kept(path):
                patch[path] = None
        for path, read in found.items():
            patch[path] = (read.mode, read.oid)
        for path in left.kept if left.cleared else ():
            patch[path] = self.finder(path)
        held = [*left.same, *found, *filter(self.finder, left.kept)]
        self.holding = self._holding(left, held)
        around = {above for path in links for above in parents(path)}
        for folder in self._empty(left, self.holding):
            old = self.finder(folder)
            if (old is None and folder not in around) or (old is not None and old[0] != GITLINK):
                patch[folder] = (TREE, EMPTY_TREE)
        if left.cleared:
            return patch
        return {path: leaf for path, leaf in patch.items() if self.finder(path) != leaf}

    @staticmethod
    def _holding(left: Leftovers, paths: list[bytes]) -> set[bytes]:
        return left.holding | {path.rpartition(b"/")[0] for path in paths}

    @staticmethod
    def _empty(left: Leftovers, holding: set[bytes]) -> Iterator[bytes]:
        """Folders that hold nothing that is recorded, the deepest first."""
        for folder in sorted(left.folders, key=lambda path: -path.count(b"/")):
            if folder not in holding:
                yield folder
            holding.add(folder.rpartition(b"/")[0])

    def _memory(
        self,
        tree: str,
        left: Leftovers,
        found: dict[bytes, Known],
        known: dict[bytes, Held],
        patch: dict[bytes, Leaf | None],
    ) -> Memory:
        """What the slot holds now: every path of `tree`, with its stamp where that is settled."""
        held: dict[bytes, Held] = dict(left.same)
        for path, read in found.items():
            look = read.look
            stamp = (look.mode, look.size, look.mtime, look.ctime, look.inode)
            held[path] = (stamp if settled(read) else None, read.mode, read.oid)
        for path, (_, mode, oid) in known.items():
            if path not in held and path not in patch and path not in self.holding:
                held[path] = (None, mode, oid)
        for path, leaf in patch.items():
            if leaf is not None and path not in held:
                held[path] = (None, *leaf)
        return Memory(tree, held)

    def _of_task(
        self,
        tree: str,
        patch: dict[bytes, Leaf | None],
        left: Leftovers,
        brought: dict[bytes, Known],
    ) -> dict[bytes, Leaf | None]:
        """What the task directory adds, where the task made nothing else of the same name."""
        there = Finder(self.trees.read, tree)
        leaves: dict[bytes, Leaf] = {path: (read.mode, read.oid) for path, read in brought.items()}
        holding = self._holding(left, list(brought))
        leaves |= dict.fromkeys(self._empty(left, holding), (TREE, EMPTY_TREE))
        added: dict[bytes, Leaf | None] = {}
        for path, leaf in leaves.items():
            place = _in_task(path)
            if there(place) == leaf:
                continue
            above = (there(folder) for folder in parents(place) if folder)
            blocked = any(found is not None and found[0] != TREE for found in above)
            taken = there(place)
            if blocked or (taken is not None and (taken[0] == TREE or patch.get(place))):
                self.skipped.append((place, "the work tree has something else of this name"))
            else:
                added[place] = leaf
        return added

    def _results(self, tree: str, aside: frozenset[bytes]) -> Results:
        changes = {path: new for path, _, new in diff(self.trees.read, self.before, tree)}
        new = {
            path
            for path, leaf in changes.items()
            if leaf is not None and leaf[0] != TREE and self.finder(path) is None
        }
        pointers = {
            path: self.intake.pointers[leaf[1]]
            for path, leaf in changes.items()
            if leaf is not None and leaf[1] in self.intake.pointers
        }
        if any(leaf is not None and leaf[1] == EMPTY_TREE for leaf in changes.values()):
            self.repository.objects.write_tree(())
        return Results(
            tree,
            changes,
            new | set(pointers),
            pointers,
            self._ignored(new),
            self.intake.secrets,
            self.intake.included,
            tuple(self.skipped),
            aside,
        )

    def _ignored(self, paths: set[bytes]) -> set[bytes]:
        if not paths or self.repository.work_tree is None:
            return set()
        # Exit code 1 says that none is ignored, 128 that a path lies in a submodule.
        code, out, _ = self.repository.git.attempt(
            "check-ignore", "-z", "--stdin", "--no-index", data=b"\0".join(paths) + b"\0"
        )
        return paths if code not in (0, 1) else {path for path in out.split(b"\0") if path}


def _in_task(path: bytes) -> bytes:
    return TASK + b"/" + path if path else TASK
