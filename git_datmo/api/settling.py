"""Runs that were sent while they lasted, and have been recorded since: their places in folders
get the record. What was sent to where is kept beside the repository until then."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from git_datmo.errors import RemoteError
from git_datmo.records import catalogue, layout
from git_datmo.records.kinds import RUN
from git_datmo.records.project import Project
from git_datmo.remotes import folders
from git_datmo.remotes.gitwire import Change
from git_datmo.remotes.live import ROOM
from git_datmo.remotes.refusals import Stale
from git_datmo.storage.durability import disk_errors

ENDING = ".sent"


def remember(project: Project, run_id: str, url: str) -> None:
    """Write down that a run under way was sent to an address. Raises NoSpace."""
    path = _path(project, run_id)
    with disk_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f".{path.name}.{os.getpid()}")
        # Addresses may hold passwords.
        fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with os.fdopen(fd, "wb") as file:
            file.write(os.fsencode(url))
        os.replace(temporary, path)


def forget(project: Project, run_id: str) -> None:
    """The record of a run has its place."""
    with suppress(OSError):
        _path(project, run_id).unlink()


def settle(project: Project, url: str) -> tuple[str, ...]:
    """Give the runs that were sent to an address their record there, where they have one by now
    that was pushed; who others were faster with is left for the next time.

    Returns the ids of the runs. Asks the server only when there is anything to do. Raises
    RemoteError.
    """
    waiting = dict(_recorded(project, url))
    if not waiting:
        return ()
    there = folders.listing(project, url)
    settled = []
    for run_id, commit in waiting.items():
        seen = there.live.get(run_id)
        paths = [path for path, oid in there.nodes.items() if seen is not None and oid == seen]
        changes = [Change(folders.ref_of(path), seen, commit) for path in paths]
        if seen is not None:
            changes.append(Change(folders.live_ref(run_id), seen, None))
        with suppress(Stale):
            if changes:
                folders.move(project.repository.git, url, changes)
            forget(project, run_id)
            settled.append(run_id)
    return tuple(settled)


def settled_quietly(project: Project, url: str) -> tuple[str, ...]:
    """`settle` as a part of something else: what went wrong, in a sentence."""
    try:
        settle(project, url)
    except RemoteError as error:
        return (f"folders still show runs as they were while they lasted: {error.message}",)
    return ()


def _recorded(project: Project, url: str) -> Iterator[tuple[str, str]]:
    try:
        names = os.listdir(project.home / ROOM)
    except OSError:
        return
    index = None
    for name in names:
        run_id = name.removesuffix(ENDING)
        if run_id == name or not layout.is_run_id(run_id):
            continue
        try:
            sent = os.fsdecode(_path(project, run_id).read_bytes())
        except OSError:
            continue
        index = index or catalogue.refresh(project)
        found = index.find_text(("run_id",), run_id, RUN) if sent == url else []
        if found:
            yield run_id, found[0]


def _path(project: Project, run_id: str) -> Path:
    return project.home / ROOM / f"{run_id}{ENDING}"
