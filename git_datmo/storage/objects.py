"""git objects: blobs, trees, commits, read and written as bytes through pygit2."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from git_datmo.errors import Conflict, DamagedObject, UnsupportedRepository
from git_datmo.storage.fresh import Fresh

if TYPE_CHECKING:
    import pygit2

EMPTY_TREE = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"

BLOB, TREE, LINK, GITLINK, EXECUTABLE = 0o100644, 0o040000, 0o120000, 0o160000, 0o100755

# One tree entry: its name, its mode, the object's id in hexadecimal.
Entry = tuple[bytes, int, str]

_ENTRY = re.compile(rb"([0-7]{5,6}) ([^\0]*)\0(.{20})", re.DOTALL)
_KINDS = {1: "commit", 2: "tree", 3: "blob", 4: "tag"}


@dataclass(frozen=True)
class Commit:
    """A commit as it is stored. `author` is `Name <email>`, `time` seconds since 1970."""

    id: str
    tree: str
    parents: tuple[str, ...]
    author: str
    time: int
    offset: int
    message: str


class Objects:
    """The object database and the writing side of the refs of one repository."""

    def __init__(self, common_dir: Path) -> None:
        self.common_dir = common_dir
        self.fresh = Fresh(common_dir)

    @cached_property
    def repo(self) -> pygit2.Repository:
        """The library's repository. Raises UnsupportedRepository if it cannot open it."""
        import pygit2

        if tuple(int(n) for n in pygit2.LIBGIT2_VERSION.split(".")[:3]) < (1, 9, 7):
            raise UnsupportedRepository(
                f"libgit2 {pygit2.LIBGIT2_VERSION} is too old to be safe; 1.9.7 is needed",
                hint="pip install --upgrade pygit2",
            )
        try:
            return pygit2.Repository(os.fspath(self.common_dir))
        except pygit2.GitError as error:
            raise UnsupportedRepository(
                f"cannot open the repository {self.common_dir}: {error}"
            ) from error

    def forget(self) -> None:
        """Open the database anew when it is next asked, to see packs written meanwhile."""
        self.__dict__.pop("repo", None)

    def read(self, oid: str) -> tuple[str, bytes]:
        """The kind (`blob`, `tree`, …) and bytes of an object. Raises DamagedObject."""
        import pygit2

        try:
            kind, data = self.repo.read(oid)
        except (KeyError, ValueError) as error:
            if oid in self.fresh.objects:
                return self.fresh.objects[oid]
            raise DamagedObject(f"the git object {oid} is missing") from error
        except pygit2.GitError as error:
            raise DamagedObject(f"the git object {oid} is damaged: {error}") from error
        return _KINDS.get(int(kind), "unknown"), data

    def has(self, oid: str) -> bool:
        """Whether the object is in the database (its bytes are not looked at)."""
        return oid in self.repo or oid in self.fresh.objects

    def kind(self, oid: str) -> str | None:
        """`blob`, `tree`, `commit` or `tag`; None when the object is missing."""
        import pygit2

        try:
            kind, _ = self.repo.odb.read_header(oid)
        except (KeyError, ValueError, pygit2.GitError):
            return self.fresh.objects[oid][0] if oid in self.fresh.objects else None
        return _KINDS.get(int(kind))

    def size(self, oid: str) -> int | None:
        """The object's size in bytes without reading it; None when it is missing."""
        import pygit2

        try:
            return int(self.repo.odb.read_header(oid)[1])
        except (KeyError, ValueError, pygit2.GitError):
            return None

    def blob(self, oid: str) -> bytes:
        """A blob's bytes. Raises DamagedObject."""
        return self._typed(oid, "blob")

    def tree(self, oid: str) -> list[Entry]:
        """A tree's entries in their stored order. Raises DamagedObject."""
        if oid == EMPTY_TREE:
            return []
        return parse_tree(self._typed(oid, "tree"), oid)

    def commit(self, oid: str) -> Commit:
        """A commit, whatever encoding its message claims. Raises DamagedObject."""
        return parse_commit(oid, self._typed(oid, "commit"))

    def _typed(self, oid: str, kind: str) -> bytes:
        found, data = self.read(oid)
        if found != kind:
            raise DamagedObject(f"the git object {oid} is a {found}, not a {kind}")
        return data

    def write(self, kind: str, data: bytes) -> str:
        """Store an object and read it back, so that a damaged twin is noticed now."""
        import pygit2

        from git_datmo.storage.durability import disk_errors, explain

        number = {"commit": 1, "tree": 2, "blob": 3}[kind]
        for attempts_left in reversed(range(5)):
            try:
                with disk_errors(self.common_dir):
                    oid = str(self.repo.write(number, data))
                break
            except (pygit2.GitError, Conflict) as error:
                # A gc beside us removes the folder of the object when it has emptied it.
                if attempts_left and "no such file" in str(error).lower():
                    continue
                if isinstance(error, Conflict):
                    raise
                raise explain(OSError(str(error)), self.common_dir) from error
        self.fresh.add(oid, kind, data)
        if self.read(oid) != (kind, data):
            raise DamagedObject(f"the git object {oid} does not read back as it was written")
        return oid

    def secure(self) -> bool:
        """Write again what a `git gc` took away meanwhile; True when there was something."""
        return self.fresh.secure(self._there)

    def _there(self, oid: str) -> bool:
        """Whether an object is on the disk now, whatever the library has in its memory."""
        import pygit2

        try:
            pygit2.Odb(os.fspath(self.common_dir / "objects")).read_header(oid)
        except (KeyError, pygit2.GitError):
            return False
        return True

    def write_blob(self, data: bytes) -> str:
        """Store a blob."""
        return self.write("blob", data)

    def write_tree(self, entries: Iterable[Entry]) -> str:
        """Store a tree; entries may come in any order, names must be unique."""
        return self.write("tree", encode_tree(entries))

    def write_commit(
        self,
        *,
        tree: str,
        parents: Iterable[str],
        author: str,
        committer: str | None = None,
        when: tuple[int, int],
        message: str,
    ) -> str:
        """Store a commit. `author` is `Name <email>`, `when` seconds and offset in minutes."""
        if tree == EMPTY_TREE:
            self.write_tree(())  # git knows it without having it, but its fsck wants to find it
        stamp = f"{max(0, min(when[0], 2**32 - 1))} {_offset(when[1])}"
        lines = [f"tree {tree}", *(f"parent {parent}" for parent in parents)]
        lines += [f"author {author} {stamp}", f"committer {committer or author} {stamp}"]
        text = "\n".join(lines) + "\n\n" + message
        return self.write("commit", text.encode())

    def descends(self, later: str, earlier: str) -> bool:
        """Whether `later` is `earlier` or stands on it; False when either is missing."""
        import pygit2

        try:
            return later == earlier or self.repo.descendant_of(later, earlier)
        except (pygit2.GitError, KeyError, ValueError):
            return False

    def patch_tree(self, root: str, changes: Mapping[bytes, tuple[int, str] | None]) -> str:
        """The tree `root` with paths set to (mode, id) or removed (None).

        Folders appear and vanish as needed. Only the trees on the changed paths are rewritten.
        """
        return patch_tree(self.tree, self.write_tree, root, changes)


