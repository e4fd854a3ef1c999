"""A work tree's way to an engine elsewhere, and what the task left on its way back.

What comes back is a hostile stream: every name is checked, files are written by descriptor and
never through a link, and neither owners nor special bits nor devices are taken over.
"""

from __future__ import annotations

import os
import tarfile
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING

from git_datmo.errors import EngineError, NoSpace
from git_datmo.runners.base import Job
from git_datmo.runners.docker import tape
from git_datmo.runners.docker.container import owner
from git_datmo.runners.docker.engine import Ability, Engine
from git_datmo.runners.docker.ground import DATA, HOME, TASK
from git_datmo.runners.docker.tape import Owner
from git_datmo.storage.dirfd import Directories, discard, is_plain
from git_datmo.storage.treewriter import TreeWriter

if TYPE_CHECKING:
    from docker import APIClient

BLOCK = tape.BLOCK


def send(client: APIClient, container: str, job: Job, ability: Ability) -> None:
    """Put the tree, the task directory and data into a container that has not started. Data and
    links can only be read there. Raises what the SDK raises."""
    client.put_archive(container, "/", _everything(job, Owner(*owner(ability))))


def _everything(job: Job, mine: Owner) -> Iterator[bytes]:
    theirs = Owner(0, 0, writable=False)
    yield from tape.packed(job.tree, HOME[1:], mine)
    yield from tape.packed(job.task, TASK[1:], mine)
    for link in job.links:
        yield from tape.packed(link.source.resolve(), f"{HOME[1:]}/{link.dest}", theirs)
    for mount in job.mounts:
        yield from tape.packed(mount.source.resolve(), f"{DATA[1:]}/{mount.name}", theirs)
    yield tape.END


def bring_back(engine: Engine, container: str, job: Job) -> None:
    """Make the tree and the task directory what they are in the container.

    Raises EngineError when the engine does not hand them over, what a restore raises where they
    cannot be written, and NoSpace when there is not enough of it.
    """
    client = engine.client()
    links = {os.fsencode(link.dest) for link in job.links}
    for source, target, left_out in ((HOME, job.tree, links), (TASK, job.task, set[bytes]())):
        with engine.asking("hand over what the task left"), _opened(target) as root:
            chunks, _ = client.get_archive(container, source)
            try:
                arrive(chunks, root, left_out)
            except tarfile.TarError as error:
                raise EngineError(
                    f"Docker sent what the task left in a form that cannot be read: {error}"
                ) from error


@contextmanager
def _opened(folder: Path) -> Iterator[int]:
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield fd
    finally:
        os.close(fd)


def arrive(chunks: Iterable[bytes], root: int, left_out: Collection[bytes] = ()) -> None:
    """Make the open directory `root` what a stream says, but for the paths `left_out` and below.

    What is the same already is left alone. Raises TarError for a stream that is broken.
    """
    _Arrival(root, left_out).take(chunks)


