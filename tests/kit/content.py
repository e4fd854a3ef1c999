"""The content of a repository's store: what is there, and how old it looks."""

from __future__ import annotations

import os
import time
from pathlib import Path

from tests.kit.git import Repo

DAY = 86_400


def stored(repo: Repo) -> dict[bytes, Path]:
    """The content files of a store, by their bytes."""
    files = (repo.common_dir / "datmo" / "store").glob("??/*")
    return {file.read_bytes(): file for file in files}


def age(repo: Repo, days: float) -> None:
    """Make every content file look as if nobody had asked for it for so long."""
    then = time.time() - days * DAY
    for file in stored(repo).values():
        os.utime(file, (then, then))


def at_once(repo: Repo) -> None:
    """Let a gc here free what was deleted just now."""
    repo.git("config", "datmo.gcGrace", "0")
