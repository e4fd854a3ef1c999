"""The files that are derived from others: the index of the notes, and what is remembered."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path

from git_datmo.api import doctor_refs
from git_datmo.api.symptom import Patient, Symptom
from git_datmo.errors import Corrupt
from git_datmo.records import catalogue, layout
from git_datmo.records.project import Project
from git_datmo.storage import aside, refs
from git_datmo.storage.index import Index, database, soundness
from git_datmo.storage.locks import quiet

INDEX = "index.sqlite"
# Remembered for speed, made again by whoever wants to know.
MEMORIES = ("stamps.sqlite", "sha256.sqlite")
AGAIN = "it is made again of the notes"


def keep_in_memory(project: Project) -> None:
    """Have the project's index change in memory alone."""
    path = project.home / INDEX
    sound = soundness.fault(path, thorough=False) is None
    index = Index.open(path, readonly=True) if sound else Index.in_memory()
    project.__dict__["index"] = index


def examine(patient: Patient) -> Iterator[Symptom]:
    """Files that cannot be used."""
    project = patient.project
    path = project.home / INDEX
    reason = soundness.fault(path, thorough=patient.full)
    if reason is not None:
        yield Symptom(
            "index",
            str(path),
            f"the index {path} cannot be used: {reason}",
            AGAIN,
            partial(_anew, project),
        )
    elif patient.full and not _agrees(project):
        yield Symptom(
            "index",
            str(path),
            f"the index {path} does not say what the notes say",
            AGAIN,
            partial(_anew, project),
        )
    for name in MEMORIES:
        file = project.home / name
        reason = soundness.unusable(file, thorough=patient.full)
        if reason is not None:
            yield Symptom(
                "index",
                str(file),
                f"{file}, where digests are remembered, cannot be used: {reason}",
                "it is removed; what it held is found out again",
                partial(_remove, project, file),
            )


def behind(patient: Patient) -> Iterator[Symptom]:
    """An index that does not know what this clone wrote last.

    What others wrote, a fetch may have brought just now: every command catches up with that.
    """
    project = patient.project
    path = project.home / INDEX
    if doctor_refs.are_settled(project) and path.exists() and str(path) not in patient.seen:
        with quiet(project.home):
            tip = refs.read_one(project.repository.common_dir, layout.LOCAL_TIP)
            late = project.index.tips().get(layout.LOCAL_TIP) != tip
        if late:
            yield Symptom(
                "index",
                str(path),
                f"the index {path} is behind the notes of this clone",
                "it is brought up to date",
                partial(_refresh, project),
            )


def illegible(patient: Patient) -> Iterator[Symptom]:
    """Chains of notes that cannot be followed."""
    index = catalogue.refresh(patient.project)
    for name, reason in catalogue.problems(index).items():
        if name in patient.seen:
            continue
        yield Symptom(
            "note",
            name,
            f"the notes of {name} cannot be read: {reason}",
            advice="'git datmo fsck' says which objects are damaged; a fetch brings those of others"
            " again: git fetch --refetch",
        )


def _refresh(project: Project) -> None:
    catalogue.refresh(project)


def _anew(project: Project) -> None:
    _close(project)
    path = project.home / INDEX
    if path.is_file() and not path.is_symlink():
        database.discard(path)
    else:
        aside.put(project.home, path, INDEX)
    catalogue.refresh(project)


def _close(project: Project) -> None:
    index = project.__dict__.pop("index", None)
    if index is not None:
        index.close()


def _remove(project: Project, file: Path) -> None:
    if file.is_file() and not file.is_symlink():
        file.with_name(f"{file.name}-journal").unlink(missing_ok=True)
        file.unlink(missing_ok=True)
    else:
        aside.put(project.home, file, file.name)


def _agrees(project: Project) -> bool:
    """Whether the index says what one that is made anew says, as far as it has come."""
    known = project.index
    other = Project(project.repository)
    other.__dict__["index"] = made = Index.in_memory()
    try:
        with suppress(Corrupt):
            catalogue.refresh(other)
        if known.tips() != made.tips():
            return True  # Behind, or ahead by now: that is not what is asked here.
        return _content(known) == _content(made)
    finally:
        made.close()


def _content(index: Index) -> dict[str, int]:
    return {
        one.id: hash((repr(index.get(one.id)), *index.note_blobs(one.id)))
        for one in index.outlines()
    }
