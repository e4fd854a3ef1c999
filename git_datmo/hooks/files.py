"""Hooks as files: what lies at a path, and replacing it in one step."""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from git_datmo.errors import UnsafePath
from git_datmo.hooks import block
from git_datmo.model.frozen import frozen
from git_datmo.storage.durability import disk_errors, sync_folder, write_file

Action = Literal[
    "created", "added", "chained", "updated", "unchanged", "removed", "deleted", "kept"
]


@frozen
class Change:
    """What became of the hook of one event. `path` is the file it is about.

    created: a new file of ours · added: our block in a hook that was there · chained: a hook
    that was there moved aside, ours calls it · updated, unchanged: the block was there ·
    removed: the block is out, the rest stays · deleted: it was all ours · kept: not touched,
    or not wholly undone, because of what somebody did to it since; `note` says what.
    """

    event: str
    path: Path
    action: Action
    note: str = ""


@frozen
class Hook:
    """A hook as it lies on disk. `data` is what a link leads to; a dangling one has none."""

    path: Path
    data: bytes
    mode: int
    link: bool

    @property
    def runs(self) -> bool:
        """Whether git would run it."""
        return bool(self.mode & 0o111)

    def blocks(self, event: str) -> list[block.Block]:
        """Our blocks in it."""
        return block.find(self.data, event)


def read(path: Path) -> Hook | None:
    """The hook at `path`, or None. Raises UnsafePath for what cannot be a hook."""
    with disk_errors(path.parent):
        if not os.path.lexists(path):
            return None
        link = path.is_symlink()
        if link and not path.exists():
            return Hook(path, b"", 0, link)
        mode = path.stat().st_mode
        if not stat.S_ISREG(mode):
            raise UnsafePath(
                f"{path} is not a file, so no hook can be installed there",
                hint="move it away and run 'git datmo init' again",
            )
        return Hook(path, path.read_bytes(), stat.S_IMODE(mode), link)


def create(path: Path, data: bytes) -> None:
    """Write a new executable hook, as readable as the user's umask lets new files be."""
    umask = os.umask(0o077)
    os.umask(umask)
    write_file(path, data, mode=0o777 & ~umask)


def replace(hook: Hook, data: bytes) -> None:
    """Give a hook new content and keep its mode; readers see the old or the new."""
    write_file(hook.path, data, mode=hook.mode)


def duplicate(path: Path, other: Path) -> None:
    """Give the file or link at `path` a second name, which a crash before may have done.

    Raises UnsafePath when something else has that name.
    """
    with disk_errors(path.parent):
        if not os.path.lexists(other):
            os.link(path, other, follow_symlinks=False)
            sync_folder(path.parent)
        elif not os.path.samestat(path.lstat(), other.lstat()):
            raise UnsafePath(
                f"{path} has to make room, but {other} exists from an earlier time",
                hint=f"delete {other} if nobody needs it, then run 'git datmo init' again",
            )


def move(path: Path, other: Path) -> None:
    """Put `path` in the place of `other`, durably."""
    with disk_errors(path.parent):
        os.replace(path, other)
        sync_folder(path.parent)


def delete(path: Path) -> None:
    """Remove a file, durably."""
    with disk_errors(path.parent):
        path.unlink()
        sync_folder(path.parent)


def make_folder(folder: Path) -> bool:
    """Make sure the folder is there; True when it was not."""
    with disk_errors(folder.parent):
        there = folder.is_dir()
        folder.mkdir(parents=True, exist_ok=True)
        return not there


def remove_folder(folder: Path) -> None:
    """Remove a folder if nothing is left in it."""
    with disk_errors(folder.parent):
        if not any(folder.iterdir()):
            folder.rmdir()


def slots(hooks_dir: Path, event: str) -> Sequence[Path]:
    """Where a block of ours may be: the pre-commit framework moves the hook it finds to
    `<event>.legacy`, and runs it from there."""
    return (hooks_dir / event, hooks_dir / f"{event}.legacy")
