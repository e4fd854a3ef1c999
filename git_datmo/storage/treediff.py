"""Comparing two trees by path, reading only the folders that differ."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from git_datmo.errors import Conflict
from git_datmo.storage.objects import EMPTY_TREE, TREE, Entry

MAX_DEPTH = 512

Leaf = tuple[int, str]
Read = Callable[[str], list[Entry]]


def diff(read: Read, before: str, after: str) -> Iterator[tuple[bytes, Leaf | None, Leaf | None]]:
    """(path, (mode, id) before, (mode, id) after) for every leaf that differs.

    Leaves are files, links, gitlinks and remembered empty folders.
    """
    stack: list[tuple[bytes, str, str]] = [(b"", before, after)]
    while stack:
        prefix, a, b = stack.pop()
        if a == b:
            continue
        if prefix.count(b"/") > MAX_DEPTH:
            raise Conflict(f"folders are nested more than {MAX_DEPTH} deep: {prefix[:80]!r}…")
        old = {name: (mode, oid) for name, mode, oid in read(a)}
        new = {name: (mode, oid) for name, mode, oid in read(b)}
        for name in old.keys() | new.keys():
            x, y = old.get(name), new.get(name)
            if x == y:
                continue
            path = prefix + name
            x_folder, y_folder = _folder(x), _folder(y)
            if x_folder or y_folder:
                stack.append((path + b"/", x_folder or EMPTY_TREE, y_folder or EMPTY_TREE))
            if (x is not None and not x_folder) or (y is not None and not y_folder):
                yield path, None if x_folder else x, None if y_folder else y


def walk(read: Read, tree: str) -> Iterator[tuple[bytes, int, str]]:
    """Every leaf of a tree: path, mode, id."""
    for path, _, leaf in diff(read, EMPTY_TREE, tree):
        if leaf is not None:
            yield path, *leaf


def find(read: Read, tree: str, path: bytes) -> Leaf | None:
    """What lies at `path` in a tree: (mode, id), or None."""
    leaf: Leaf | None = (TREE, tree)
    for name in path.split(b"/") if path else ():
        if leaf is None or leaf[0] != TREE:
            return None
        leaf = next(((mode, oid) for n, mode, oid in read(leaf[1]) if n == name), None)
    return leaf


class Finder:
    """`find` for many paths of one tree: each folder is read once."""

    def __init__(self, read: Read, tree: str) -> None:
        self._read, self._tree = read, tree
        self._folders: dict[bytes, dict[bytes, Leaf]] = {}

    def __call__(self, path: bytes) -> Leaf | None:
        folder, _, name = path.rpartition(b"/")
        return self.folder(folder).get(name)

    def folder(self, path: bytes) -> dict[bytes, Leaf]:
        """What a folder of the tree holds, by name; nothing when there is no such folder."""
        known = self._folders.get(path)
        if known is None:
            # From the top down, so that no depth is too much for the stack.
            for above in reversed(parents(path)):
                if above not in self._folders:
                    self.folder(above)
            leaf = self(path) if path else (TREE, self._tree)
            listed = self._read(leaf[1]) if leaf is not None and leaf[0] == TREE else []
            known = {name: (mode, oid) for name, mode, oid in listed}
            self._folders[path] = known
        return known


def parents(path: bytes) -> list[bytes]:
    """The folders above a path, the top one (empty) included."""
    found = []
    while path:
        path = path.rpartition(b"/")[0]
        found.append(path)
    return found


def _folder(leaf: Leaf | None) -> str | None:
    """The id of a real (not empty) folder, else None."""
    return leaf[1] if leaf is not None and leaf[0] == TREE and leaf[1] != EMPTY_TREE else None
