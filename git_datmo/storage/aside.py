"""Where things go that are in the way and might be of use to somebody: `<home>/aside/<date>/`.

Nothing of ours ever reads or deletes what lies there.
"""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path

from git_datmo.storage.durability import disk_errors, sync_folder, write_file

ROOM = "aside"


def put(home: Path, path: Path, name: str) -> Path:
    """Move a file, link or folder there, at once, under a name that may have slashes; where it
    is now. Raises Conflict where it lies on another disk."""
    with disk_errors(path):
        target = _free(home, name)
        os.rename(path, target)
        sync_folder(target.parent)
        sync_folder(path.parent)
    return target


def keep(home: Path, path: Path, name: str) -> Path:
    """Copy a small file there, links as links; where the copy is."""
    with disk_errors(path):
        target = _free(home, name)
        shutil.copy2(path, target, follow_symlinks=False)
        sync_folder(target.parent)
    return target


def write(home: Path, name: str, data: bytes) -> Path:
    """Put a note there of what was taken away; where it is."""
    target = _free(home, name)
    write_file(target, data)
    return target


def _free(home: Path, name: str) -> Path:
    wanted = home / ROOM / time.strftime("%Y-%m-%d") / name
    wanted.parent.mkdir(parents=True, exist_ok=True)
    target, number = wanted, 1
    while os.path.lexists(target):
        target = wanted.with_name(f"{wanted.name}.{number}")
        number += 1
    return target
