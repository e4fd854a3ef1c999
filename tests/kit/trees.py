"""Git objects written byte by byte, so that there can be trees that git itself would refuse."""

from __future__ import annotations

import gc
import hashlib
import os
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from git_datmo.model.pointer import Pointer
from git_datmo.storage import restore
from git_datmo.storage.objects import Objects
from git_datmo.storage.restore import Report
from git_datmo.storage.store import Store
from tests.kit.git import Repo

FILE, EXECUTABLE, LINK, FOLDER, GITLINK = 0o100644, 0o100755, 0o120000, 0o040000, 0o160000


class Link(bytes):
    """The target of a symbolic link."""


class Exec(bytes):
    """The bytes of an executable file."""


class Gitlink(str):
    """The commit of a submodule."""


class Trees:
    """A bare repository with a store beside it: `source` and `content` of a restore."""

    def __init__(self, path: Path) -> None:
        Repo.bare(path)
        self.path = path
        self.source = Objects(path)
        self.content = Store(path / "datmo" / "store")

    def raw(self, kind: str, data: bytes) -> str:
        """Write one loose object, whatever it says; its id."""
        whole = f"{kind} {len(data)}\0".encode() + data
        oid = hashlib.sha1(whole).hexdigest()
        file = self.path / "objects" / oid[:2] / oid[2:]
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(zlib.compress(whole, 1))
        return oid

    def blob(self, data: bytes) -> str:
        return self.raw("blob", data)

    def entries(self, *entries: tuple[bytes, int, str]) -> str:
        """A tree of just these entries, in this order."""
        return self.raw(
            "tree", b"".join(b"%o %s\0" % e[1::-1] + bytes.fromhex(e[2]) for e in entries)
        )

    def tree(self, node: Mapping[bytes, object]) -> str:
        """A tree object for nested mappings, in the order they are written down."""
        return self.entries(*((name, *self._entry(child)) for name, child in node.items()))

    def _entry(self, node: object) -> tuple[int, str]:
        match node:
            case Gitlink():
                return GITLINK, str(node)
            case Link():
                return LINK, self.blob(node)
            case Exec():
                return EXECUTABLE, self.blob(node)
            case bytes():
                return FILE, self.blob(node)
            case dict():
                return FOLDER, self.tree(node)
        raise TypeError(node)

    def nest(self, depth: int, node: Mapping[bytes, object]) -> str:
        """A tree that holds `node` below `depth` directories called `d`."""
        oid = self.tree(node)
        for _ in range(depth):
            oid = self.entries((b"d", FOLDER, oid))
        return oid

    def write(self, oid: str, target: Path) -> Report:
        """Restore a tree into a new or empty directory."""
        return restore.write_into(restore.plan(self.source, oid), self.source, self.content, target)

    def apply(
        self, oid: str, root: Path, *, remove: Sequence[bytes] = (), unchanged: Sequence[bytes] = ()
    ) -> Report:
        """Restore a tree in place; `unchanged` are the paths to leave as they are."""
        return restore.apply(
            restore.plan(self.source, oid),
            self.source,
            self.content,
            root,
            remove=remove,
            unchanged=lambda path, mode, oid: path in unchanged,
        )

    def pointer(self, data: bytes) -> Pointer:
        """Put content into the store."""
        file = self.path / "content"
        file.write_bytes(data)
        with file.open("rb") as stream:
            return self.content.ingest(stream.fileno(), sync=False)


def on_disk(root: Path) -> dict[bytes, object]:
    """A directory as nested mappings, read by descriptor so that no depth or name is too much."""
    fd = os.open(root, os.O_RDONLY | os.O_DIRECTORY)
    try:
        return _listed(fd)
    finally:
        os.close(fd)


def _listed(fd: int) -> dict[bytes, object]:
    found: dict[bytes, object] = {}
    for entry in sorted(os.scandir(fd), key=lambda entry: entry.name):
        name = os.fsencode(entry.name)
        if entry.is_symlink():
            found[name] = Link(os.readlink(name, dir_fd=fd))
        elif entry.is_dir():
            inner = os.open(name, os.O_RDONLY | os.O_DIRECTORY, dir_fd=fd)
            try:
                found[name] = _listed(inner)
            finally:
                os.close(inner)
        else:
            with open(os.open(name, os.O_RDONLY, dir_fd=fd), "rb") as file:
                executable = os.fstat(file.fileno()).st_mode & 0o100
                found[name] = (Exec if executable else bytes)(file.read())
    return found


@contextmanager
def no_descriptors_left() -> Iterator[None]:
    """Fail if a descriptor that was opened inside stays open."""
    gc.collect()  # what an earlier test left to be closed must not be closed inside
    before = {*os.listdir("/dev/fd")}
    yield
    assert {*os.listdir("/dev/fd")} <= before
