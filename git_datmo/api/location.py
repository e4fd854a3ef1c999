"""Finding a project, or making the repository for one."""

from __future__ import annotations

import os
from pathlib import Path

from git_datmo.errors import NotARepository, ReadOnlyRepository
from git_datmo.records import astray
from git_datmo.records.project import Project


def find(folder: Path, *, tidy: bool = True, capture: bool = False) -> Project:
    """The project of the repository around `folder`, its refs set in order.

    `capture` says that a capture follows: git starts to look at the work tree at once.
    Raises NotARepository, InvalidProjectPath, UnsupportedRepository.
    """
    project = Project.open(folder)
    if capture and project.repository.work_tree is not None:
        from git_datmo.storage import scan

        scan.begin(project.repository)
    if tidy and project.known:
        astray.tidy(project)
    return project


def find_or_make(folder: Path) -> tuple[Project, bool]:
    """The project around `folder`; where there is no repository, `git init` makes one.

    Returns the project and whether its repository is new. Raises ReadOnlyRepository.
    """
    try:
        return find(folder), False
    except NotARepository:
        pass
    import subprocess

    from git_datmo.storage.git import environment

    if not os.access(folder, os.W_OK):
        raise ReadOnlyRepository(f"cannot make a repository in {folder}")
    # libgit2 reads neither SHA-256 names nor reftable, whatever the user's defaults are.
    env = {**environment(), "GIT_DEFAULT_HASH": "sha1", "GIT_DEFAULT_REF_FORMAT": "files"}
    subprocess.run(["git", "init", "--quiet"], cwd=folder, env=env, check=True)
    return find(folder), True
