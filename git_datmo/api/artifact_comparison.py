"""What differs between two versions of artifacts."""

from __future__ import annotations

from collections.abc import Mapping

from git_datmo.api import artifact_lookup
from git_datmo.api.comparison import file_change
from git_datmo.model.artifact import Artifact
from git_datmo.model.diff import ArtifactDiff, compare_documents
from git_datmo.records import artifacts
from git_datmo.records.project import Project
from git_datmo.storage import treediff
from git_datmo.storage.objects import GITLINK, TREE


def diff(project: Project, *, before: str, after: str | None = None) -> ArtifactDiff:
    """Compare two versions, of one artifact or of two: files, references, metadata, and what
    people said of them. Without `after` it is the newest version of the artifact of `before`.

    Raises ArtifactNotFound, AmbiguousId, DamagedObject.
    """
    first = artifact_lookup.find(project, before)
    second = artifact_lookup.newest(
        project.index, str(first.doc["collection"]), str(first.doc["name"])
    )
    if after is not None or second is None:
        second = artifact_lookup.find(project, before if after is None else after)
    objects = project.repository.objects
    trees = [artifacts.files_tree(project, record.tree or "") for record in (first, second)]
    moved = [
        (path, old, new)
        for path, old, new in treediff.diff(objects.tree, *trees)
        if not (old is not None and new is not None and old[0] == new[0] == TREE)
    ]
    leaves = [leaf for _, old, new in moved for leaf in (old, new) if leaf is not None]
    objects.bring(oid for mode, oid in leaves if mode not in (GITLINK, TREE))
    changes = (file_change(project, path, old, new) for path, old, new in moved)
    a, b = artifact_lookup.value(project, first), artifact_lookup.value(project, second)
    return ArtifactDiff(
        before=first.id,
        after=second.id,
        references=(a.reference, b.reference),
        files=tuple(sorted(changes, key=lambda change: change.path)),
        uris=compare_documents(_uris(project, first.tree), _uris(project, second.tree)),
        metadata=compare_documents(a.metadata, b.metadata),
        attributes=compare_documents(_said(a), _said(b)),
    )


def _uris(project: Project, tree: str | None) -> dict[str, object]:
    said = artifacts.extras(project, tree or "")
    return {path: line["uri"] for path, line in sorted(said.items()) if "uri" in line}


def _said(artifact: Artifact) -> Mapping[str, object]:
    known = {
        "label": artifact.label,
        "message": artifact.message or None,
        "alternative_name": artifact.alternative_name,
    }
    return {key: value for key, value in known.items() if value is not None}
