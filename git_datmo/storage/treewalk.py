"""Looking through a directory that a task wrote: by descriptor, so that no link is followed."""

from __future__ import annotations

import os
import stat

from git_datmo.storage.dirfd import Directories

# Mode, size, modification time, change time (ns), inode: enough to see that a file was written.
Stamp = tuple[int, int, int, int, int]

_PATH_ONLY = getattr(os, "O_PATH", 0) | os.O_NOFOLLOW | os.O_DIRECTORY | os.O_CLOEXEC


def stamp(state: os.stat_result) -> Stamp:
    """How a file looks now."""
    return (state.st_mode, state.st_size, state.st_mtime_ns, state.st_ctime_ns, state.st_ino)


def listing(folder: int) -> list[tuple[bytes, os.stat_result]]:
    """The names in an open directory and what each is; what vanishes meanwhile is left out."""
    found = []
    with os.scandir(folder) as entries:
        for entry in entries:
            try:
                found.append((os.fsencode(entry.name), entry.stat(follow_symlinks=False)))
            except FileNotFoundError:
                continue
    return found


def unlock(name: bytes, parent: int | None) -> None:
    """Let the owner list and change the directory `name` again, never what a link points to."""
    if os.chmod in os.supports_follow_symlinks:
        os.chmod(name, 0o755, dir_fd=parent, follow_symlinks=False)
        return
    fd = os.open(name, _PATH_ONLY, dir_fd=parent)
    try:
        os.chmod(f"/proc/self/fd/{fd}", 0o755)
    finally:
        os.close(fd)


def remove(directories: Directories, path: bytes) -> None:
    """Remove `path` and all below it, whatever modes it has. Raises OSError and UnsafePath."""
    above, _, last = path.rpartition(b"/")
    parent = directories.open(above)
    if not stat.S_ISDIR(os.stat(last, dir_fd=parent, follow_symlinks=False).st_mode):
        os.unlink(last, dir_fd=parent)
        return
    folders = [path]
    for folder in folders:
        above, _, last = folder.rpartition(b"/")
        state = os.stat(last, dir_fd=directories.open(above), follow_symlinks=False)
        if state.st_mode & 0o700 != 0o700:
            unlock(last, directories.open(above))
        fd = directories.open(folder)
        for name, found in listing(fd):
            if stat.S_ISDIR(found.st_mode):
                folders.append(folder + b"/" + name)
            else:
                os.unlink(name, dir_fd=fd)
    for folder in reversed(folders):
        above, _, last = folder.rpartition(b"/")
        os.rmdir(last, dir_fd=directories.open(above))
