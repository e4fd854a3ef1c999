"""A repository of a program's own, for runs of scripts that lie in none."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from git_datmo.api import location
from git_datmo.errors import IdentityMissing, ReadOnlyRepository
from git_datmo.records.project import Project


def ready(folder: Path) -> tuple[Project, bool]:
    """The project of the repository that `folder` is, made where it is missing.

    Nothing but what is recorded lies in it. Returns the project and whether it is new. Any number
    of processes may ask at once. Raises ReadOnlyRepository.
    """
    here = known(folder)
    if here is not None:
        return here, False
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ReadOnlyRepository(
            f"cannot make a place for runs in {folder}: {error.strerror}",
            hint="start the program in a folder that you may write to, or in a git repository",
        ) from error
    with _alone(folder):
        project = location.find(folder) if (folder / ".git").exists() else _made(folder)
        adopt_identity(project, lasting=True)
    settle(project, name=folder.resolve().parent.parent.name)
    return project, True


def known(folder: Path) -> Project | None:
    """The project of the repository that `folder` is; None where `ready` has made none yet."""
    return location.find(folder) if (folder / ".git" / "datmo" / "clone").exists() else None


def settle(project: Project, name: str | None = None) -> bool:
    """Make a project of a repository that is none yet, without hooks; whether it was none.

    Any number of processes may ask at once. Raises Conflict in a mirror, ReadOnlyRepository.
    """
    from git_datmo.api import project as projects

    with _alone(project.repository.common_dir):
        if project.initialized:
            return False
        projects.init(project, name=name or None)
    return True


def adopt_identity(project: Project, who: str | None = None, *, lasting: bool = False) -> bool:
    """Let a project record as `Name <email>` where git knows nobody; by default the account here.

    `lasting` writes it to the repository's own config. Returns whether it was needed.
    """
    try:
        _ = project.identity
    except IdentityMissing:
        pass
    else:
        return False
    name, _, email = (who or _account()).rstrip(">").partition(" <")
    if lasting:
        project.repository.config.set("user.name", name)
        project.repository.config.set("user.email", email)
    else:
        for role in ("AUTHOR", "COMMITTER"):
            project.repository.git.env |= {f"GIT_{role}_NAME": name, f"GIT_{role}_EMAIL": email}
    return True


def _account() -> str:
    import getpass

    try:
        name = getpass.getuser()
    except (OSError, KeyError):
        name = f"user{os.getuid()}"
    return f"{name} <{name}@{os.uname().nodename or 'localhost'}>"


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Hold the folder's own lock: there may be no other place for one yet."""
    try:
        fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise ReadOnlyRepository(f"cannot open {folder}: {error.strerror}") from error
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        yield
    finally:
        os.close(fd)


def _made(folder: Path) -> Project:
    """`git init` in this very folder, whatever lies around it."""
    import subprocess

    from git_datmo.storage.git import environment

    env = {**environment(), "GIT_DEFAULT_HASH": "sha1", "GIT_DEFAULT_REF_FORMAT": "files"}
    subprocess.run(["git", "init", "--quiet"], cwd=folder, env=env, check=True)
    return location.find(folder)
