"""What a partial clone fetches before notes and records are read: all of it at once.

In a whole clone all of this does nothing.
"""

from __future__ import annotations

from collections.abc import Iterable

from git_datmo.errors import DamagedObject
from git_datmo.model.pointer import MAX_SIZE
from git_datmo.records import layout
from git_datmo.records.project import Project
from git_datmo.storage.objects import BLOB, EXECUTABLE, TREE, Objects


def bring_records(project: Project, targets: Iterable[str]) -> None:
    """Bring what says what runs, artifacts and environments are. Raises RemoteError."""
    objects = project.repository.objects
    if not objects.promised.remotes:
        return
    from git_datmo.model import artifact, environment
    from git_datmo.records import environments, runs

    described_by = {runs.FILE, environment.FACTS_FILE.encode(), artifact.FACTS_FILE.encode()}
    trees = []
    for oid in targets:
        if oid == layout.PROJECT_ID or objects.kind(oid) != "commit":
            continue
        commit = objects.commit(oid)
        described = layout.carries(commit.message, layout.ARTIFACT_TRAILER)
        if described or runs.is_run(commit) or environments.is_environment(commit):
            trees.append(commit.tree)
    objects.bring(trees)
    facts = []
    for tree in trees:
        try:
            facts += [oid for name, _, oid in objects.tree(tree) if name in described_by]
        except DamagedObject:
            continue
    objects.bring(facts)


def bring_pointers(project: Project, trees: Iterable[str]) -> None:
    """Bring what tells which content some trees need, where any is missing. Raises RemoteError."""
    objects = project.repository.objects
    if not objects.promised.remotes:
        return
    wanted = list(trees)
    objects.bring(wanted)
    seen: set[str] = set()
    objects.promised.sweep([tree for tree in wanted if _missing(objects, tree, seen)], MAX_SIZE)


def larger(project: Project, tree: str) -> frozenset[str]:
    """The blobs of a tree that are not here and larger than any pointer. Raises RemoteError."""
    objects = project.repository.objects
    if not objects.promised.remotes or not _missing(objects, tree, set()):
        return frozenset()
    objects.promised.sweep([tree], MAX_SIZE)
    return frozenset(_missing(objects, tree, set()))


def _missing(objects: Objects, tree: str, seen: set[str]) -> set[str]:
    """The files of a tree that are not here; trees that were `seen` are passed over."""
    missing = set()
    stack = [tree]
    while stack:
        oid = stack.pop()
        if oid in seen:
            continue
        seen.add(oid)
        for _, mode, child in objects.tree(oid):
            if mode == TREE:
                stack.append(child)
            elif mode in (BLOB, EXECUTABLE) and not objects.has(child):
                missing.add(child)
    return missing
