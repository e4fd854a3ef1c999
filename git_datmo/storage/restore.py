"""Putting the files of a git tree into a directory, whoever made the tree.

`plan` checks every name; `write_into` fills a new or empty directory; `apply` changes a directory
in place. Everything that can be refused is refused before the first write. Bytes are written as
they are stored: no filter runs. Nothing is synced; that is the caller's.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from git_datmo.errors import (
    DamagedContent,
    FileAlreadyExistsError,
    PathDoesNotExist,
    UnsafePath,
)
from git_datmo.storage import clearing, filecopy
from git_datmo.storage.dirfd import discard, probe, shown, writing
from git_datmo.storage.payload import ContentSource, Payload
from git_datmo.storage.treeplan import (
    EXECUTABLE,
    FOLDERS,
    GITLINK,
    LINK,
    Entry,
    ObjectSource,
    Plan,
    check_path,
    plan,
)
from git_datmo.storage.treewriter import TreeWriter

__all__ = [
    "ContentSource",
    "Entry",
    "ObjectSource",
    "Plan",
    "Report",
    "apply",
    "plan",
    "write_into",
]

_WHOLE = b"files"

# Called with a path and how many bytes of it were just written.
Progress = Callable[[bytes, int], None]


@dataclass
class Report:
    """What was done. `written` counts files and links, `size` the bytes they hold.

    `outward` are links written that are absolute or lead out of the directory: worth a warning.
    """

    written: int = 0
    removed: int = 0
    size: int = 0
    outward: list[bytes] = field(default_factory=list)
    gitlinks: list[bytes] = field(default_factory=list)


def write_into(
    plan: Plan,
    source: ObjectSource,
    content: ContentSource,
    target: Path,
    *,
    progress: Progress | None = None,
) -> Report:
    """Write a plan into `target`, which is new or an empty directory.

    A new one appears complete or not at all; what was put into an existing one is taken out again
    when it fails. Raises FileAlreadyExistsError when something is there, PathDoesNotExist when the
    directory above is not, what `Payload` raises, NoSpace and Conflict.
    """
    if os.path.lexists(target):
        with _opened(target) as root:
            if os.listdir(root):
                raise FileAlreadyExistsError(
                    f"{target} is there already and not an empty directory"
                )
            return _fill(plan, Payload(source, content, plan.entries), root, progress)
    name = os.fsencode(target.name)
    with _opened(target.parent) as parent:
        payload = Payload(source, content, plan.entries)
        fresh = f".datmo-{secrets.token_hex(8)}".encode()
        with writing(name):
            os.mkdir(fresh, 0o700, dir_fd=parent)
        try:
            with _opened(Path(os.fsdecode(fresh)), parent) as room:
                with writing(name):
                    _ignore_all(room)
                    os.mkdir(_WHOLE, 0o700, dir_fd=room)
                with _opened(Path(os.fsdecode(_WHOLE)), room) as root:
                    _, mode = probe(root)
                    report = _fill(plan, payload, root, progress)
                    with writing(name):
                        os.fchmod(root, mode)
                # Renaming a directory replaces an empty directory at most.
                with writing(name):
                    os.rename(_WHOLE, name, src_dir_fd=room, dst_dir_fd=parent)
        finally:
            discard(parent, fresh)
    return report


def _ignore_all(room: int) -> None:
    """Have git, and so every snapshot, take nothing in a directory for work. A kill leaves it."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    fd = os.open(b".gitignore", flags, 0o600, dir_fd=room)
    try:
        os.write(fd, b"*\n")
    finally:
        os.close(fd)


