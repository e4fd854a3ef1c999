"""Locks of processes that died: ours, and those of git that keep our refs from moving."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from git_datmo.api import connection
from git_datmo.api.symptom import Patient, Symptom
from git_datmo.errors import Conflict
from git_datmo.records import layout
from git_datmo.records.project import Project
from git_datmo.storage import gitlocks, scan
from git_datmo.storage.durability import disk_errors
from git_datmo.storage.locks import mutex, quiet, unfinished

ROOMS = (layout.OWN, layout.REMOTES, layout.LOCAL, layout.FOLDERS, layout.LIVE)
# The user's own: git commands wait for these, and we never touch them.
USERS = ("index.lock", "HEAD.lock", "config.lock", "shallow.lock")


def examine(patient: Patient) -> Iterator[Symptom]:
    """Locks that nobody holds any more."""
    project = patient.project
    common = project.repository.common_dir
    with quiet(project.home):
        # Whoever takes locks holds the mutex: what is announced now, a dead process announced.
        announced = unfinished(project.home)
    if announced is not None:
        left = ", ".join(path.name for path in announced) or "no lock"
        yield Symptom(
            "lock",
            str(project.home / "intent"),
            f"a process that moved refs was killed; it left {left}",
            "what it held is let go of",
            partial(_recover, project),
        )
    mine = set(announced or ())
    with quiet(project.home):
        found = [lock for lock in gitlocks.found(common, ROOMS) if lock not in mine]
    for lock in found:
        yield from _of_git(project, lock, ours=True)
    for git_dir in {common, project.repository.git_dir}:
        for name in USERS:
            if os.path.lexists(git_dir / name):
                yield from _of_git(project, git_dir / name, ours=False)
    yield from _of_capture(project)


def _recover(project: Project) -> None:
    with mutex(project.home):
        pass  # Taking it is what recovers.


def _of_git(project: Project, lock: Path, *, ours: bool) -> Iterator[Symptom]:
    age = gitlocks.age(lock)
    left = gitlocks.is_left_behind(lock, project.repository.common_dir)
    if age is None and not os.path.lexists(lock):
        return
    if age is not None and age < gitlocks.QUIET_SECONDS and not left:
        return
    waited = f"{age:.0f} s" if age is not None else "some time"
    message = f"{lock} has been there for {waited}"
    if left and ours:
        yield Symptom(
            "lock",
            str(lock),
            f"{message}, and no git that could hold it is running",
            "the lock is removed",
            partial(_remove, project, lock),
        )
        return
    yield Symptom("lock", str(lock), message, advice=f"if no git command is running: rm '{lock}'")


def _remove(project: Project, lock: Path) -> None:
    with mutex(project.home):
        gone = gitlocks.remove(lock, project.repository.common_dir)
    if not gone and os.path.lexists(lock):
        raise Conflict(f"somebody took {lock} just now", hint=f"if not: rm '{lock}'")


def _of_capture(project: Project) -> Iterator[Symptom]:
    """The lock of our own copy of the index: nobody may take it but who captures."""
    common = project.repository.common_dir
    for git_dir in (common, *connection.work_trees(common)):
        lock = git_dir / "datmo" / "index.lock"
        if os.path.lexists(lock) and not _is_held(lock.with_name("capture.lock")):
            yield Symptom(
                "lock",
                str(lock),
                f"{lock} was left by a capture that was killed",
                "the lock is removed",
                partial(_free_index, lock),
            )


def _is_held(path: Path) -> bool:
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(fd)
    return False


def _free_index(lock: Path) -> None:
    fd = scan.open_lock(lock.parent)
    try:
        with disk_errors(lock):
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            lock.unlink(missing_ok=True)
    finally:
        os.close(fd)
