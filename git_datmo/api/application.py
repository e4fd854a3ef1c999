"""Putting a run's results into the user's work tree, where nobody else touched those paths."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path

from git_datmo.api.content import Content
from git_datmo.errors import Conflict, NoSpace, UnsafePath
from git_datmo.model.frozen import frozen
from git_datmo.records.project import Project
from git_datmo.storage import restore, worktree
from git_datmo.storage.dirfd import Directories
from git_datmo.storage.objects import EMPTY_TREE, GITLINK, TREE
from git_datmo.storage.results import Results
from git_datmo.storage.treediff import Finder, Leaf, parents
from git_datmo.storage.trees import Trees
from git_datmo.storage.treewalk import Stamp, listing, stamp
from git_datmo.storage.verification import holds

_FOLDER: Leaf = (TREE, EMPTY_TREE)
# What is to happen to a path; anything else is the reason why it stays as it is.
_WRITE, _REMOVE, _DONE = "write", "remove", ""


@frozen
class Applied:
    """Paths that were written or removed, and those that were kept as they are, with the reason."""

    applied: tuple[str, ...] = ()
    kept: tuple[tuple[str, str], ...] = ()


def put_back(
    project: Project, before_tree: str, results: Results, *, known: str | None = None
) -> Applied:
    """Bring what a run changed into the work tree, path by path, where it is as it was before.

    `before_tree` is what the run started from. A path that git ignores is replaced only where it
    holds what it held before, or what it holds in the tree `known`, which an earlier run left.
    What the task left in its own directory stays in the snapshot: it never was in the work tree.
    Nothing is written through a link; what looks like a secret never is. Raises NeedsWorkTree,
    NoSpace and what reading the work tree raises.
    """
    root = project.repository.needs_work_tree("put results back")
    if not results.changes.keys() - results.aside:
        return Applied()
    return _Application(project, root, before_tree, results, known).run()


class _Application:
    def __init__(
        self, project: Project, root: Path, before: str, results: Results, known: str | None
    ) -> None:
        self.project, self.root, self.results = project, root, results
        self.objects = project.repository.objects
        self.before = Finder(self.objects.tree, before)
        self.known = Finder(self.objects.tree, known) if known else None
        self.removing: set[bytes] = set()
        # Folders that the results put something into, and submodules that the run wrote into.
        self.filled: set[bytes] = set()
        self.modules: set[bytes] = set()
        self.changes = {p: leaf for p, leaf in results.changes.items() if p not in results.aside}
        for path, leaf in self.changes.items():
            old = self.before(path)
            if leaf is not None:
                self.filled.update(parents(path))
            elif old is not None and old[0] == GITLINK:
                self.modules.add(path)
        self.kept: dict[bytes, str] = {}

    def run(self) -> Applied:
        # Gone paths first: something else may come to stand where they were.
        changes = sorted(self.changes.items(), key=lambda item: item[1] is not None)
        fd = os.open(self.root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            with Directories(fd) as directories:
                self.directories = directories
                looked = {path: self._look(path) for path, _ in changes}
                self.present = self._capture()
                verdicts = {path: self._verdict(path, leaf) for path, leaf in changes}
                for path, verdict in verdicts.items():
                    if verdict in (_WRITE, _REMOVE) and self._look(path) != looked[path]:
                        verdicts[path] = "it was changed meanwhile"
        finally:
            os.close(fd)
        self.kept = {p: v for p, v in verdicts.items() if v not in (_WRITE, _REMOVE, _DONE)}
        written = [path for path, verdict in verdicts.items() if verdict == _WRITE]
        removed = [path for path, verdict in verdicts.items() if verdict == _REMOVE]
        # A folder that is there already must not go when its last file does.
        folders = [p for p, leaf in changes if leaf == _FOLDER and verdicts[p] == _DONE]
        self._apply(written + folders, removed)
        done = [path for path in (*written, *removed) if path not in self.kept]
        return Applied(
            tuple(sorted(map(os.fsdecode, done))),
            tuple((os.fsdecode(path), why) for path, why in sorted(self.kept.items())),
        )

    def _capture(self) -> Finder:
        """What the work tree holds now; nothing is stored."""
        options = worktree.Options(self.project.threshold, dry=True, count_ignored=False)
        captured = worktree.capture(self.project.repository, self.project.store, options)
        trees = Trees(self.project.repository, dry=True)
        trees.memory = captured.memory
        return Finder(trees.read, captured.tree)

    def _look(self, path: bytes) -> Stamp | None:
        try:
            state = self._state(path)
        except UnsafePath:
            return None
        return stamp(state) if state is not None else None

    def _state(self, path: bytes) -> os.stat_result | None:
        """What stands at a path; None when nothing does. UnsafePath below a link or file."""
        folder, _, name = path.rpartition(b"/")
        try:
            parent = self.directories.open(folder)
            return os.stat(name, dir_fd=parent, follow_symlinks=False)
        except FileNotFoundError:
            return None

    def _verdict(self, path: bytes, leaf: Leaf | None) -> str:
        if leaf is not None and leaf[0] == GITLINK:
            return "it is a submodule"
        if path in self.results.included:
            return "it looks like a secret"
        if any(above in self.modules for above in parents(path)):
            return "it lies in a submodule"
        try:
            state = self._state(path)
        except UnsafePath:
            if not any(above in self.removing for above in parents(path)):
                return _DONE if leaf is None else "a link or a file stands where its folder was"
            state = None
        except OSError as error:
            return f"it cannot be looked at: {error.strerror}"
        try:
            verdict = self._judge(path, leaf, state)
        except (OSError, UnsafePath):
            return "it cannot be looked at, or changed meanwhile"
        if verdict == _REMOVE:
            self.removing.add(path)
        return verdict

    def _judge(self, path: bytes, leaf: Leaf | None, state: os.stat_result | None) -> str:
        old, now = self.before(path), self.present(path)
        todo = _REMOVE if leaf is None else _WRITE
        if state is None:
            if leaf is None:
                return _DONE
            removed = any(above in self.removing for above in parents(path))
            return _WRITE if old is None or removed else "it was deleted meanwhile"
        if stat.S_ISDIR(state.st_mode):
            return self._judge_folder(path, leaf, old)
        if leaf is not None and now == leaf:
            return _DONE
        if path in self.removing or (now is not None and now == old):
            return todo
        if now is not None:
            return "it was changed meanwhile"
        if leaf is not None and self._holds(path, state, leaf):
            return _DONE
        earlier = (old, self.known(path) if self.known is not None else None)
        if any(held is not None and self._holds(path, state, held) for held in earlier):
            return todo
        return "git ignores it or it was left out, and it is not what a run left there"

    def _judge_folder(self, path: bytes, leaf: Leaf | None, old: Leaf | None) -> str:
        if leaf == _FOLDER:
            return _DONE
        if leaf is None:
            # An empty folder that is to go; the restore leaves it when something is in it.
            mine = old == _FOLDER and not any(self._files_below(path))
            return _REMOVE if mine and path not in self.filled else _DONE
        if all(inner in self.removing for inner in self._files_below(path)):
            return _WRITE
        return "a folder with other files stands there"

    def _files_below(self, folder: bytes) -> Iterator[bytes]:
        stack = [folder]
        while stack:
            here = stack.pop()
            for name, state in listing(self.directories.open(here)):
                path = here + b"/" + name
                if stat.S_ISDIR(state.st_mode):
                    stack.append(path)
                else:
                    yield path

    def _holds(self, path: bytes, state: os.stat_result, leaf: Leaf) -> bool:
        folder, _, name = path.rpartition(b"/")
        return holds(self.objects, self.directories.open(folder), name, state, leaf)

    def _apply(self, written: Sequence[bytes], removed: Sequence[bytes]) -> None:
        """All at once; if that is refused, one by one, so that each path is whole or as it was."""
        if not written and not removed:
            return
        try:
            self._restore(written, removed)
        except NoSpace:
            raise
        except Conflict:
            for path in removed:
                self._try([], [path])
            for path in written:
                self._try([path], [])

    def _try(self, written: Sequence[bytes], removed: Sequence[bytes]) -> None:
        try:
            self._restore(written, removed)
        except NoSpace:
            raise
        except Conflict as error:
            self.kept[(*written, *removed)[0]] = error.message

    def _restore(self, written: Sequence[bytes], removed: Sequence[bytes]) -> None:
        plan = restore.plan(self.objects, self.results.tree, paths=written)
        restore.apply(
            plan,
            self.objects,
            Content(self.project),
            self.root,
            remove=removed,
            unchanged=lambda path, mode, oid: False,
        )
