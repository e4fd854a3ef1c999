"""Files and folders from anywhere on this machine, read into objects and put together as a tree.

Nothing is followed but what was named itself; what cannot be kept is an error, for a set of files
that silently lacks some is worse than none.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress

from git_datmo.errors import (
    Conflict,
    FileAlreadyExistsError,
    FileChanging,
    PathDoesNotExist,
    UnreadableFile,
    UnsafeName,
    UnsafePath,
)
from git_datmo.model.frozen import frozen
from git_datmo.model.names import check_kind, check_name, gits_own
from git_datmo.storage import links
from git_datmo.storage.objects import EMPTY_TREE, TREE
from git_datmo.storage.packing import Packing
from git_datmo.storage.reader import Reader
from git_datmo.storage.repository import Repository
from git_datmo.storage.store import Store
from git_datmo.storage.treediff import MAX_DEPTH, Leaf, parents

_PACK_FROM = 64
"""From so many files on they become one pack instead of an object file each."""
_LONG_LINE = 2048
"""git refuses a `.gitattributes` with a line of so many bytes."""


@frozen
class Gathered:
    """What was read: the tree, and how many files and bytes it has."""

    tree: str
    files: int
    size: int


def gather(
    repository: Repository,
    store: Store,
    sources: Iterable[tuple[bytes, bytes]],
    *,
    threshold: int,
    sync: bool = False,
    advance: Callable[[int], None] | None = None,
) -> Gathered:
    """Read each (absolute path, place in the tree); a folder's contents go below its place, which
    may be empty: the top.

    Links inside of folders are kept as links. Raises PathDoesNotExist, UnsafePath for a link that
    leads out of its folder, UnsafeName, FileAlreadyExistsError when two have one place,
    UnreadableFile, FileChanging, NoSpace.
    """
    listed: dict[bytes, bytes | None] = {}
    seen: dict[bytes, bytes] = {}
    for source, place in sources:
        for full, path in _expand(source, place, seen):
            _check(path, "folder" if full is None else "link" if path in seen else "file")
            if listed.get(path, full) != full:
                raise FileAlreadyExistsError(f"two sources have one place: {_shown(path)}")
            listed[path] = full
    for path in listed:
        if any(listed.get(above) for above in parents(path)):
            raise FileAlreadyExistsError(f"a file stands where {_shown(path)} needs a folder")
    for path, target in seen.items():
        if links.leads_out(path, seen):
            raise _outward(listed[path] or path, target)

    def reader(write_blob: Callable[[bytes], str]) -> Reader:
        return Reader(write_blob, store, threshold, sync, advance=advance, spare="leave it out")

    if len(listed) <= _PACK_FROM:
        leaves, size = _read(reader(repository.objects.write_blob), listed)
    else:
        with Packing(repository) as packing:
            leaves, size = _read(reader(packing.write_blob), listed)
    count = sum(mode != TREE for mode, _ in leaves.values())
    if count < len(leaves):
        repository.objects.write_tree(())
    return Gathered(repository.objects.patch_tree(EMPTY_TREE, dict(leaves)), count, size)


def _read(reader: Reader, listed: dict[bytes, bytes | None]) -> tuple[dict[bytes, Leaf], int]:
    leaves: dict[bytes, Leaf] = {}
    size = 0
    # An empty folder stays one only while nothing else is put into it.
    holding = {above for path in listed for above in parents(path)}
    for path, full in listed.items():
        if full is None:
            if path and path not in holding:
                leaves[path] = (TREE, EMPTY_TREE)
            continue
        store = True if _by_pointer(full, path) else None
        known = reader.read(full, os.fsdecode(full), store=store, check=False)
        if known is None:
            raise FileChanging(f"{_shown(full)} went away while it was read")
        leaves[path] = (known.mode, known.oid)
        size += known.look.size
    return leaves, size


def _expand(
    source: bytes, place: bytes, seen: dict[bytes, bytes]
) -> Iterator[tuple[bytes | None, bytes]]:
    """(absolute path, place) of a file, or of all that a folder holds; None for a folder itself.
    Links go into `seen`, their targets by place."""
    try:
        # What was named may be a link; what lies in a folder is taken as it is.
        state = os.stat(source)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise PathDoesNotExist(f"there is no file or folder {_shown(source)}") from error
    except OSError as error:
        raise UnreadableFile(f"cannot read {_shown(source)}: {error.strerror}") from error
    if stat.S_ISREG(state.st_mode):
        if not place:
            raise UnsafeName(f"{_shown(source)} needs a name in the artifact")
        yield os.path.realpath(source), place
    elif stat.S_ISDIR(state.st_mode):
        yield None, place
        yield from _below(os.path.realpath(source), place, seen)
    else:
        raise UnreadableFile(f"{_shown(source)} is neither a file nor a folder")


def _below(
    top: bytes, place: bytes, seen: dict[bytes, bytes]
) -> Iterator[tuple[bytes | None, bytes]]:
    stack = [b""]
    while stack:
        folder = stack.pop()
        try:
            with os.scandir(os.path.join(top, folder)) as found:
                inside = sorted(found, key=lambda entry: entry.name)
        except OSError as error:
            raise UnreadableFile(
                f"cannot read {_shown(top + b'/' + folder)}: {error.strerror}"
            ) from error
        for entry in inside:
            path = folder + b"/" + entry.name if folder else entry.name
            target = place + b"/" + path if place else path
            if entry.is_symlink():
                seen[target] = os.readlink(entry.path)
                if links.leads_out(path, {path: seen[target]}):
                    raise _outward(entry.path, seen[target])
                yield entry.path, target
            elif entry.is_dir(follow_symlinks=False):
                yield None, target
                stack.append(path)
            elif entry.is_file(follow_symlinks=False):
                yield entry.path, target
            else:
                raise UnreadableFile(f"{_shown(entry.path)} is neither a file nor a folder")


def _outward(link: bytes, target: bytes) -> UnsafePath:
    return UnsafePath(
        f"the link {_shown(link)} leads out of its folder, to {_shown(target)}",
        hint="put the file there in its place, or name it by itself",
    )


def _by_pointer(full: bytes, path: bytes) -> bool:
    """Whether the bytes of a file must not be a git object under its name: servers that check
    what they get read them as settings of git, and would refuse every push that holds them."""
    own = gits_own(path.rpartition(b"/")[2])
    if own == ".gitattributes":
        with suppress(OSError):
            return os.lstat(full).st_size >= _LONG_LINE
    return own is not None


def _check(path: bytes, kind: str) -> None:
    parts = path.split(b"/") if path else []
    for number, part in enumerate(parts, 1):
        reason = check_name(part)
        if reason is None:
            reason = check_kind(part, kind if number == len(parts) else "folder")
        if reason is not None:
            raise UnsafeName(f"{_shown(path)} cannot be kept: {reason}")
    if len(parts) > MAX_DEPTH:
        raise Conflict(f"folders are nested more than {MAX_DEPTH} deep: {_shown(path)[:80]}…")


def _shown(path: bytes) -> str:
    return path.decode("utf-8", "backslashreplace")
