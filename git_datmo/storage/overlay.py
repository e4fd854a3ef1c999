"""What the upper folder of an overlay says beside its files: what it hides of the lower one."""

from __future__ import annotations

import os
import stat

_OPEN = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


def is_opaque(folder: int) -> bool:
    """Whether an open directory hides all that the lower one has below it."""
    return _attribute(folder, "opaque") == b"y"


def is_moved(folder: int) -> bool:
    """Whether an open directory only says where in the lower one its files are."""
    return _attribute(folder, "redirect") is not None


def is_whiteout(name: bytes, state: os.stat_result, folder: int) -> bool:
    """Whether `name` in an open directory says that the lower one's entry was removed."""
    if stat.S_ISCHR(state.st_mode):
        return state.st_rdev == 0
    if stat.S_ISREG(state.st_mode) and state.st_size == 0:
        return _named(name, folder, "whiteout")
    return False


def is_reference(name: bytes, state: os.stat_result, folder: int) -> bool:
    """Whether `name` is a file whose bytes are still in the lower folder."""
    plain = stat.S_ISREG(state.st_mode) and state.st_size > 0 and state.st_blocks == 0
    return plain and _named(name, folder, "metacopy")


def _named(name: bytes, folder: int, attribute: str) -> bool:
    try:
        fd = os.open(name, _OPEN, dir_fd=folder)
    except OSError:
        return False
    try:
        return _attribute(fd, attribute) is not None
    finally:
        os.close(fd)


def _attribute(fd: int, name: str) -> bytes | None:
    """An attribute of the overlay: as root's mounts write it, or as a user's do."""
    if not hasattr(os, "getxattr"):
        return None
    for space in ("user", "trusted"):
        try:
            return os.getxattr(fd, f"{space}.overlay.{name}")
        except OSError:
            continue
    return None
