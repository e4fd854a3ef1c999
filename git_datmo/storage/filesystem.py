"""What can be told of a file system without writing to it."""

from __future__ import annotations

import errno
import fcntl
import os
import re
from pathlib import Path

_MOUNTS = Path("/proc/self/mountinfo")
# File systems that other machines may write to as well.
_SHARED = frozenset(
    {"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "afs", "ceph", "glusterfs", "lustre"}
    | {"beegfs", "gpfs", "virtiofs", "orangefs", "ocfs2", "gfs2", "fuse.sshfs", "fuse.glusterfs"}
)
# What lies there is gone when the power is.
_VOLATILE = frozenset({"tmpfs", "ramfs"})
_NO_LOCKS = (errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS, errno.EINVAL)


def kind(folder: Path) -> str:
    """The kind of the file system that holds a folder; empty where it cannot be told."""
    try:
        text = _MOUNTS.read_text("utf-8", "surrogateescape")
    except OSError:
        return ""
    here = os.path.realpath(folder)
    best, found = "", ""
    for line in text.splitlines():
        left, _, right = line.partition(" - ")
        fields = left.split(" ")
        if len(fields) < 5 or not right:
            continue
        place = re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), fields[4])
        if (here + "/").startswith(place.rstrip("/") + "/") and len(place) >= len(best):
            best, found = place, right.split(" ")[0]
    return found


def is_shared(folder: Path) -> bool:
    """Whether other machines may write there, as far as that can be told."""
    return kind(folder) in _SHARED


def is_volatile(folder: Path) -> bool:
    """Whether what lies there is gone when the power is."""
    return kind(folder) in _VOLATILE


def folds_case(common_dir: Path) -> bool:
    """Whether names that differ in case alone meet in a git folder."""
    try:
        return os.path.samefile(common_dir / "HEAD", common_dir / "hEaD")
    except OSError:
        return False


def has_locks(file: Path) -> bool:
    """Whether `flock` works on a file that is there; True for one that cannot be opened."""
    try:
        fd = os.open(file, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return True
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError as error:
        return error.errno not in _NO_LOCKS
    finally:
        os.close(fd)
    return True


def has_sync(folder: Path) -> bool:
    """Whether the names in a folder can be flushed to the disk."""
    try:
        fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError:
        return True
    try:
        os.fsync(fd)
    except OSError as error:
        return error.errno not in (errno.EINVAL, errno.ENOTSUP)
    finally:
        os.close(fd)
    return True


def room(folder: Path) -> tuple[int, int | None]:
    """Bytes, and files (None where there is no such limit), that still fit on a disk."""
    state = os.statvfs(folder)
    return state.f_bavail * state.f_frsize, state.f_favail if state.f_files else None
