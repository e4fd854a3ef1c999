"""From what a user typed to the one version of an artifact that is meant."""

from __future__ import annotations

import io
import os
import re
from collections.abc import Sequence
from typing import IO, Any

from git_datmo.api import lookup
from git_datmo.errors import AmbiguousId, ArtifactNotFound, InvalidArgumentType, PathDoesNotExist
from git_datmo.model.artifact import Artifact, Wanted, parse_reference
from git_datmo.model.expression import And, Compare
from git_datmo.model.names import check_name
from git_datmo.model.text import encodable
from git_datmo.records import artifacts, catalogue
from git_datmo.records.kinds import ARTIFACT
from git_datmo.records.pointers import pointer_at
from git_datmo.records.project import Project
from git_datmo.storage.index import Index, Record
from git_datmo.storage.objects import LINK, TREE
from git_datmo.storage.treediff import Leaf
from git_datmo.storage.treediff import find as leaf_at

NEWEST = ((("version",), True), (("created",), True), (("id",), False))
_HEX = re.compile(r"[0-9a-f]{4,40}")


def find(project: Project, artifact: object, *, deleted: bool = False) -> Record:
    """The version that is meant by `[collection/]name[:version]`, an id or its unique prefix, a
    label, or an alternative name; without a version the newest. `deleted` finds deleted ones too.

    Raises ProjectNotInitialized, ArtifactNotFound, AmbiguousId, InvalidArgumentType.
    """
    wanted = parse_reference(artifact)
    project.require_known()
    index = catalogue.refresh(project)
    whole = len(wanted.text) == 40
    record = _by_id(index, wanted.text, deleted) if whole else None
    record = record or _by_name(index, wanted, deleted)
    if record is None and artifact == wanted.text:
        record = _by_id(index, wanted.text, deleted) or _by_label(index, wanted.text)
    record = record or _by_other_name(index, wanted, deleted)
    if record is None:
        raise ArtifactNotFound(
            f"there is no artifact '{artifact}'", hint="'git datmo artifact ls' lists them"
        )
    return record


def versions(index: Index, collection: str, name: str, *, deleted: bool = False) -> list[Record]:
    """Every version of an artifact, the newest first."""
    named = Compare(("artifact",), "==", artifacts.title(collection, name))
    return _select(index, named, deleted)


def newest(index: Index, collection: str, name: str, *, deleted: bool = False) -> Record | None:
    """The newest version of an artifact; of two with one number the later one."""
    named = Compare(("artifact",), "==", artifacts.title(collection, name))
    return next(iter(_select(index, named, deleted, limit=1)), None)


def value(project: Project, record: Record, **made: Any) -> Artifact:
    """The public value of an index record."""
    doc = record.doc

    def opener(path: str) -> IO[bytes]:
        return open_file(project, record, path)

    return Artifact(
        id=record.id,
        collection=str(doc.get("collection", "")),
        name=str(doc.get("name", "")),
        version=int(doc.get("version", 0)),
        created=record.created,
        size=int(doc.get("size", 0)),
        files=int(doc.get("files", 0)),
        references=int(doc.get("references", 0)),
        metadata=lookup.decoded(doc.get("metadata")),
        message=record.message or "",
        label=record.label,
        alternative_name=doc.get("alternative_name"),
        author=record.author or "",
        deleted=record.deleted,
        session_id=record.session or "",
        opener=opener,
        **made,
    )


def open_file(project: Project, record: Record, path: str) -> IO[bytes]:
    """One file of a version, opened for reading. Raises PathDoesNotExist, ContentMissing."""
    objects = project.repository.objects
    leaf = _leaf(project, record, path)
    if leaf is None or leaf[0] in (TREE, LINK):
        raise PathDoesNotExist(f"{_title(record)} has no file '{encodable(path)}'")
    pointer = pointer_at(project, leaf[1])
    if pointer is None:
        return io.BytesIO(objects.blob(leaf[1]))
    from git_datmo.api import content

    source = content.Content(project, snapshots=[record.id])
    source.prepare({pointer: path})
    return os.fdopen(source.open(pointer), "rb")


