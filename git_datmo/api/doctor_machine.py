"""What a project needs of the machine: git, libraries, an engine, room, and a decent disk."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from git_datmo.api.symptom import Patient, Symptom
from git_datmo.errors import UnsupportedRepository
from git_datmo.records.project import Project
from git_datmo.runners import registry
from git_datmo.storage import filesystem

# What all that is promised here was tried with.
OLDEST_GIT = (2, 36)
# With less than this (bytes, files) a snapshot may not fit any more.
FEW_BYTES = 64 * 1024**2
FEW_FILES = 1000


def examine(patient: Patient) -> Iterator[Symptom]:
    """Programs and libraries that are too old, a full disk, and what a disk does not do."""
    project = patient.project
    yield from _programs(project)
    if project.repository.config.get("datmo.runner") == "docker" and not registry.engine_answers(
        patient.user.environ
    ):
        yield Symptom(
            "engine",
            "docker",
            "datmo.runner is docker, and no container engine answers",
            advice="start it ('docker info' says why it does not answer), or: "
            "git config datmo.runner local",
        )
    places = {"the git folder": project.repository.common_dir}
    if project.store.folder.is_dir():
        places["the store"] = project.store.folder
    seen: set[int] = set()
    for what, folder in places.items():
        device = folder.stat().st_dev
        if device not in seen:
            seen.add(device)
            yield from _room(what, folder)
            yield from _abilities(what, folder, project.home / "lock")
    if filesystem.folds_case(project.repository.common_dir):
        yield _remark(
            "names that differ in case alone meet on this disk: a snapshot that has both is not "
            "restored here",
            str(project.repository.common_dir),
        )


def _programs(project: Project) -> Iterator[Symptom]:
    said = project.repository.git.run("--version").decode(errors="replace").strip()
    numbers = re.search(r"(\d+)\.(\d+)", said)
    if numbers is None or (int(numbers[1]), int(numbers[2])) < OLDEST_GIT:
        wanted = ".".join(map(str, OLDEST_GIT))
        yield Symptom(
            "version", "git", f"{said} is too old: {wanted} is needed", advice="install a newer git"
        )
    try:
        _ = project.repository.objects.repo
    except UnsupportedRepository as error:
        yield Symptom("version", "libgit2", error.message, advice=error.hint or "")


def _room(what: str, folder: Path) -> Iterator[Symptom]:
    size, files = filesystem.room(folder)
    if size < FEW_BYTES or (files is not None and files < FEW_FILES):
        left = f"{size // 1024**2} MiB" + ("" if files is None else f" and {files} files")
        yield Symptom(
            "disk",
            str(folder),
            f"only {left} still fit on the disk of {what}",
            advice="make room there: 'git datmo gc --dry-run' says what nobody needs",
        )


def _abilities(what: str, folder: Path, lock: Path) -> Iterator[Symptom]:
    kind = filesystem.kind(folder)
    if not filesystem.has_locks(lock):
        yield Symptom(
            "disk",
            str(folder),
            f"the disk of {what} ({kind or 'of unknown kind'}) has no file locks: two commands at "
            "once may undo each other's work",
            advice="keep the repository on a local disk, and push it to this one",
        )
    elif filesystem.is_shared(folder):
        yield _remark(
            f"the disk of {what} ({kind}) may be written by other machines: locks and flushing "
            "work there as far as it and they let them",
            str(folder),
        )
    if not filesystem.has_sync(folder):
        yield _remark(
            f"the disk of {what} ({kind}) cannot flush names: what was said to be done may not "
            "survive a power cut",
            str(folder),
        )
    elif filesystem.is_volatile(folder):
        yield _remark(
            f"the disk of {what} ({kind}) is in memory: all is gone when the power is", str(folder)
        )


def _remark(message: str, subject: str) -> Symptom:
    return Symptom("disk", subject, message, remark=True)
