"""Where the bytes of files lie a second time: in other snapshots, in the user's own commits."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Mapping

from git_datmo.errors import Corrupt
from git_datmo.records.project import Project
from git_datmo.storage.index import Index
from git_datmo.storage.objects import GITLINK, TREE


def own_files(project: Project, oid: str) -> dict[str, str]:
    """The files of a commit that its first parent has not, as path by blob. Raises Corrupt."""
    objects = project.repository.objects
    commit = objects.commit(oid)
    found = {blob: os.fsdecode(path) for path, blob in _files(project, commit.tree)}
    for parent in commit.parents[:1]:
        for _, blob in _files(project, objects.commit(parent).tree):
            found.pop(blob, None)
    return found


def at_paths(project: Project, oid: str, paths: Collection[str]) -> dict[str, str]:
    """The files of a commit at or below some paths, as path by blob. Raises Corrupt."""
    wanted = tuple(os.fsencode(path.rstrip("/")) for path in paths)
    found = _files(project, project.repository.objects.commit(oid).tree)
    return {
        blob: os.fsdecode(path)
        for path, blob in found
        if any(path == name or path.startswith(name + b"/") for name in wanted)
    }


def of_snapshots(
    project: Project, index: Index, blobs: Collection[str], without: Collection[str]
) -> dict[str, str]:
    """The snapshots, runs and artifacts, but those in `without`, that hold one of `blobs`: its
    path by id.

    Each folder is looked into once; what cannot be read is passed over.
    """
    if not blobs:
        return {}
    clean: set[str] = set()
    found = {}
    for outline in index.outlines():
        if outline.tree is None or outline.id in without:
            continue
        try:
            path = _first(project, outline.tree, blobs, clean)
        except Corrupt:
            continue
        if path is not None:
            found[outline.id] = os.fsdecode(path)
    return found


def of_history(project: Project, blobs: Mapping[str, str]) -> list[str]:
    """The paths of `blobs` (path by blob) that the user's own branches, tags or stash hold."""
    if not blobs:
        return []
    # The refs of ours are left out: they are what is being purged.
    options = ["--exclude=refs/datmo*", "--exclude=refs/datmo*/**", "--all", "--objects"]
    out = project.repository.git.run("rev-list", *options, "--ignore-missing")
    listed = {line.split(b" ", 1)[0].decode("ascii") for line in out.splitlines()}
    return sorted({path for blob, path in blobs.items() if blob in listed})


def _files(project: Project, tree: str) -> Iterator[tuple[bytes, str]]:
    objects = project.repository.objects
    stack = [(b"", tree)]
    while stack:
        prefix, oid = stack.pop()
        for name, mode, child in objects.tree(oid):
            if mode == TREE:
                stack.append((prefix + name + b"/", child))
            elif mode != GITLINK:
                yield prefix + name, child


def _first(project: Project, tree: str, blobs: Collection[str], clean: set[str]) -> bytes | None:
    """The path of the first of `blobs` in a tree; folders without any are noted as clean."""
    objects = project.repository.objects
    stack: list[tuple[bytes, str]] = [(b"", tree)]
    visited: list[str] = []
    while stack:
        prefix, oid = stack.pop()
        if oid in clean:
            continue
        visited.append(oid)
        for name, mode, child in objects.tree(oid):
            if mode == TREE:
                stack.append((prefix + name + b"/", child))
            elif child in blobs:
                return prefix + name
    clean.update(visited)
    return None
