"""git objects: blobs, trees, commits, read and written as bytes.

Loose ones are files that we read and write, for the others see `packed`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from git_datmo.errors import DamagedObject
from git_datmo.storage import loose
from git_datmo.storage.fresh import Fresh
from git_datmo.storage.gitformat import (
    BLOB,
    EMPTY_TREE,
    EXECUTABLE,
    GITLINK,
    LINK,
    TREE,
    Commit,
    Entry,
    encode_tree,
    parse_commit,
    parse_tree,
    patch_tree,
    zone_text,
)
from git_datmo.storage.packed import Packed

if TYPE_CHECKING:
    import pygit2

    from git_datmo.storage.promised import Promised

__all__ = [
    "BLOB",
    "EMPTY_TREE",
    "EXECUTABLE",
    "GITLINK",
    "LINK",
    "TREE",
    "Commit",
    "Entry",
    "Objects",
]


class Objects:
    """The object database and the writing side of the refs of one repository."""

    def __init__(self, common_dir: Path) -> None:
        self.common_dir = common_dir
        self.fresh = Fresh(common_dir)

    @cached_property
    def packed(self) -> Packed:
        """The objects that do not lie loose."""
        return Packed(self.common_dir, promises=bool(self.promised.remotes))

    @property
    def repo(self) -> pygit2.Repository:
        """The library's repository. Raises UnsupportedRepository if it cannot open it."""
        return self.packed.library

    def forget(self) -> None:
        """Open the database anew when it is next asked, to see packs written meanwhile."""
        self.packed.close()

    @cached_property
    def promised(self) -> Promised:
        """What a partial clone left with its remotes; reading fetches it, one by one."""
        from git_datmo.storage.promised import Promised

        return Promised(self.common_dir)

    def read(self, oid: str) -> tuple[str, bytes]:
        """The kind (`blob`, `tree`, …) and bytes of an object.

        Raises DamagedObject, and RemoteError for one that a partial clone cannot fetch now.
        """
        found = self.here(oid)
        if found is None and oid in self.fresh.objects:
            return self.fresh.objects[oid]
        if found is None and self.promised.bring([oid]):
            found = self.here(oid)
        if found is None:
            raise DamagedObject(f"the git object {oid} is missing")
        return found

    def here(self, oid: str) -> tuple[str, bytes] | None:
        """The kind and bytes of an object in the database, its id computed from them; None for
        one that is not there. No remote is asked. Raises DamagedObject."""
        try:
            found = loose.read(self.common_dir, oid)
            if found is not None:
                return found
        except DamagedObject:
            # git may have packed it before the loose one came to harm.
            found = self.packed.read_anyway(oid)
            if found is None:
                raise
            return found
        # git may have unpacked it between the two looks.
        return self.packed.read(oid) or loose.read(self.common_dir, oid)

    def _header(self, oid: str) -> tuple[str, int] | None:
        return loose.header(self.common_dir, oid) or self.packed.header(oid)

    def bring(self, oids: Iterable[str]) -> None:
        """Fetch those of some objects that a partial clone left with its remote, all at once.

        Raises RemoteError.
        """
        if self.promised.remotes:
            self.promised.bring(oid for oid in oids if not self.has(oid))

    def has(self, oid: str) -> bool:
        """Whether the object is in the database; its bytes are not looked at.

        Raises DamagedObject for an empty file, which a power cut leaves and git takes for one.
        """
        if loose.there(self.common_dir, oid):
            return True
        return self._header(oid) is not None or oid in self.fresh.objects

    def kind(self, oid: str) -> str | None:
        """`blob`, `tree`, `commit` or `tag`; None when the object is missing."""
        found = self._header(oid)
        if found is not None:
            return found[0]
        return self.fresh.objects[oid][0] if oid in self.fresh.objects else None

    def size(self, oid: str) -> int | None:
        """The object's size in bytes without reading it; None when it is missing.

        Raises RemoteError as `read` does.
        """
        found = self._header(oid)
        if found is None and self.promised.bring([oid]):
            found = self._header(oid)
        return found[1] if found is not None else None

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
        from git_datmo.storage.durability import disk_errors

        with disk_errors(self.common_dir):
            oid = loose.write(self.common_dir, kind, data)
        self.fresh.add(oid, kind, data)
        if self.read(oid) != (kind, data):
            raise DamagedObject(
                f"the git object {oid} does not read back as it was written",
                hint="'git datmo doctor --full' moves its damaged file out of the way",
            )
        return oid

    def secure(self) -> bool:
        """Write again what a `git gc` took away meanwhile; True when there was something."""
        return self.fresh.secure(self.packed.there)

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
        sign: Callable[[bytes], bytes] | None = None,
    ) -> str:
        """Store a commit. `author` is `Name <email>`, `when` seconds and offset in minutes, `sign`
        puts a signature into its bytes."""
        if tree == EMPTY_TREE:
            self.write_tree(())  # git knows it without having it, but its fsck wants to find it
        stamp = f"{max(0, min(when[0], 2**32 - 1))} {zone_text(when[1])}"
        lines = [f"tree {tree}", *(f"parent {parent}" for parent in parents)]
        lines += [f"author {author} {stamp}", f"committer {committer or author} {stamp}"]
        data = ("\n".join(lines) + "\n\n" + message).encode()
        return self.write("commit", sign(data) if sign is not None else data)

    def descends(self, later: str, earlier: str) -> bool:
        """Whether `later` is `earlier` or stands on it; False when either is missing."""
        import pygit2

        try:
            return later == earlier or self.repo.descendant_of(later, earlier)
        except (pygit2.GitError, KeyError, ValueError):
            return False

    def patch_tree(self, root: str, changes: Mapping[bytes, tuple[int, str] | None]) -> str:
        """`gitformat.patch_tree` over this database."""
        return patch_tree(self.tree, self.write_tree, root, changes)