def apply(
    plan: Plan,
    source: ObjectSource,
    content: ContentSource,
    root: Path,
    *,
    remove: Sequence[bytes],
    unchanged: Callable[[bytes, int, str], bool],
    progress: Progress | None = None,
) -> Report:
    """Make the directory `root` hold a plan's entries, and no longer what `remove` lists.

    Files and links that `unchanged` (path, mode, id) denies are replaced one by one, each at once.
    Directories go when removing emptied them. Nothing else in `root` is touched: UnsafePath when a
    link, or a directory that holds other things, stands where the plan writes. Also raises what
    `Payload` raises, NoSpace and Conflict.
    """
    for path in remove:
        check_path(path)
    planned = {entry.path for entry in plan.entries}
    doomed = set(remove) - planned
    with _opened(root) as fd, TreeWriter(fd, replace=True) as writer:
        _refuse_clashes(plan, fd)
        twins = clearing.twins(planned, doomed, fd)
        pending = [
            entry
            for entry in plan.entries
            if entry.mode in FOLDERS or entry.path in twins or not unchanged(*entry)
        ]
        first = clearing.clearing(writer, pending, doomed)
        payload = Payload(source, content, pending)

        removed = [path for path in sorted(doomed) if writer.unlink(path)]
        for path, is_folder in reversed(first):
            if not (writer.rmdir(path) if is_folder else writer.unlink(path)):
                raise UnsafePath(f"`{shown(path)}` is in the way and could not be removed")
        report = _write(pending, payload, writer, progress)
        report.removed = len(removed)
        clearing.prune(writer, removed, doomed, planned)
    return report


def _fill(plan: Plan, payload: Payload, root: int, progress: Progress | None) -> Report:
    """Write a whole plan into an empty directory, or leave it empty."""
    _refuse_clashes(plan, root)
    writer = TreeWriter(root, replace=False)
    try:
        with writer:
            return _write(plan.entries, payload, writer, progress)
    except BaseException:
        for name in writer.made:
            discard(root, name)
        raise


def _refuse_clashes(plan: Plan, root: int) -> None:
    if plan.clashes and probe(root)[0]:
        plan.refuse_clashes()


def _write(
    entries: Sequence[Entry], payload: Payload, writer: TreeWriter, progress: Progress | None
) -> Report:
    report = Report()

    def advance(path: bytes, count: int) -> None:
        report.size += count
        if progress is not None:
            progress(path, count)

    for entry in entries:
        if entry.mode == LINK or entry.mode in FOLDERS:
            continue
        _write_file(entry, payload, writer, advance)
        report.written += 1
    for entry in entries:
        if entry.mode in FOLDERS:
            writer.directory(entry.path)
            if entry.mode == GITLINK:
                report.gitlinks.append(entry.path)
    # Links come last, so that none of the tree's own can stand in the way of its files.
    for entry in entries:
        if entry.mode == LINK:
            target = payload.blob(entry)
            writer.link(entry.path, target)
            advance(entry.path, len(target))
            report.written += 1
            if _leads_out(entry.path, target):
                report.outward.append(entry.path)
    return report


def _write_file(entry: Entry, payload: Payload, writer: TreeWriter, advance: Progress) -> None:
    path, executable = entry.path, entry.mode == EXECUTABLE
    pointer = payload.pointer(entry)
    if pointer is None:
        data = payload.blob(entry)
        writer.file(path, executable, lambda fd: filecopy.write_all(fd, data))
        advance(path, len(data))
        return
    held, size = payload.open(pointer, path), pointer.size

    def fill(fd: int) -> None:
        copied = filecopy.copy_all(held, fd, size, lambda count: advance(path, count))
        if copied != size:
            raise DamagedContent(f"`{shown(path)}`: its content ended after {copied} bytes")

    try:
        writer.file(path, executable, fill)
    finally:
        os.close(held)


def _leads_out(path: bytes, target: bytes) -> bool:
    landed = os.path.normpath(os.path.join(os.path.dirname(path), target))
    return landed.startswith((b"/", b"../")) or landed == b".."


@contextmanager
def _opened(folder: Path, parent: int | None = None) -> Iterator[int]:
    """A directory of the caller's choice; links on the way to it are the caller's business."""
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
    with writing(os.fsencode(folder)):
        try:
            fd = os.open(folder, flags, dir_fd=parent)
        except FileNotFoundError as error:
            raise PathDoesNotExist(f"the directory {folder} does not exist") from error
        except NotADirectoryError as error:
            raise FileAlreadyExistsError(f"{folder} is not a directory") from error
    try:
        yield fd
    finally:
        os.close(fd)
