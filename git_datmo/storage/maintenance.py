"""git's own housekeeping, which the library never starts."""

from __future__ import annotations

import os

from git_datmo.storage.repository import Repository

DEFAULT_AUTO = 6700


def keep_house(repository: Repository) -> bool:
    """Start `git gc --auto` in the background when there are many loose objects.

    The count is git's own estimate: one of 256 folders stands for all.
    """
    folder = repository.common_dir / "objects" / "17"
    try:
        with os.scandir(folder) as entries:
            count = sum(1 for _ in entries)
    except OSError:
        return False
    limit = repository.config.number("gc.auto", DEFAULT_AUTO)
    if limit <= 0 or count <= (limit + 255) // 256:
        return False
    import subprocess

    subprocess.Popen(
        repository.git.command(["gc", "--auto", "--quiet"]),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd=repository.common_dir,
        env=repository.git.env,
        start_new_session=True,
    )
    return True
