"""A snapshot as a commit: what is immutable in its tree and trailers, the rest in its note."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from git_datmo.errors import DamagedObject, ValidationFailed
from git_datmo.model.ids import new_nonce
from git_datmo.records import layout
from git_datmo.records.project import Project
from git_datmo.storage.objects import EMPTY_TREE, TREE, Commit
from git_datmo.storage.treediff import Leaf
from git_datmo.storage.trees import Trees


def facts(commit: Commit) -> dict[str, Any]:
    """What a snapshot's commit says of it. Raises DamagedObject, NewerFormat."""
    text, found = layout.trailers(commit.message)
    for name in ("Datmo-Code", "Datmo-Environment", "Datmo-Files"):
        if not layout.is_oid(found.get(name, "")):
            raise DamagedObject(f"the trailer {name} of the snapshot {commit.id} is no object id")
    return {
        "tree": commit.tree,
        "parent": commit.parents[0] if commit.parents else None,
        "author": commit.author,
        "commit_message": text,
        "code_id": found["Datmo-Code"],
        "environment_id": found["Datmo-Environment"],
        "file_collection_id": found["Datmo-Files"],
    }


def is_snapshot(commit: Commit) -> bool:
    """Whether a commit carries the trailers of a snapshot."""
    return layout.carries(commit.message, "Datmo-Id")


def file_paths(commit: Commit) -> tuple[bytes, ...]:
    """The paths that count as files though no pointer stands there; folders end with a slash."""
    _, found = layout.trailers(commit.message)
    return layout.parse_paths(found["Datmo-Paths"]) if "Datmo-Paths" in found else ()


def write(
    project: Project,
    *,
    tree: str,
    parents: Iterable[str],
    message: str,
    code: str,
    environment: str,
    files: str,
    paths: Iterable[bytes],
) -> str:
    """Store a snapshot's commit and return its id. Raises ValidationFailed for a NUL."""
    if "\0" in message:
        raise ValidationFailed("a message cannot hold a NUL character")
    author, seconds, offset = project.identity
    return project.repository.objects.write_commit(
        tree=tree,
        parents=parents,
        author=author,
        when=(seconds, offset),
        sign=project.sign,
        message=layout.message(
            message,
            {
                "Datmo-Id": new_nonce(),
                "Datmo-Code": code,
                "Datmo-Environment": environment,
                "Datmo-Files": files,
                "Datmo-Paths": layout.paths_trailer(paths),
            },
        ),
    )


def split(
    project: Project, tree: str, files: Mapping[bytes, Leaf], definitions: Iterable[bytes]
) -> tuple[str, str]:
    """The ids of the code and files parts of a tree: (code, files).

    Files are the given paths; code is what is left without them and without the environment's
    definition files.
    """
    trees = Trees(project.repository, dry=False)
    code = trees.patch(tree, {**dict.fromkeys(definitions), **dict.fromkeys(files)})
    return code, trees.patch(EMPTY_TREE, dict(files))


def collapse(project: Project, tree: str, paths: set[bytes]) -> list[bytes]:
    """The shortest list that names `paths` in `tree`: whole folders as `folder/`."""
    read = project.repository.objects.tree
    wanted: dict[bytes, set[bytes]] = {}
    for path in paths:
        head, _, name = path.rpartition(b"/")
        wanted.setdefault(head, set()).add(name)
        while head:
            head = head.rpartition(b"/")[0]
            wanted.setdefault(head, set())

    def visit(folder: bytes, oid: str) -> tuple[bool, list[bytes]]:
        inside = wanted.get(folder)
        if inside is None:
            return False, []
        whole, found = True, []
        prefix = folder + b"/" if folder else b""
        for name, mode, child in read(oid):
            if mode == TREE:
                all_of_it, below = visit(prefix + name, child)
                found += [prefix + name + b"/"] if all_of_it else below
                whole = whole and all_of_it
            elif name in inside:
                found.append(prefix + name)
            else:
                whole = False
        return whole, found

    _, found = visit(b"", tree)
    return sorted(found)


def without(project: Project, tree: str, paths: Iterable[bytes]) -> str:
    """The tree without some paths."""
    return Trees(project.repository, dry=False).patch(tree, dict.fromkeys(paths))
