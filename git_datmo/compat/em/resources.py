"""What runs can be said to have read or made: artifacts, what t9k's asset hub has, names of git's.

Objects of other libraries are known by the name of their class and by what they have; none of
those libraries is imported.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from git_datmo.compat.em import place
from git_datmo.compat.em.sealing import COLLECTION
from git_datmo.errors import ArtifactNotFound, CommitDoesNotExist, NotARepository, ValidationFailed
from git_datmo.model.artifact import Artifact as Version
from git_datmo.model.revision import BRANCH, COMMIT, KINDS, TAG, Revision

if TYPE_CHECKING:
    from git_datmo.compat.em.artifact import Artifact
    from git_datmo.records.project import Project

Pair = tuple[dict[str, Any], dict[str, Any]]

_ASSETS = ("Model", "Dataset")
_POINTERS = {"Branch": BRANCH, "Tag": TAG, "Commit": COMMIT}
_GIT_PLACES = ("refs/heads/", "refs/remotes/", "refs/tags/")
_ALL = {"Branch", "Tag", "Commit", "Reference", "Head", "TagReference", "RemoteReference"}


def describe(resource: object, project: Project | None) -> Pair:
    """What a run writes of a resource: the association, and the record (a line of
    `artifacts.jsonl` without its role).

    An artifact is recorded first, as it is now. Without a project it is left in the task
    directory, for the end of the task's run. Raises TypeError for what cannot be marked,
    ArtifactNotFound for a name that means nothing, and what recording raises.
    """
    from git_datmo.compat.em.artifact import Artifact

    if isinstance(resource, Artifact):
        return _own(resource, project)
    if isinstance(resource, Version):
        return _version(resource)
    if isinstance(resource, str):
        return _named(resource, project)
    found = _asset(resource) or _pointer(resource)
    if found is None:
        found = _of_git(resource, project)
    if found is None:
        raise TypeError(f"Instance type cannot be marked: '{type(resource)}'")
    return found


def record_of(version: Version) -> dict[str, Any]:
    """A version of an artifact as runs record it."""
    record: dict[str, Any] = {
        "kind": "artifact",
        "id": version.id,
        "collection": version.collection,
        "name": version.name,
        "version": version.version,
    }
    if version.alternative_name:
        record["alternative_name"] = version.alternative_name
    return record


def _own(artifact: Artifact, project: Project | None) -> Pair:
    local = os.fspath(artifact.local)
    association = {"kind": "Artifact", "name": artifact.alternative_name, "localDir": local}
    if project is None:
        return association, _handed_over(artifact)
    return association, {**record_of(artifact.seal(project)), "local_dir": local}


def _handed_over(artifact: Artifact) -> dict[str, Any]:
    """Leave an artifact where the end of the task finds it: there is no repository in here."""
    task = place.task()
    if task is None:
        raise NotARepository("there is no repository to record an artifact in")
    shelf = artifact._contents.shelf
    folder = task / "artifacts" / COLLECTION / artifact.alternative_name
    if folder.exists():
        shutil.rmtree(folder)
    folder.mkdir(parents=True)
    for seen in shelf.things():
        target = folder / seen.path
        (target if seen.is_folder else target.parent).mkdir(parents=True, exist_ok=True)
        if not seen.is_folder:
            shutil.copy2(seen.place, target, follow_symlinks=False)
    return {
        "kind": "artifact",
        "collection": COLLECTION,
        "name": artifact.alternative_name,
        "alternative_name": artifact.alternative_name,
        "path": os.fspath(folder.relative_to(task)),
    }


def _version(version: Version) -> Pair:
    name = version.alternative_name or version.reference
    association = {"kind": "Artifact", "name": name, "localDir": None, "id": version.id}
    return association, record_of(version)


def _named(text: str, project: Project | None) -> Pair:
    """An artifact by any of its names; else a branch, a tag or a commit."""
    if project is None:
        raise NotARepository(f"'{text}' cannot be looked up: this task reaches no repository")
    from git_datmo.api import artifact as artifacts
    from git_datmo.api import revision as revisions

    if not text.startswith(_GIT_PLACES):
        for name in (text, f"{COLLECTION}/{text}"):
            try:
                return _version(artifacts.inspect(project, artifact=name))
            except (ArtifactNotFound, ValidationFailed):
                continue
    try:
        found = revisions.find(project, revision=text)
    except CommitDoesNotExist as error:
        raise ArtifactNotFound(
            f"there is no artifact, branch, tag or commit '{text}'",
            hint="'git datmo artifact ls' lists the artifacts",
        ) from error
    return _revision(found, project)


def _revision(found: Revision, project: Project) -> Pair:
    home = project.repository.work_tree or project.repository.common_dir
    path = os.fspath(home)
    association = {"kind": found.kind, "id": found.commit, "name": found.name, "path": path}
    return association, {"kind": found.kind, "id": found.commit, "name": found.name}


def _asset(resource: object) -> Pair | None:
    """A model or a data set of the asset hub."""
    kind = _class(resource, _ASSETS)
    id, path = _text(resource, "id"), _text(resource, "path")
    if kind is None or id is None or path is None:
        return None
    name = _text(resource, "name") or path.rpartition("/")[2]
    association = {"kind": kind, "id": id, "path": path}
    return association, {"kind": kind.lower(), "id": id, "name": name, "path": path}


def _pointer(resource: object) -> Pair | None:
    """A branch, a tag or a commit of a model or data set of the asset hub."""
    known = _class(resource, _POINTERS)
    asset = getattr(resource, "asset", None)
    found = _asset(asset) if known is not None and asset is not None else None
    if known is None or found is None:
        return None
    kind = _POINTERS[known]
    keys = ("id", "name") if kind == COMMIT else ("name", "id")
    name = next((text for key in keys if (text := _text(resource, key))), None)
    if name is None:
        return None
    path = _text(resource, "path") or f"{found[0]['path']}:{name}"
    id = name if name.startswith(f"{found[0]['id']}:") else f"{found[0]['id']}:{name}"
    return {"kind": kind, "id": id, "path": path}, {
        "kind": kind,
        "id": id,
        "name": name,
        "path": path,
        "of": found[1]["kind"],
    }


def _of_git(resource: object, project: Project | None) -> Pair | None:
    """A reference or a commit of pygit2, GitPython or dulwich, by what it is called; and a value
    with `kind`, `name` and `commit`."""
    if isinstance(resource, Mapping) or project is None:
        return None
    from git_datmo.api import revision as revisions

    if isinstance(resource, Revision) and resource.kind in KINDS:
        return _revision(resource, project)
    if _class(resource, _ALL) is None:
        return None
    for key in ("path", "name", "hexsha", "id", "oid"):
        value = getattr(resource, key, None)
        text = value.decode() if isinstance(value, bytes) else str(value or "")
        if key in ("path", "name") and not text.startswith(_GIT_PLACES):
            continue
        try:
            return _revision(revisions.find(project, revision=text), project)
        except CommitDoesNotExist:
            continue
    return None


def _class(resource: object, names: object) -> str | None:
    """The name of a resource's class, or of one that it inherits from, if it is among these."""
    listed = set(names) if isinstance(names, (tuple, set, dict)) else set()
    return next((c.__name__ for c in type(resource).__mro__ if c.__name__ in listed), None)


def _text(resource: object, name: str) -> str | None:
    value = getattr(resource, name, None)
    return value if isinstance(value, str) and value else None