def parse_tree(data: bytes, oid: str = "") -> list[Entry]:
    """The entries of a tree object's bytes. Raises DamagedObject."""
    entries: list[Entry] = []
    at = 0
    for match in _ENTRY.finditer(data):
        if match.start() != at:
            break
        entries.append((match[2], int(match[1], 8), match[3].hex()))
        at = match.end()
    if at != len(data):
        raise DamagedObject(f"the git tree {oid} is damaged")
    return entries


def encode_tree(entries: Iterable[Entry]) -> bytes:
    """A tree object's bytes, in git's order (folders sort as if they ended with a slash)."""
    ordered = sorted(entries, key=lambda e: e[0] + b"/" if e[1] == TREE else e[0])
    return b"".join(b"%o %s\0%s" % (mode, name, bytes.fromhex(oid)) for name, mode, oid in ordered)


def parse_commit(oid: str, data: bytes) -> Commit:
    """Read a commit object's bytes. Raises DamagedObject."""
    head, _, body = data.partition(b"\n\n")
    tree, parents, author = "", [], b""
    for line in head.split(b"\n"):
        key, _, value = line.partition(b" ")
        if key == b"tree":
            tree = value.decode("ascii", "replace")
        elif key == b"parent":
            parents.append(value.decode("ascii", "replace"))
        elif key == b"author":
            author = value
    match = re.fullmatch(rb"(.*>) (-?\d+) ([+-]\d{4})", author, re.DOTALL)
    if not re.fullmatch(r"[0-9a-f]{40}", tree) or match is None:
        raise DamagedObject(f"the git commit {oid} is damaged")
    zone = int(match[3])
    offset = (abs(zone) // 100 * 60 + abs(zone) % 100) * (-1 if zone < 0 else 1)
    return Commit(
        oid,
        tree,
        tuple(parents),
        match[1].decode(errors="replace"),
        int(match[2]),
        offset,
        body.decode(errors="replace"),
    )


def patch_tree(
    read: Callable[[str], list[Entry]],
    write: Callable[[Iterable[Entry]], str],
    root: str,
    changes: Mapping[bytes, tuple[int, str] | None],
) -> str:
    """`Objects.patch_tree` over any reader and writer of trees."""
    if not changes:
        return root
    here: dict[bytes, tuple[int, str] | None] = {}
    below: dict[bytes, dict[bytes, tuple[int, str] | None]] = {}
    for path, value in changes.items():
        name, slash, rest = path.partition(b"/")
        if slash:
            below.setdefault(name, {})[rest] = value
        else:
            here[name] = value
    entries = {name: (mode, oid) for name, mode, oid in read(root)}
    for name, value in here.items():
        if value is None:
            entries.pop(name, None)
        else:
            entries[name] = value
    for name, inner in below.items():
        old = entries.get(name)
        base = old[1] if old is not None and old[0] == TREE else EMPTY_TREE
        if base == EMPTY_TREE and not any(inner.values()):
            continue
        new = patch_tree(read, write, base, inner)
        if new == EMPTY_TREE:
            entries.pop(name, None)
        else:
            entries[name] = (TREE, new)
    if not entries:
        return EMPTY_TREE
    return write((name, mode, oid) for name, (mode, oid) in entries.items())


def _offset(minutes: int) -> str:
    sign = "-" if minutes < 0 else "+"
    return f"{sign}{abs(minutes) // 60:02d}{abs(minutes) % 60:02d}"
