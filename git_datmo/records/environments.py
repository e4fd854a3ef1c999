"""An environment as a commit: its definition files, the same commit in every clone.

Its name, description and deletion are operations noted on that commit.
"""

from __future__ import annotations

from typing import Any

from git_datmo.errors import DamagedObject, InvalidDocument
from git_datmo.model.environment import FACTS_FILE, Definition, read_definition, read_facts
from git_datmo.records import layout
from git_datmo.records.project import Project
from git_datmo.storage.objects import BLOB, EMPTY_TREE, EXECUTABLE, Commit
from git_datmo.storage.treediff import walk

MAX_BYTES, MAX_FILES = 64 * 1024 * 1024, 10_000


def write(project: Project, definition: Definition) -> tuple[str, str]:
    """Store an environment; return its id (the tree's) and its commit.

    Author, dates and message are constants, so two clones make the same commit.
    """
    objects = project.repository.objects
    changes = {
        path.encode(): (BLOB, objects.write_blob(data)) for path, data in definition.identity_files
    }
    tree = objects.patch_tree(EMPTY_TREE, dict(changes))
    return tree, commit_of(project, tree)


def ref(environment_id: str) -> str:
    """The ref that holds an environment's commit."""
    return layout.ENVIRONMENTS + environment_id


def commit_of(project: Project, tree: str) -> str:
    """Make (or find) the commit of an environment whose tree is stored already."""
    return project.repository.objects.write_commit(
        tree=tree,
        parents=[],
        author=layout.ENVIRONMENT_AUTHOR,
        when=(0, 0),
        message=layout.ENVIRONMENT_MESSAGE,
    )


def is_environment(commit: Commit) -> bool:
    """Whether a commit is one that `write` made."""
    return (
        commit.message == layout.ENVIRONMENT_MESSAGE
        and commit.author == layout.ENVIRONMENT_AUTHOR
        and not commit.parents
    )


def facts(project: Project, commit: Commit) -> dict[str, Any]:
    """What the index keeps of an environment's commit. Raises DamagedObject, NewerFormat."""
    objects = project.repository.objects
    found = next((oid for name, _, oid in objects.tree(commit.tree) if name == _FACTS), None)
    if found is None:
        raise DamagedObject(f"the environment {commit.tree} has no {FACTS_FILE}")
    if (objects.size(found) or 0) > MAX_BYTES:
        raise DamagedObject(f"{FACTS_FILE} of the environment {commit.tree} is too large")
    try:
        kind, files, summary = read_facts(objects.blob(found))
    except InvalidDocument as error:
        raise DamagedObject(f"the environment {commit.tree} is damaged: {error.message}") from error
    return {"kind": kind, "files": list(files), "summary": summary}


def read(project: Project, tree: str) -> Definition:
    """The definition stored as `tree`. Raises InvalidDocument, NewerFormat, DamagedObject."""
    objects = project.repository.objects
    files: list[tuple[str, bytes]] = []
    left = MAX_BYTES
    for path, mode, oid in walk(objects.tree, tree):
        if mode not in (BLOB, EXECUTABLE):
            raise InvalidDocument(f"the environment {tree} holds what is no file: {path!r}")
        left -= (objects.size(oid) or 0) + len(path)
        if left < 0 or len(files) > MAX_FILES:
            raise InvalidDocument(f"the environment {tree} is larger than any definition")
        files.append((path.decode("utf-8", "surrogateescape"), objects.blob(oid)))
    return read_definition(files)


_FACTS = FACTS_FILE.encode()
