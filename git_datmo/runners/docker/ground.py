"""The ground a task stands on: how the work tree gets under `/home` and comes back.

`overlay`: the engine lays an overlay over the tree, which stays as it is; what changed is its
upper folder. `bind`: the tree itself is mounted. `copy`: the engine is elsewhere, and the tree
travels there and back. `own`: the user's work tree, in place, without its `.git`.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from git_datmo.errors import Conflict, FileAlreadyExistsError
from git_datmo.runners.base import Job

if TYPE_CHECKING:
    from docker.types import Mount

OVERLAY, BIND, COPY, OWN = "overlay", "bind", "copy", "own"
HOME, TASK, DATA = "/home", "/task", "/data"
LONGEST_OPTIONS = 3500  # the kernel takes a page, the engine adds to it
MOST_REPOSITORIES = 200


def mounts(job: Job, ground: str) -> list[Mount]:
    """Everything a job's container gets mounted; nothing where it is sent there instead."""
    if ground == COPY:
        return []
    names = [f"{DATA}/{mount.name}" for mount in job.mounts]
    home = _overlay(job) if ground == OVERLAY else _bind(HOME, job.tree)
    found = [home, _bind(TASK, job.task)]
    found += [_bind(name, m.source) for name, m in zip(names, job.mounts, strict=True)]
    if ground == OWN:
        found += _masks(job)
    links = [link for link in job.links if not (ground == OWN and _is_there(job.tree, link.dest))]
    found += [_bind(f"{HOME}/{link.dest}", link.source, read_only=True) for link in links]
    return found


def _bind(target: str, source: Path, *, read_only: bool = False) -> Mount:
    from docker.types import Mount

    # Resolved here: the engine would follow its own idea of a link.
    return Mount(target, str(source.resolve()), type="bind", read_only=read_only)


def _overlay(job: Job) -> Mount:
    from docker.types import DriverConfig, Mount

    options = {"type": "overlay", "device": "overlay", "o": overlay_options(job)}
    driver = DriverConfig("local", options)
    return Mount(HOME, None, type="volume", no_copy=True, driver_config=driver)


def overlay_options(job: Job) -> str:
    """The kernel's words for an overlay over the tree. `userxattr` lets a user read its marks."""
    parts = {"lowerdir": job.tree, "upperdir": upper(job), "workdir": work(job)}
    words = [f"{name}={_escaped(path.resolve())}" for name, path in parts.items()]
    return ",".join([*words, "index=off", "userxattr"])


def _escaped(path: Path) -> str:
    return "".join(f"\\{c}" if c in "\\:," else c for c in str(path))


def upper(job: Job) -> Path:
    """Where an overlay keeps what a job changes."""
    return job.room / "upper"


def work(job: Job) -> Path:
    """Where the kernel works for an overlay."""
    return job.room / "work"


def fits(job: Job) -> bool:
    """Whether an overlay over this tree can be asked for: mount options have a length."""
    return len(os.fsencode(overlay_options(job))) < LONGEST_OPTIONS


def _masks(job: Job) -> list[Mount]:
    """Something empty over every `.git` of the user's work tree."""
    found = []
    for path in _repositories(job.tree):
        empty = job.room / ("no-git" if path.is_dir() else "no-git-file")
        if path.is_dir():
            empty.mkdir(exist_ok=True)
        else:
            empty.touch()
        inside = path.relative_to(job.tree).as_posix()
        found.append(_bind(f"{HOME}/{inside}", empty, read_only=True))
    return found


def _repositories(tree: Path) -> Iterator[Path]:
    count = 0
    for folder, folders, files in os.walk(tree):
        if ".git" in folders or ".git" in files:
            count += 1
            if count > MOST_REPOSITORIES:
                raise Conflict(
                    f"{tree} holds more than {MOST_REPOSITORIES} git repositories, "
                    "too many to hide from a container",
                    hint="run it in a copy: without --in-place, a workspace with --no-in-place",
                )
            yield Path(folder, ".git")
        if ".git" in folders:
            folders.remove(".git")


def lay(job: Job, ground: str) -> list[str]:
    """Make what a ground stands on, and the folders that links are mounted on, which the engine
    would make as root; those that were not there, outermost first.

    Raises FileAlreadyExistsError where a link of the job would hide something of the tree.
    """
    made: list[str] = []
    if ground == OVERLAY:
        for folder in (upper(job), work(job)):
            folder.mkdir(exist_ok=True)
    base = upper(job) if ground == OVERLAY else job.tree
    for link in job.links:
        if ground == OWN and _is_there(job.tree, link.dest):
            continue
        check_free(job.tree, link.dest)
        parts = link.dest.split("/")
        for count in range(1, len(parts) + 1):
            path = "/".join(parts[:count])
            if not (job.tree / path).is_dir() and path not in made:
                made.append(path)
            if ground != COPY:
                (base / path).mkdir(exist_ok=True)
    return made


def check_free(tree: Path, dest: str) -> None:
    """Raise FileAlreadyExistsError unless a folder shown at `dest` would hide nothing."""
    here = tree
    for part in dest.split("/"):
        here = here / part
        try:
            mode = here.lstat().st_mode
        except FileNotFoundError:
            return
        if not stat.S_ISDIR(mode):
            raise FileAlreadyExistsError(
                f"a folder cannot be shown at {dest}: {here.relative_to(tree)} is in the way"
            )
    if any(here.iterdir()):
        raise FileAlreadyExistsError(
            f"a folder cannot be shown at {dest}: the snapshot has files there"
        )


def _is_there(tree: Path, dest: str) -> bool:
    return (tree / dest).exists()


def remove_points(job: Job, ground: str, made: list[str]) -> None:
    """Take away those of the folders that are still empty, and what an overlay worked in, unless
    that belongs to the engine's root: see `sweep`."""
    base = upper(job) if ground == OVERLAY else job.tree
    for path in reversed(made):
        with suppress(OSError):
            (base / path).rmdir()
    if ground == OVERLAY:
        for folder in (work(job) / "work", work(job)):
            with suppress(OSError):
                folder.rmdir()
