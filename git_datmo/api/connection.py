"""What ties a project to its repository: fetch lines, hooks, and the work trees it has."""

from __future__ import annotations

import os
from pathlib import Path

from git_datmo.hooks.location import Location, location
from git_datmo.records import layout
from git_datmo.records.project import Project


def unfetched(project: Project) -> list[str]:
    """The remotes of which a plain `git fetch` does not bring the snapshots, though it should.

    Raises UsageError for a `datmo.fetch` that is neither true nor false.
    """
    config = project.repository.config
    if not config.boolean("datmo.fetch", True):
        return []
    return [
        remote
        for remote in config.sections("remote")
        if config.all(f"remote.{remote}.url")
        and layout.fetch_line(remote) not in config.all(f"remote.{remote}.fetch")
    ]


def fetch(project: Project, remote: str) -> None:
    """Have a plain `git fetch` bring the snapshots of a remote."""
    project.repository.config.add(f"remote.{remote}.fetch", layout.fetch_line(remote))


def hooks(project: Project) -> Location:
    """Where the hooks go."""
    out = project.repository.git.run(
        "rev-parse", "--path-format=absolute", "--git-path", "hooks", safe=False
    )
    return location(project.repository.common_dir, Path(os.fsdecode(out.rstrip(b"\n"))))


def work_trees(common: Path) -> list[Path]:
    """The git folders of linked work trees."""
    folder = common / "worktrees"
    return [p for p in folder.iterdir() if p.is_dir()] if folder.is_dir() else []
