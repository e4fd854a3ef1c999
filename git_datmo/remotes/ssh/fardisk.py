"""Folders and files of the machine at the far end. It is sent there, with `agent`."""

import os
import stat

BLOCK = 256 * 1024


class Refused(Exception):
    """What is told to the client before it is left: a kind it knows, and words."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


def store_folder(said: str, repository: bool) -> bytes:
    """Where the store is: a folder, or below the repository that git would find for `said`."""
    path = os.path.expanduser(said.encode("utf-8", "surrogateescape"))
    if not repository:
        return os.path.abspath(path)
    for end in (b"/.git", b"", b".git/.git", b".git"):
        found = _git_dir(path + end)
        if found is not None:
            return os.path.join(found, b"datmo", b"store")
    raise Refused("repository", f"{said} is no git repository")


def _git_dir(path: bytes) -> "bytes | None":
    """The git directory that all work trees of the repository at `path` share."""
    if os.path.isfile(path):
        with open(path, "rb") as file:
            text = file.read(4096)
        if not text.startswith(b"gitdir: "):
            return None
        path = os.path.join(os.path.dirname(path), text[8:].rstrip(b"\n"))
    common = path
    try:
        with open(os.path.join(path, b"commondir"), "rb") as file:
            common = os.path.join(path, file.read(4096).rstrip(b"\n"))
    except FileNotFoundError:
        pass
    except NotADirectoryError:
        return None
    parts = [os.path.join(path, b"HEAD"), os.path.join(common, b"objects")]
    return os.path.realpath(common) if all(map(os.path.lexists, parts)) else None


def existing(path: bytes) -> bytes:
    """A folder, or the nearest above it that is there."""
    while not os.path.lexists(path) and path != os.path.dirname(path):
        path = os.path.dirname(path)
    return path


def make_folder(path: bytes) -> None:
    """Make a folder and those above it, each as open to the group as the one it lies in."""
    if os.path.isdir(path):
        return
    above = os.path.dirname(path)
    make_folder(above)
    try:
        os.mkdir(path)
    except FileExistsError:
        if os.path.isdir(path):
            return
        raise
    mode = os.stat(above).st_mode
    if mode & stat.S_IWGRP and not mode & stat.S_ISVTX:
        made = os.stat(path).st_mode & 0o7777
        os.chmod(path, (made | mode & 0o2070) & (mode | 0o7770))


def write(fd: int, data: bytes, offset: "int | None" = None) -> None:
    """Write all of it, at the end or from `offset` on."""
    view = memoryview(data)
    while view:
        done = os.write(fd, view) if offset is None else os.pwrite(fd, view, offset)
        view = view[done:]
        offset = None if offset is None else offset + done


def flush(descriptors: "list[int]") -> None:
    """Bring what files or folders hold to the disk: each, or many in one go."""
    if len(descriptors) > 4:
        try:
            import ctypes

            if ctypes.CDLL(None).syncfs(descriptors[0]) == 0:
                return
        except (ImportError, AttributeError, OSError):
            pass
    for fd in descriptors:
        os.fsync(fd)
