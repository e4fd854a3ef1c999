"""The repository that a task came from, as far as the task can reach it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from git_datmo.errors import NotARepository, UnsupportedRepository

if TYPE_CHECKING:
    from git_datmo.records.project import Project

MOVED_FROM = "DATMO_MOVED_FROM"


def project(folder: Path) -> Project | None:
    """The project around `folder`, or the one whose work tree the task's own was taken from.

    None in a container, and where nothing was initialised.
    """
    from git_datmo.api import location

    for place in (os.fspath(folder), os.environ.get(MOVED_FROM)):
        if not place or not os.path.isdir(place):
            continue
        try:
            found = location.find(Path(place))
        except (NotARepository, UnsupportedRepository):
            continue
        if found.initialized:
            return found
    return None


def required(found: Project | None) -> Project:
    """The project that a task came from. Raises NotARepository where it cannot be reached."""
    if found is None:
        raise NotARepository(
            "this task cannot reach the repository that it was started from",
            hint="name what the task needs with 'git datmo run --input'",
        )
    return found
