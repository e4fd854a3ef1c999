"""Artifacts that are there already: in a local directory, in the repository, on a remote."""

from __future__ import annotations

import os
import re
import secrets
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from git_datmo.compat.em import layout, place
from git_datmo.compat.em.absence import Incomplete, NotHere
from git_datmo.compat.em.artifact import Artifact
from git_datmo.compat.em.objects import checked
from git_datmo.compat.em.sealing import COLLECTION, Sealed, rows_of
from git_datmo.compat.em.shelf import ASIDE, METADATA, REFERENCES, is_reserved
from git_datmo.errors import (
    ArtifactNotFound,
    FileIOError,
    PathDoesNotExist,
    ValidationFailed,
)
from git_datmo.model.artifact import Artifact as Version

if TYPE_CHECKING:
    from git_datmo.records.project import Project

KIND = "Artifact"

_PLAIN = re.compile(r"[A-Za-z0-9_-]{1,200}")
_ODD = re.compile(r"[^A-Za-z0-9_-]")
_SEALED = ("name", "labels", "description", "createdTimestamp")


def load_artifact(path: str | os.PathLike[str]) -> Artifact:
    """An artifact that is there already: a local directory; else what has this alternative name,
    id or name in the repository; else what lies at this path of the chosen remote.

    Raises NotHere (a RuntimeError and an OSError) where there is none, and what `local_one` and
    `bring` raise.
    """
    text = os.fspath(path)
    if not isinstance(text, str) or not text:
        raise NotHere(f"Not a local directory: {text!r}")
    for local in (Path(text), place.artifacts() / text):
        if local.is_dir() and (local == Path(text) or (local / METADATA).exists()):
            return local_one(local)
    project = place.required()
    found = _recorded(project, text)
    if found is not None:
        return bring(project, found)
    return _downloaded(project, text)


def local_one(local: Path) -> Artifact:
    """The artifact of a local directory, one of t9k's own too; its objects are read when they
    are asked for.

    Raises Incomplete (a FileNotFoundError), FileIOError, RuntimeError where it is a run's.
    """
    from git_datmo.api import emfolder

    file = local / METADATA
    if not os.path.lexists(file):
        raise Incomplete(f"Missing file of Artifact: '{file}'")
    emfolder.require_plain(file)
    said = layout.read_yaml(file)
    if not isinstance(said, dict):
        raise FileIOError(f"{file} does not describe an artifact")
    kind = said.get("kind", KIND)
    if kind != KIND:
        raise RuntimeError(f"Local path refers to type '{kind}' rather than '{KIND}': '{local}'")
    known = {"labels": [], "description": "", "remote": [], **said}
    known.setdefault("alternativeName", local.absolute().name)
    try:
        return Artifact(known, local=local)
    except KeyError as error:
        raise FileIOError(f"{file} lacks {error}") from error
    except (TypeError, ValueError, AttributeError) as error:
        raise FileIOError(f"{file} does not describe an artifact: {error}") from error


def bring(project: Project, version: Version, download: dict[str, Any] | None = None) -> Artifact:
    """A version of the repository as an artifact with a local directory: the one that has it
    already, or one that is made. A directory that holds something else is left alone.

    `download` is what is noted in `remote`. Raises ValueError for an object whose path leads out,
    and what `api.artifact.get` raises.
    """
    from git_datmo.api import artifact as artifacts

    version = artifacts.inspect(project, artifact=version.id)
    for entry in version.entries:
        checked(entry.path)
    metadata = metadata_of(version)
    rows = rows_of(project, version)
    parent, number = place.artifacts(), 0
    while True:
        local = parent / metadata["alternativeName"]
        if not local.exists():
            _make(project, version, metadata, local)
        if (local / METADATA).is_file():
            artifact = local_one(local)
            same = _told(artifact._metadata) == _told(metadata)
            if same and artifact._contents.look() == rows:
                break
        number += 1
        tail = version.id[:7] if number == 1 else f"{version.id[:7]}-{number}"
        parent = place.artifacts() / tail
    told = {key: artifact.to_dict()[key] for key in _SEALED}
    if version.collection == COLLECTION and version.alternative_name == artifact.alternative_name:
        artifact._sealed = Sealed(version, rows, told, os.fspath(project.repository.common_dir))
    if download is not None:
        artifact.remote.append(download)
        artifact._save()
    return artifact


