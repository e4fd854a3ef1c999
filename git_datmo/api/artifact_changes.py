"""Changing what is mutable of a version of an artifact: update, delete, undelete."""

from __future__ import annotations

from typing import Any

from git_datmo.api import artifact_lookup
from git_datmo.api.undeletion import labelled, revive
from git_datmo.errors import ArtifactNotFound, RequiredArgumentMissing, ValidationFailed
from git_datmo.model.artifact import Artifact, parse_reference
from git_datmo.records import catalogue, chain, layout
from git_datmo.records.kinds import ARTIFACT
from git_datmo.records.project import Project
from git_datmo.storage import refs
from git_datmo.storage.index import Record


def update(
    project: Project, *, artifact: str, message: str | None = None, label: str | None = None
) -> Artifact:
    """Change the message or the label (empty: no label) of a version; its content never changes.

    Raises RequiredArgumentMissing when nothing was given, ArtifactNotFound, AmbiguousId,
    ValidationFailed.
    """
    for what, text in (("message", message), ("label", label)):
        if text is not None and not isinstance(text, str):
            raise ValidationFailed(f"{what} must be text, not {type(text).__name__}")
    if message is None and label is None:
        raise RequiredArgumentMissing("nothing to update", hint="give a message or a label")
    changes: dict[str, Any] = {} if message is None else {"message": message}
    if label:
        changes["label"] = label
    project.require_initialized()
    _ = project.identity
    record = artifact_lookup.find(project, artifact)
    with chain.writing(project) as writer:
        writer.note(record.id, set=changes or None, unset=[["label"]] if label == "" else [])
    return _now(project, record.id)


def delete(project: Project, *, artifact: str) -> Artifact:
    """Hide a version, here and wherever its deletion travels; its bytes stay until a gc.

    Its number is never given again. Returns what was deleted. Raises ArtifactNotFound,
    AmbiguousId.
    """
    project.require_initialized()
    _ = project.identity
    record = artifact_lookup.find(project, artifact)
    name = ref(record)
    with chain.writing(project) as writer:
        writer.note(record.id, set={"deleted": True})
        if refs.read_one(project.repository.common_dir, name) == record.id:
            writer.ref(name, None)
    return _now(project, record.id)


def undelete(project: Project, *, artifact: str) -> Artifact:
    """Bring a deleted version back, here and wherever that travels; one that is not deleted stays
    as it is. A name without a version means the newest deleted one, and of two versions with one
    number the deleted one is meant.

    `notices` say which of its files were freed here meanwhile. Raises ArtifactNotFound,
    AmbiguousId.
    """
    project.require_initialized()
    _ = project.identity
    record = _deleted(project, artifact)
    if not record.deleted:
        return _now(project, record.id)
    notices = revive(project, [record], {ref(record): record.id})
    return _now(project, record.id, notices=notices)


def ref(record: Record) -> str:
    """The ref of a version, by what the index knows of it."""
    doc = record.doc
    return layout.artifact_ref(
        str(doc["collection"]), str(doc["name"]), int(doc["version"]), record.id
    )


def _deleted(project: Project, artifact: str) -> Record:
    try:
        found = artifact_lookup.find(project, artifact, deleted=True)
    except ArtifactNotFound:
        known = labelled(project, ARTIFACT, artifact)
        if not known:
            raise
        return known[0]
    wanted = parse_reference(artifact)
    latest = wanted.version is None and artifact != wanted.text
    if found.deleted or latest or found.label == artifact or found.id.startswith(artifact):
        return found
    versions = artifact_lookup.versions(
        project.index, str(found.doc["collection"]), str(found.doc["name"]), deleted=True
    )
    meant = [
        record
        for record in versions
        if record.deleted
        and wanted.version in (None, record.doc["version"])
        and record.id.startswith(wanted.short or "")
    ]
    if len(meant) > 1 and wanted.version is not None:
        raise artifact_lookup.ambiguous(artifact, meant)
    return meant[0] if meant else found


def _now(project: Project, oid: str, **made: Any) -> Artifact:
    record = catalogue.refresh(project).get(oid)
    if record is None:
        raise ArtifactNotFound(f"the artifact {oid} was written and cannot be read back")
    return artifact_lookup.value(project, record, **made)