class _Arrival:
    def __init__(self, root: int, left_out: Collection[bytes]) -> None:
        self._root = root
        self._left_out = left_out
        self._seen: set[bytes] = set()
        self._files: set[bytes] = set()

    def take(self, chunks: Iterable[bytes]) -> None:
        """Read the whole stream, then remove what it did not name."""
        with TreeWriter(self._root, replace=True) as writer:
            for info, data in tape.members(iter(chunks)):
                path = _inside(info.name)
                if path is None or self._is_left_out(path):
                    continue
                self._place(writer, path, info, data)
        self._remove_rest()

    def _is_left_out(self, path: bytes) -> bool:
        return any(path == out or path.startswith(out + b"/") for out in self._left_out)

    def _place(
        self, writer: TreeWriter, path: bytes, info: tarfile.TarInfo, data: IO[bytes] | None
    ) -> None:
        if info.isdir():
            self._clear(writer, path, folder=True)
            writer.directory(path)
        elif info.issym():
            self._clear(writer, path, folder=False)
            target = os.fsencode(info.linkname)
            if self._target(path) != target:
                writer.link(path, target)
        elif data is not None:
            self._fits(info)
            self._clear(writer, path, folder=False)
            self._write(writer, path, info, data)
            self._files.add(path)
        elif info.islnk():
            same = _inside(info.linkname)
            if same not in self._files:
                return
            with self._reading(same) as fd, open(fd, "rb", closefd=False) as twin:
                self._clear(writer, path, folder=False)
                self._write(writer, path, info, twin)
            self._files.add(path)
        else:
            return
        while path and path not in self._seen:
            self._seen.add(path)
            path = path.rpartition(b"/")[0]

    def _fits(self, info: tarfile.TarInfo) -> None:
        disk = os.fstatvfs(self._root)
        if info.size > disk.f_bavail * disk.f_frsize:
            raise NoSpace(
                f"no space left on the disk for `{info.name}` ({info.size} bytes)",
                hint="free some space and try again",
            )

    def _clear(self, writer: TreeWriter, path: bytes, *, folder: bool) -> None:
        """Remove what is of another kind than what is to come."""
        found = writer.stat(path)
        if found is None:
            return
        is_folder = not is_plain(found)
        if is_folder != folder:
            above, _, name = path.rpartition(b"/")
            with Directories(self._root) as directories:
                discard(directories.open(above), name)

    def _write(
        self, writer: TreeWriter, path: bytes, info: tarfile.TarInfo, data: IO[bytes]
    ) -> None:
        """Write a file unless the same bytes are there; what agrees at its start is kept aside."""
        executable = bool(info.mode & 0o111)
        old = self._old(writer, path, executable)
        if old is None:
            writer.file(path, executable, lambda fd: _pour(data, fd))
            return
        try:
            same, differing = 0, b""
            while chunk := data.read(BLOCK):
                if os.pread(old, len(chunk), same) != chunk:
                    differing = chunk
                    break
                same += len(chunk)
            if not differing and same == os.fstat(old).st_size:
                return

            def fill(fd: int) -> None:
                at = 0
                while at < same and (block := os.pread(old, min(BLOCK, same - at), at)):
                    _all(block, fd)
                    at += len(block)
                _all(differing, fd)
                _pour(data, fd)

            writer.file(path, executable, fill)
        finally:
            os.close(old)

    def _old(self, writer: TreeWriter, path: bytes, executable: bool) -> int | None:
        found = writer.stat(path)
        if found is None or found.st_mode & 0o170000 != 0o100000:
            return None
        if bool(found.st_mode & 0o111) != executable:
            return None
        return self._open(path)

    def _open(self, path: bytes) -> int:
        folder, _, name = path.rpartition(b"/")
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        with Directories(self._root) as directories:
            return os.open(name, flags, dir_fd=directories.open(folder))

    @contextmanager
    def _reading(self, path: bytes) -> Iterator[int]:
        fd = self._open(path)
        try:
            yield fd
        finally:
            os.close(fd)

    def _target(self, path: bytes) -> bytes | None:
        folder, _, name = path.rpartition(b"/")
        with Directories(self._root) as directories:
            try:
                return os.readlink(name, dir_fd=directories.open(folder))
            except OSError:
                return None

    def _remove_rest(self) -> None:
        with Directories(self._root) as directories:
            folders = [b""]
            for folder in folders:
                fd = directories.open(folder)
                for name in map(os.fsencode, os.listdir(fd)):
                    path = folder + b"/" + name if folder else name
                    if path not in self._seen and not self._is_left_out(path):
                        discard(fd, name)
                    elif not is_plain(os.stat(name, dir_fd=fd, follow_symlinks=False)):
                        folders.append(path)


def _inside(name: str) -> bytes | None:
    """A member's path below the folder that was asked for; None for the folder itself, and for
    what lies, or claims to lie, outside."""
    parts = os.fsencode(name).split(b"/")
    if len(parts) < 2 or any(part in (b"", b".", b"..") for part in parts):
        return None
    return b"/".join(parts[1:])


def _pour(data: IO[bytes], fd: int) -> None:
    while chunk := data.read(BLOCK):
        _all(chunk, fd)


def _all(data: bytes, fd: int) -> None:
    while data:
        data = data[os.write(fd, data) :]
