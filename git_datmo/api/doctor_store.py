"""The store of large files, and git's own loose objects."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path

from git_datmo.api.symptom import Patient, Symptom
from git_datmo.errors import RemoteError, UsageError
from git_datmo.records.project import Project
from git_datmo.remotes import places
from git_datmo.storage import aside, objectfiles
from git_datmo.storage.store import Store


def examine(patient: Patient) -> Iterator[Symptom]:
    """A store that is missing, was swapped for another, or cannot be written."""
    project = patient.project
    store = project.store
    folder, state = store.folder, store.mark.state()
    if os.path.lexists(folder) and not folder.is_dir():
        yield _in_the_way(folder)
    elif state == "other":
        yield _swapped(store)
    elif state == "missing":
        yield Symptom(
            "store",
            str(folder),
            f"the store {folder} is missing",
            "an empty one is made; 'git datmo doctor --full' brings back what remotes have",
            store.mark.make,
        )
    elif folder.is_dir() and not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
        yield Symptom(
            "store",
            str(folder),
            f"the store {folder} cannot be written",
            advice=f"check who owns it: ls -ld '{folder}'",
        )
    elif state == "unmarked" and project.initialized and folder.is_dir() and any(store.files()):
        yield Symptom(
            "store",
            str(folder),
            f"the store {folder} has no mark by which it would be known again",
            "it is marked",
            store.mark.make,
        )
    bad = folder.parent / "bad"
    with suppress(OSError):
        if number := len(os.listdir(bad)):
            yield Symptom(
                "store",
                str(bad),
                f"{number} damaged files of the store were put into {bad}",
                advice="'git datmo doctor --full' says which snapshots need them; 'git datmo gc' "
                "removes them in time",
                remark=True,
            )
    yield from _of_remotes(project)


def _in_the_way(folder: Path) -> Symptom:
    if folder.is_symlink():
        return Symptom(
            "store",
            str(folder),
            f"the store {folder} leads to {os.readlink(folder)}, which is not there",
            advice=f"mount the disk that holds it; or, to begin with an empty store: rm '{folder}'",
        )
    return Symptom(
        "store",
        str(folder),
        f"{folder} is no folder, so nothing can be stored",
        advice=f"move it away: mv '{folder}' '{folder}.old'",
    )


def _swapped(store: Store) -> Symptom:
    folder = store.folder
    what = "holds another store" if any(store.files()) else "is empty, and was not"
    return Symptom(
        "store",
        str(folder),
        f"{folder} {what}: is a disk not mounted? Nothing is stored there",
        advice=f"mount it; or, to go on with what is there now: rm '{store.mark.remembered}' "
        "and run 'git datmo doctor' again",
    )


def _of_remotes(project: Project) -> Iterator[Symptom]:
    """Remotes on this machine that are not there; others are left alone, for that takes a net."""
    base = project.repository.work_tree or project.repository.git_dir
    for remote in places.remotes(project):
        named = places.setting(project, remote)
        with suppress(RemoteError, UsageError):
            urls = [named] if named else places.urls_of(project, remote, push=True)
            for url in urls:
                path = places.local_path(url, base)
                if path is None or url in ("git", "lfs") or path.exists():
                    continue
                yield Symptom(
                    "remote",
                    remote,
                    f"the remote '{remote}' keeps its content in {path}, which is not there",
                    advice=f"mount it, or: git remote set-url {remote} <address>",
                    remark=True,
                )


def objects(patient: Patient) -> Iterator[Symptom]:
    """Files of loose objects that git cannot read, and what this repository borrows from."""
    project = patient.project
    common = project.repository.common_dir
    for place in objectfiles.absent_alternates(common):
        yield Symptom(
            "object",
            place,
            f"git borrows objects from {place}, which is not there",
            advice=f"bring it back, or edit {common / 'objects' / 'info' / 'alternates'}",
        )
    for path, reason in objectfiles.damaged(common, thorough=patient.full):
        oid = path.parent.name + path.name
        yield Symptom(
            "object",
            oid,
            f"the git object {oid} cannot be read ({reason}): what has it cannot be recorded again",
            "its file is moved aside",
            partial(_make_way, project, path, patient.full),
            f"move it away: mv '{path}' '{project.home}'",
        )


def _make_way(project: Project, path: Path, thorough: bool) -> str | None:
    oid = path.parent.name + path.name
    if not objectfiles.is_damaged(path, thorough=thorough):
        return "another command did it"
    aside.put(project.home, path, f"objects/{path.parent.name}/{path.name}")
    objects = project.repository.objects
    objects.forget()
    if objects.kind(oid) is not None:
        return "its file is moved aside; git has another copy in a pack"
    return (
        "its file is moved aside; the next snapshot of the same content, or "
        "'git fetch --refetch', brings it back where it is needed"
    )
