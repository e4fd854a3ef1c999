"""What a git tree would put on disk: walked, and every name in it checked, before anything is.

Trees come from strangers. Whatever cannot be written safely refuses the whole plan.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple, Protocol

from git_datmo.errors import DamagedObject, PathDoesNotExist, UnsafeName
from git_datmo.model import names
from git_datmo.model.frozen import frozen
from git_datmo.storage.dirfd import shown

FILE, EXECUTABLE, LINK, FOLDER, GITLINK = 0o100644, 0o100755, 0o120000, 0o040000, 0o160000
FOLDERS = (FOLDER, GITLINK)
EMPTY_TREE = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"

MAX_DEPTH = 512
MAX_PATH = 4095  # bytes; no program can open a longer one
MAX_ENTRIES = 2_000_000  # a few trees of a few names each can spell out more than any disk holds
MAX_NAMES = 256 << 20  # bytes of all paths together

# Paths that were asked for: name -> the same below it, or None for all that is there.
Wanted = dict[bytes, "Wanted | None"]


class ObjectSource(Protocol):
    """Where git objects are read. Raises DamagedObject for what is missing or no such thing."""

    def tree(self, oid: str) -> list[tuple[bytes, int, str]]:
        """The entries of a tree as stored: name, mode, object id."""

    def blob(self, oid: str) -> bytes:
        """The bytes of a blob."""

    def bring(self, oids: Iterable[str]) -> None:
        """Fetch what a partial clone lacks of these, at once. Raises RemoteError."""


class Entry(NamedTuple):
    """One thing to write. A FOLDER is one that would otherwise not exist: it holds nothing."""

    path: bytes
    mode: int
    oid: str


@frozen
class Plan:
    """What to write. `clashes` are pairs of paths that some file systems hold for one."""

    entries: tuple[Entry, ...]
    clashes: tuple[tuple[bytes, bytes], ...] = ()

    def refuse_clashes(self) -> None:
        """Raise UnsafeName if two paths differ in case or Unicode form only."""
        for one, other in self.clashes:
            raise UnsafeName(
                f"`{shown(one)}` and `{shown(other)}` are one name on a file system that ignores "
                "case or Unicode forms; refusing to write either over the other"
            )


def plan(
    source: ObjectSource,
    tree_oid: str,
    *,
    paths: Sequence[bytes] | None = None,
    strict: bool = False,
) -> Plan:
    """Walk a tree. `paths` are the files and directories to take, all when None.

    `strict` refuses names that clash on some file systems, not only on the one written to.
    Raises UnsafeName, DamagedObject, and PathDoesNotExist for one of `paths` that is not there.
    """
    wanted = None if paths is None else _wanted(paths)
    entries: list[Entry] = []
    clashes: list[tuple[bytes, bytes]] = []
    spelled = 0
    folders: list[tuple[bytes, str, Wanted | None]] = [(b"", tree_oid, wanted)]
    while folders:
        folder, oid, chosen = folders.pop()
        listed = _tree(source, folder, oid)
        prefix = folder + b"/" if folder else b""
        clashes += _check(prefix, listed)
        if folder and not listed:
            entries.append(Entry(folder, FOLDER, EMPTY_TREE))
        below: list[tuple[bytes, str, Wanted | None]] = []
        for name, mode, child, inner in _choose(prefix, listed, chosen):
            path = prefix + name
            spelled += len(path)
            if mode == FOLDER:
                below.append((path, child, inner))
            else:
                entries.append(Entry(path, mode, child))
        folders += reversed(below)
        if spelled > MAX_NAMES or len(entries) + len(folders) > MAX_ENTRIES:
            raise UnsafeName(
                f"the tree {tree_oid} spells out more than {MAX_ENTRIES:,} paths "
                f"or {MAX_NAMES >> 20} MiB of them; refusing to write it"
            )
    result = Plan(tuple(entries), tuple(clashes))
    if strict:
        result.refuse_clashes()
    return result


def check_path(path: bytes) -> None:
    """Raise UnsafeName if a component of a relative path must not be touched."""
    for name in path.split(b"/"):
        if (reason := names.check_name(name)) is not None:
            raise UnsafeName(f"`{shown(path)}`: {reason}")


def _wanted(paths: Sequence[bytes]) -> Wanted | None:
    top: Wanted = {}
    for path in paths:
        *folders, last = path.rstrip(b"/").split(b"/")
        here: Wanted | None = top
        for name in folders:
            here = here.setdefault(name, {}) if here is not None else None
        if last == b"" and not folders:
            return None
        if here is not None:
            here[last] = None
    return top


def _choose(
    prefix: bytes, listed: list[tuple[bytes, int, str]], wanted: Wanted | None
) -> list[tuple[bytes, int, str, Wanted | None]]:
    if wanted is None:
        return [(name, mode, oid, None) for name, mode, oid in listed]
    chosen = []
    missing = dict(wanted)
    for name, mode, oid in listed:
        if name in wanted and (mode == FOLDER or wanted[name] is None):
            chosen.append((name, mode, oid, missing.pop(name)))
    for name in missing:
        raise PathDoesNotExist(f"`{shown(prefix + name)}` is not in the tree")
    return chosen


def _tree(source: ObjectSource, folder: bytes, oid: str) -> list[tuple[bytes, int, str]]:
    # git knows the empty tree without having it.
    if oid == EMPTY_TREE:
        return []
    try:
        return source.tree(oid)
    except DamagedObject as error:
        raise DamagedObject(f"`{shown(folder or b'.')}`: {error.message}") from error


def _check(prefix: bytes, listed: list[tuple[bytes, int, str]]) -> list[tuple[bytes, bytes]]:
    if prefix.count(b"/") >= MAX_DEPTH and listed:
        raise UnsafeName(
            f"`{shown(prefix[:40])}…` has more than {MAX_DEPTH} directories within one another; "
            "refusing to write it"
        )
    seen: set[bytes] = set()
    for name, mode, _ in listed:
        if (reason := names.check_name(name)) is not None:
            raise UnsafeName(f"`{shown(prefix + name)}`: {reason}")
        if name in seen:
            raise UnsafeName(f"`{shown(prefix + name)}` is twice in one tree")
        if mode not in (FILE, EXECUTABLE, LINK, FOLDER, GITLINK):
            raise UnsafeName(f"`{shown(prefix + name)}` has mode {mode:o}; refusing to write it")
        if len(name) > 255 or len(prefix) + len(name) > MAX_PATH:
            raise UnsafeName(f"`{shown((prefix + name)[:80])}…` is too long for a path")
        seen.add(name)
    pairs = names.clashes(name for name, _, _ in listed)
    return [(prefix + one, prefix + other) for one, other in pairs]