def metadata_of(version: Version) -> dict[str, Any]:
    """What metadata.yaml says of a version. One that was not made here gets a name like those."""
    said = version.metadata
    labels = said.get("labels")
    made = version.created_at.astimezone()
    known = version.alternative_name
    if known is None and version.collection == COLLECTION:
        known = version.name if layout.is_alternative_name(version.name) else None
    usual = version.name if known != version.name else version.name.rsplit("_", 3)[0]
    plain = _ODD.sub("-", version.name)
    name = plain.strip("-_")[:40].strip("-_") or "artifact"
    other = f"{name}_{made:%y%m%d_%H%M%S}_{version.id[:6]}"
    return {
        "name": said["name"] if isinstance(said.get("name"), str) else usual,
        "labels": labels if isinstance(labels, list | tuple) else [],
        "description": str(said.get("description") or version.message),
        "createdTimestamp": str(said.get("createdTimestamp") or made.isoformat()),
        "alternativeName": _plain(known) or other,
        "remote": [],
    }


def _plain(name: str | None) -> str | None:
    """A name that can be a directory's, as all of t9k's can; somebody else's may be anything."""
    fits = (
        name and len(name) < 200 and all(c.isascii() and (c.isalnum() or c in "-_") for c in name)
    )
    return name if fits else None


def _told(metadata: dict[str, Any]) -> list[Any]:
    return [metadata[key] for key in (*_SEALED, "alternativeName")]


def _make(project: Project, version: Version, metadata: dict[str, Any], local: Path) -> None:
    """Write a directory, whole or not at all; somebody else's that appears meanwhile stays."""
    from git_datmo.api import artifact as artifacts

    parent = place.sheltered(local.parent.absolute())
    fresh = parent / f".{local.name}.{secrets.token_hex(4)}"
    aside = fresh.with_name(f"{fresh.name}.aside")
    try:
        artifacts.get(project, artifact=version.id, into=fresh)
        fresh.mkdir(exist_ok=True)
        reserved = [name for name in os.listdir(fresh) if is_reserved(name)]
        if reserved:
            aside.mkdir()
            for name in reserved:
                os.rename(fresh / name, aside / name)
            os.rename(aside, fresh / ASIDE)
        references = {entry.path: entry.uri for entry in version.entries if entry.uri is not None}
        if references:
            layout.write_yaml(fresh / REFERENCES, references)
        layout.write_yaml(fresh / METADATA, {"kind": KIND, **metadata})
        try:
            os.rename(fresh, local)
        except OSError:
            # Another process made it meanwhile.
            if not local.exists():
                raise
    finally:
        for folder in (fresh, aside):
            if folder.exists():
                shutil.rmtree(folder)


def _recorded(project: Project, text: str) -> Version | None:
    from git_datmo.api import artifact as artifacts

    # One that was made where no repository could be reached has no alternative name but its own.
    for name in (text, f"{COLLECTION}/{text}"):
        try:
            return artifacts.inspect(project, artifact=name)
        except (ArtifactNotFound, ValidationFailed):
            continue
    return None


def _downloaded(project: Project, text: str) -> Artifact:
    from git_datmo.api import artifact as artifacts
    from git_datmo.api import folder as folders
    from git_datmo.compat.em import session

    remote = session.remote()
    try:
        node = folders.find(project, remote=remote, path=text)
    except (PathDoesNotExist, ValidationFailed) as error:
        raise NotHere(
            f"Not a local directory or a remote path: '{text}'", hint=error.message
        ) from error
    if node.kind != "artifact" or node.id is None:
        raise RuntimeError(
            f"Remote path refers to type '{node.kind.capitalize()}' rather than 'Artifact'"
        )
    version = artifacts.inspect(project, artifact=node.id)
    record = {
        "action": "download",
        "timestamp": layout.now(),
        "host": folders.host_of(project, remote),
        "path": node.path,
        "id": node.id,
    }
    return bring(project, version, record)
