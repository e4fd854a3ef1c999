"""git's own formats of trees and commits: bytes in, values out, and back."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Mapping

from git_datmo.errors import DamagedObject
from git_datmo.model.frozen import frozen

EMPTY_TREE = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"

BLOB, TREE, LINK, GITLINK, EXECUTABLE = 0o100644, 0o040000, 0o120000, 0o160000, 0o100755

# One tree entry: its name, its mode, the object's id in hexadecimal.
Entry = tuple[bytes, int, str]

_ENTRY = re.compile(rb"([0-7]{5,6}) ([^\0]*)\0(.{20})", re.DOTALL)


@frozen
class Commit:
    """A commit as it is stored. `author` is `Name <email>`, `time` seconds since 1970."""

    id: str
    tree: str
    parents: tuple[str, ...]
    author: str
    time: int
    offset: int
    message: str


def object_id(kind: str, data: bytes) -> str:
    """The id of an object of this kind with these bytes."""
    head = b"%s %d\0" % (kind.encode(), len(data))
    return hashlib.sha1(head + data, usedforsecurity=False).hexdigest()


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
    """The tree `root` with paths set to (mode, id) or removed (None), over any reader and writer.

    Folders appear and vanish as needed. Only the trees on the changed paths are rewritten.
    """
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


def zone_text(minutes: int) -> str:
    """An offset from UTC as a commit has it: `+0130`."""
    sign = "-" if minutes < 0 else "+"
    return f"{sign}{abs(minutes) // 60:02d}{abs(minutes) % 60:02d}"
