"""What a task sees besides its tree: data by name, and shared folders linked into the tree."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath

from git_datmo.errors import (
    DatmoError,
    FileAlreadyExistsError,
    InvalidDestinationName,
    PathDoesNotExist,
)
from git_datmo.runners.base import Job, Link
from git_datmo.storage.dirfd import Directories, writing

MADE = "links.json"


def data_folder(job: Job) -> Path:
    """Where the job's data appears: `DATMO_DATA_DIR`."""
    return job.room / "data"


def check(job: Job) -> None:
    """Raise PathDoesNotExist for a source that is missing, InvalidDestinationName for a name or
    place that cannot be, FileAlreadyExistsError for two of one name."""
    for mount in job.mounts:
        if mount.name in ("", ".", "..") or "/" in mount.name or "\0" in mount.name:
            raise InvalidDestinationName(
                f"data cannot be called {mount.name!r}", hint="give it a plain name: src>name"
            )
        if not mount.source.exists():
            raise PathDoesNotExist(f"data {mount.name!r}: there is no {mount.source}")
    _once([mount.name for mount in job.mounts], "data")
    for link in job.links:
        parts = PurePosixPath(link.dest).parts
        if not parts or link.dest.startswith("/") or ".." in parts or "\0" in link.dest:
            raise InvalidDestinationName(f"a link cannot lie at {link.dest!r}")
        if not link.source.exists():
            raise PathDoesNotExist(f"the linked folder {link.source} does not exist")
    _once([str(PurePosixPath(link.dest)) for link in job.links], "linked folders")


def make(job: Job) -> None:
    """Make the links of a job.

    Raises FileAlreadyExistsError where the tree has something of its own, UnsafePath where a
    link of the tree leads elsewhere. On an error nothing stays.
    """
    try:
        if job.mounts:
            data = data_folder(job)
            with writing(os.fsencode(data)):
                data.mkdir(exist_ok=True)
                for mount in job.mounts:
                    _link(mount.source, data / mount.name)
        if job.links:
            wanted = [link for link in job.links if not _is_there(job, link)]
            with writing(os.fsencode(job.room)), _open(job) as tree:
                plan = [_plan(tree, link) for link in wanted]
                (job.room / MADE).write_text(json.dumps(plan))
            with _open(job) as tree:
                for link in wanted:
                    _make(tree, link)
    except DatmoError:
        remove(job)
        raise


def remove(job: Job) -> None:
    """Remove the links that `make` made, and folders made for them that are empty."""
    data = data_folder(job)
    for mount in job.mounts:
        with suppress(OSError):
            if (data / mount.name).is_symlink():
                (data / mount.name).unlink()
    with suppress(OSError):
        data.rmdir()
    try:
        plan = json.loads((job.room / MADE).read_text())
    except (OSError, ValueError):
        return
    with suppress(OSError, DatmoError), _open(job) as tree:
        for dest, target, folders in plan:
            _remove(tree, os.fsencode(dest), os.fsencode(target), map(os.fsencode, folders))
    with suppress(OSError):
        (job.room / MADE).unlink()


def _once(names: list[str], what: str) -> None:
    twice = {name for name in names if names.count(name) > 1}
    if twice:
        raise FileAlreadyExistsError(f"two {what} are called {sorted(twice)[0]!r}")


def _link(source: Path, place: Path) -> None:
    target = os.path.abspath(source)
    if place.is_symlink() and os.readlink(place) == target:
        return
    os.symlink(target, place)


def _is_there(job: Job, link: Link) -> bool:
    """Whether the tree has this very folder at its place: it does when it is the user's own."""
    with suppress(OSError):
        return os.path.samefile(job.tree / link.dest, link.source)
    return False


def _plan(tree: Directories, link: Link) -> tuple[str, str, list[str]]:
    """What will be made: the link, its target, and the folders above it that are missing."""
    dest = PurePosixPath(link.dest)
    missing = []
    for folder in list(dest.parents)[:-1]:
        try:
            tree.open(os.fsencode(folder))
        except FileNotFoundError:
            missing.append(str(folder))
    return str(dest), os.path.abspath(link.source), missing


def _make(tree: Directories, link: Link) -> None:
    folder, _, name = os.fsencode(PurePosixPath(link.dest)).rpartition(b"/")
    with writing(os.fsencode(link.dest)):
        parent = tree.open(folder, make=True)
        try:
            os.symlink(os.path.abspath(link.source), name, dir_fd=parent)
        except FileExistsError:
            raise FileAlreadyExistsError(
                f"the snapshot has a {link.dest!r} of its own, where a shared folder is to be "
                "linked",
                hint="take it out of datmo.link, or out of the snapshot",
            ) from None


def _remove(tree: Directories, dest: bytes, target: bytes, folders: Iterator[bytes]) -> None:
    above, _, name = dest.rpartition(b"/")
    with suppress(OSError, DatmoError):
        parent = tree.open(above)
        if os.readlink(name, dir_fd=parent) == target:
            os.unlink(name, dir_fd=parent)
    for folder in folders:
        outer, _, last = folder.rpartition(b"/")
        with suppress(OSError, DatmoError):
            os.rmdir(last, dir_fd=tree.open(outer))


@contextmanager
def _open(job: Job) -> Iterator[Directories]:
    fd = os.open(job.tree, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        with Directories(fd) as directories:
            yield directories
    finally:
        os.close(fd)
