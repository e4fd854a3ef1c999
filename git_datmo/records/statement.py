"""The JSON file in a commit's tree that says what the commit is: `run.json`, `artifact.json`."""

from __future__ import annotations

from typing import Any

from git_datmo.errors import DamagedObject, InvalidDocument, NewerFormat
from git_datmo.model import document
from git_datmo.records.project import Project
from git_datmo.storage.objects import BLOB, Commit
from git_datmo.storage.treediff import find

FORMAT = 1


def read(project: Project, commit: Commit, noun: str, *, limit: int) -> dict[str, Any]:
    """What `<noun>.json` of a commit says, typed JSON; at most `limit` bytes of it.

    Raises DamagedObject for a file that is missing, too large or none of ours, NewerFormat.
    """
    objects = project.repository.objects
    leaf = find(objects.tree, commit.tree, f"{noun}.json".encode())
    if leaf is None or leaf[0] != BLOB or (objects.size(leaf[1]) or 0) > limit:
        raise DamagedObject(f"the {noun} {commit.id} has no {noun}.json")
    try:
        said = document.load_encoded(objects.blob(leaf[1]).removesuffix(b"\n"))
    except InvalidDocument as error:
        raise DamagedObject(f"{noun}.json of the {noun} {commit.id}: {error.message}") from error
    number = said.get("format") if isinstance(said, dict) else None
    if type(number) is int and number > FORMAT:
        raise NewerFormat(
            f"{noun}.json of the {noun} {commit.id} is written in format {number}; this git-datmo "
            f"reads up to {FORMAT}"
        )
    if not isinstance(said, dict) or number != FORMAT:
        raise DamagedObject(f"{noun}.json of the {noun} {commit.id} does not describe it")
    return said
