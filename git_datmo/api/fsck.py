"""Checking everything: git's objects, our refs and notes, pointers, and the store's bytes."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator

from git_datmo.api import losses
from git_datmo.errors import Corrupt, DamagedObject
from git_datmo.model import operation
from git_datmo.model.artifact import FOLDER, REFERENCE
from git_datmo.model.pointer import Pointer
from git_datmo.model.project import Finding, Health, Loss
from git_datmo.records import artifacts, catalogue, layout, runs, snapshots
from git_datmo.records.kinds import HOLDERS
from git_datmo.records.pointers import pointers_of
from git_datmo.records.project import Project
from git_datmo.storage import notes, refs
from git_datmo.storage.objects import Commit

GIT_LINES = 50


def fsck(
    project: Project, *, fast: bool = False, progress: Callable[[int], None] | None = None
) -> Health:
    """Look at everything of ours and say plainly what is wrong and which objects it touches.

    `fast` skips git's own check of all objects and the reading of stored content. Nothing is
    changed.
    """
    kinds = ("refs", "notes", "snapshots", "runs", "artifacts", "pointers", "content")
    checked = dict.fromkeys(kinds, 0)
    findings: list[Finding] = []
    if not fast:
        findings += _git(project)
    findings += _refs(project, checked)
    findings += _notes(project, checked)
    users: dict[Pointer, list[tuple[str, str]]] = {}
    findings += _snapshots(project, checked, users)
    lost = tuple(losses.find(project, users, fast=fast, progress=progress))
    checked["content"] = len(users) - len(lost)
    findings += map(_content, lost)
    return Health(tuple(findings), checked, lost)


def _git(project: Project) -> Iterator[Finding]:
    code, out, err = project.repository.git.attempt(
        "fsck", "--strict", "--no-dangling", "--no-progress"
    )
    if code == 0:
        return
    said = (out + err).decode(errors="replace").splitlines()
    for line in said[:GIT_LINES]:
        if not line.startswith("notice:"):
            yield Finding("git", "objects", f"git fsck: {line}")
    if not said:
        yield Finding("git", "objects", f"git fsck ended with {code} and said nothing")


def _refs(project: Project, checked: dict[str, int]) -> Iterator[Finding]:
    common = project.repository.common_dir
    for prefix in (layout.OWN, layout.LOCAL, layout.REMOTES):
        found = refs.read(common, prefix)
        checked["refs"] += len(found.found)
        for name, reason in found.bad.items():
            yield Finding("ref", name, f"the ref {name} is unreadable: {reason}")
        for name, oid in found.found.items():
            _, named, rest = name.rpartition("/snapshots/")
            if named and layout.is_oid(rest) and rest != oid:
                yield Finding("ref", name, f"the ref {name} names {oid}, not {rest}", (rest,))
            if project.repository.objects.kind(oid) != "commit":
                yield Finding(
                    "ref", name, f"the ref {name} names {oid}, which is missing or damaged"
                )


def _notes(project: Project, checked: dict[str, int]) -> Iterator[Finding]:
    objects = project.repository.objects
    for name, tip in catalogue.sources(project).items():
        try:
            tree = catalogue.notes_tree(project, tip)
            for path in notes.strays(objects, tree):
                yield Finding("note", path, f"{name} holds {path}, which is no note")
            for target, blob in notes.walk(objects, tree):
                checked["notes"] += 1
                yield from _note(project, name, target, blob)
        except Corrupt as error:
            yield Finding("note", name, f"the notes of {name} cannot be read: {error.message}")


def _note(project: Project, name: str, target: str, blob: str) -> Iterator[Finding]:
    try:
        _, problems = operation.parse_note(notes.read(project.repository.objects, blob))
    except Corrupt as error:
        problems = [error.message]
    for problem in problems:
        yield Finding("note", target, f"the note of {target} in {name}: {problem}", (target,))


def _snapshots(
    project: Project, checked: dict[str, int], users: dict[Pointer, list[tuple[str, str]]]
) -> Iterator[Finding]:
    index = catalogue.refresh(project)
    objects = project.repository.objects
    clean: set[str] = set()
    for target in sorted(index.noted()):
        if target == layout.PROJECT_ID or _is_session(project, target):
            continue
        kind = objects.kind(target)
        if kind is None:
            yield Finding(
                "snapshot", target, f"the snapshot {target} is missing from git", (target,)
            )
            continue
        if kind != "commit":
            continue
        noun = "snapshots"
        try:
            commit = objects.commit(target)
            if runs.is_run(commit):
                noun = "runs"
                runs.facts(project, commit)
            elif artifacts.is_artifact(commit):
                noun = "artifacts"
                _artifact(project, commit)
            elif snapshots.is_snapshot(commit):
                snapshots.facts(commit)
            else:
                continue
            record = index.get(target)
            if record is not None and record.deleted:
                continue
            for path, pointer in pointers_of(project, commit.tree, clean):
                checked["pointers"] += 1
                users.setdefault(pointer, []).append((target, os.fsdecode(path)))
        except Corrupt as error:
            clean.clear()  # what shares the damaged part is to be named as well
            what = noun.removesuffix("s")
            yield Finding(what, target, f"the {what} {target}: {error.message}", (target,))
        finally:
            checked[noun] += 1


def _artifact(project: Project, commit: Commit) -> None:
    """Read all that a version says of its objects. Raises Corrupt."""
    said = artifacts.facts(project, commit)
    listed = list(artifacts.entries(project, commit.tree))
    files = [entry for entry in listed if entry.mode not in (FOLDER, REFERENCE)]
    if any(entry.size is None for entry in files):
        return  # A partial clone does not have them all.
    size = sum(entry.size or 0 for entry in files)
    if (len(files), size) != (said["files"], said["size"]):
        raise DamagedObject(
            f"artifact.json counts {said['files']} files of {said['size']} bytes, and there are "
            f"{len(files)} of {size}"
        )


def _is_session(project: Project, target: str) -> bool:
    record = project.index.get(target)
    return record is not None and record.kind not in HOLDERS


def _content(loss: Loss) -> Finding:
    what = "is damaged" if loss.damaged else "is not here"
    help_ = "; a remote has it" if loss.elsewhere else " and no remote has it"
    pointer = loss.pointer
    return Finding(
        "content",
        pointer.key,
        f"the stored content of {loss.path} ({pointer.size} bytes, {pointer.key}) {what}{help_}",
        loss.objects,
    )