def inside(project: Project, record: Record, path: str) -> str | None:
    """A path of a file or folder of a version, without slashes at its end; None for all of it.

    Raises PathDoesNotExist, InvalidArgumentType.
    """
    if not isinstance(path, str):
        raise InvalidArgumentType(f"a path is text, not {type(path).__name__}")
    trimmed = path.rstrip("/")
    if path in ("", "."):
        return None
    if not trimmed or _leaf(project, record, trimmed) is None:
        raise PathDoesNotExist(
            f"{_title(record)} has no file or folder '{encodable(path)}'",
            hint=f"'git datmo artifact inspect {record.id[:12]}' lists what it has",
        )
    return trimmed


def _leaf(project: Project, record: Record, path: str) -> Leaf | None:
    try:
        place = os.fsencode(path)
    except UnicodeEncodeError:
        return None  # No file can be called so.
    parts = place.split(b"/")
    if any(check_name(part) is not None for part in parts):
        return None  # Whatever a stranger's tree says, nothing that leads out is in it.
    tree = artifacts.files_tree(project, record.tree or "")
    return leaf_at(project.repository.objects.tree, tree, place)


def _title(record: Record) -> str:
    return f"{record.doc.get('artifact')}:v{record.doc.get('version')}"


def _by_name(index: Index, wanted: Wanted, deleted: bool) -> Record | None:
    for collection, name in wanted.names:
        titled = Compare(("artifact",), "==", artifacts.title(collection, name))
        found = _of_version(index, wanted, titled, deleted)
        if found is not None:
            return found
    return None


def _by_other_name(index: Index, wanted: Wanted, deleted: bool) -> Record | None:
    named = Compare(("alternative_name",), "==", wanted.text)
    return _of_version(index, wanted, named, deleted)


def _of_version(index: Index, wanted: Wanted, named: Compare, deleted: bool) -> Record | None:
    if wanted.version is None:
        return next(iter(_select(index, named, deleted, limit=1)), None)
    numbered = And((named, Compare(("version",), "==", wanted.version)))
    found = _select(index, numbered, deleted)
    if wanted.short is not None:
        found = [record for record in found if record.id.startswith(wanted.short)]
    if len(found) > 1 and any(not record.deleted for record in found):
        found = [record for record in found if not record.deleted]
    if len(found) > 1:
        raise ambiguous(f"{wanted.text}:v{wanted.version}", found)
    return found[0] if found else None


def _by_id(index: Index, text: str, deleted: bool) -> Record | None:
    if not _HEX.fullmatch(text):
        return None
    found = [index.get(oid) for oid in index.find_prefix(text, ARTIFACT)]
    living = [r for r in found if r is not None and (deleted or not r.deleted or len(text) == 40)]
    if len(living) > 1:
        raise ambiguous(text, living)
    return living[0] if living else None


def _by_label(index: Index, text: str) -> Record | None:
    found = [record for oid in index.find_label(text, ARTIFACT) if (record := index.get(oid))]
    if len(found) > 1:
        raise ambiguous(text, found)
    return found[0] if found else None


def _select(
    index: Index, where: Compare | And, deleted: bool, limit: int | None = None
) -> list[Record]:
    found = index.select(
        ARTIFACT,
        where=where,
        include_hidden=True,
        include_deleted=deleted,
        sort=NEWEST,
        limit=limit,
    )
    return list(found)


def ambiguous(text: str, found: Sequence[Record]) -> AmbiguousId:
    """The error that names all that a text may mean."""
    shown = ", ".join(
        f"{record.doc.get('artifact')}:v{record.doc.get('version')}-{record.id[:7]}"
        for record in found[:8]
    )
    return AmbiguousId(
        f"'{text}' could be {len(found)} artifacts: {shown}",
        candidates=[record.id for record in found],
        hint="name one of them like that, or by its id",
    )
