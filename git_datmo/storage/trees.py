"""Trees read and written by path, with or without storing them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from git_datmo.storage.gitformat import Entry, encode_tree, parse_tree, patch_tree
from git_datmo.storage.repository import Repository
from git_datmo.storage.treediff import Leaf


class Trees:
    """Reads and writes trees; in a dry capture new ones stay in `memory`."""

    def __init__(self, repository: Repository, *, dry: bool) -> None:
        self._repository = repository
        self._dry = dry
        self.memory: dict[str, bytes] = {}

    def read(self, oid: str) -> list[Entry]:
        if oid in self.memory:
            return parse_tree(self.memory[oid])
        return self._repository.objects.tree(oid)

    def write(self, entries: Iterable[Entry]) -> str:
        if not self._dry:
            return self._repository.objects.write_tree(entries)
        data = encode_tree(entries)
        oid = hashlib.sha1(b"tree %d\0" % len(data) + data).hexdigest()
        self.memory[oid] = data
        return oid

    def patch(self, root: str, changes: dict[bytes, Leaf | None]) -> str:
        return patch_tree(self.read, self.write, root, changes)
