"""What fsck finds, and stored content that can be had again."""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from git_datmo.api.fsck import fsck
from git_datmo.api.symptom import Patient, Symptom
from git_datmo.errors import ContentMissing
from git_datmo.model.pointer import Pointer
from git_datmo.model.project import Finding, Loss
from git_datmo.records import layout
from git_datmo.records.project import Project
from git_datmo.remotes.content import collect
from git_datmo.storage.hashing import hash_only

FETCHED = "fetched from a remote"
_SHOWN = 3
_ADVICE = {
    "git": "git fetch --refetch brings again what a remote has; see 'git datmo fsck'",
    "ref": "git fetch --refetch brings again what a remote has",
    "note": "whoever wrote it runs 'git datmo doctor --full'; ours: git fetch --refetch",
}
_USUAL = (
    "git fetch --refetch brings again what a remote has; else delete it: git datmo {} delete {}"
)


def examine(patient: Patient) -> Iterator[Symptom]:
    """Damage to objects, notes and stored content; everything is read, so only when asked for."""
    if not patient.full:
        return
    health = fsck(patient.project, progress=patient.progress)
    unread = patient.dry and any(map(layout.is_oid, patient.seen))
    for finding in health.findings:
        if unread and finding.kind == "git":
            continue  # It stumbles over the files that were named already.
        # What has been named before was mended, or said to be left.
        if finding.kind != "content" and not _is_told(patient, finding):
            advice = _ADVICE.get(finding.kind) or _USUAL.format(finding.kind, finding.subject[:12])
            yield Symptom(finding.kind, finding.subject, finding.message, advice=advice)
    for loss in health.losses:
        yield _lost(patient.project, loss)


def _is_told(patient: Patient, finding: Finding) -> bool:
    return finding.subject in patient.seen or any(
        subject in finding.message for subject in patient.seen if len(subject) >= 40
    )


def _lost(project: Project, loss: Loss) -> Symptom:
    pointer = loss.pointer
    needed = ", ".join(oid[:12] for oid in loss.objects[:_SHOWN])
    more = f" and {len(loss.objects) - _SHOWN} more" if len(loss.objects) > _SHOWN else ""
    message = (
        f"the content of {loss.path} ({pointer.size} bytes, {pointer.key}) "
        f"{'is damaged' if loss.damaged else 'is not here'}; {needed}{more} need it"
    )
    here = _in_work_tree(project, loss)
    if here is not None or loss.elsewhere:
        where = f"stored again from {loss.path}" if here is not None else FETCHED
        cure, mend = f"it is {where}", partial(_store, project, loss)
    else:
        return Symptom(
            "content",
            pointer.key,
            message,
            advice="no remote has it: a snapshot of a file with the same content, here or in a "
            "clone that pushes it, brings it again",
        )
    return Symptom("content", pointer.key, message, cure, mend)


def _fetch(project: Project, loss: Loss) -> None:
    _clear(project, loss.pointer)
    lost = collect(project, [loss.pointer]).lost
    if lost:
        reasons = "; ".join(reason for why in lost.values() for reason in why)
        raise ContentMissing(f"no remote gave it: {reasons}")


def _store(project: Project, loss: Loss) -> str | None:
    path = _in_work_tree(project, loss)
    if path is None:
        _fetch(project, loss)
        return f"it is {FETCHED}"
    _clear(project, loss.pointer)
    fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        found = project.store.ingest(fd, sync=True)
    finally:
        os.close(fd)
        project.let_go()
    if found != loss.pointer:
        raise ContentMissing(f"{path} changed just now")
    return None


def _clear(project: Project, pointer: Pointer) -> None:
    """Put files out of the way that do not hold what their name says."""
    for path in project.store.candidates(pointer):
        found = project.store.measure(path)
        if os.path.lexists(path) and (found is None or found.key != pointer.key):
            project.store.quarantine(path)


def _in_work_tree(project: Project, loss: Loss) -> Path | None:
    """The file of the work tree that holds lost content under its own path, if there is one."""
    root = project.repository.work_tree
    if root is None:
        return None
    path = root / loss.path
    try:
        if os.lstat(path).st_size != loss.pointer.size:
            return None
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except (OSError, ValueError):
        return None
    try:
        return path if hash_only(fd) == loss.pointer else None
    except OSError:
        return None
    finally:
        os.close(fd)
