"""What a run read and made, beside its own files: lines of `artifacts.jsonl`."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from git_datmo.errors import InvalidArgumentType, PathDoesNotExist

if TYPE_CHECKING:
    from git_datmo.model.artifact import Artifact
    from git_datmo.records.project import Project

FILE: Final = "artifacts.jsonl"
INPUTS: Final = "inputs.json"
USED, GENERATED = "used", "generated"


def note(task: Path, role: str, record: Mapping[str, Any]) -> None:
    """Append that the run read (`used`) or made (`generated`) something. Raises OSError."""
    line = json.dumps({"role": role, **record}, ensure_ascii=True).encode() + b"\n"
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
    fd = os.open(task / FILE, flags, 0o644)
    try:
        os.write(fd, line)
    finally:
        os.close(fd)


def record_of(resource: object, project: Project | None) -> dict[str, Any]:
    """The record of an artifact, of what names one, or of a record that is one already.

    Raises InvalidArgumentType, ArtifactNotFound, AmbiguousId.
    """
    from git_datmo.model.artifact import Artifact

    if isinstance(resource, Mapping) and isinstance(resource.get("kind"), str):
        return dict(resource)
    if isinstance(resource, str) and project is not None:
        from git_datmo.api import artifact as artifacts

        resource = artifacts.inspect(project, artifact=resource)
    if not isinstance(resource, Artifact):
        kind = type(resource).__name__
        raise InvalidArgumentType(f"an artifact or the record of a resource is needed, not {kind}")
    record: dict[str, Any] = {"kind": "artifact", "id": resource.id}
    record |= {"collection": resource.collection, "name": resource.name}
    record["version"] = resource.version
    if resource.alternative_name:
        record["alternative_name"] = resource.alternative_name
    return record


def given(task: Path, name: str) -> Path | None:
    """Where an input lies that the task was started with. None: it was not."""
    try:
        listed = json.loads((task / INPUTS).read_text("utf-8"))
    except (OSError, ValueError):
        return None
    found = listed.get(name) if isinstance(listed, dict) else None
    if isinstance(found, Mapping):
        found = found.get("path")
    return Path(found) if isinstance(found, str) else None


def fetched(project: Project, reference: str) -> tuple[Artifact, Path]:
    """An artifact and a folder with its files, not to be written to.

    Raises ArtifactNotFound, AmbiguousId, ContentMissing, RemoteError.
    """
    from git_datmo.api import artifact as artifacts

    found = artifacts.get(project, artifact=reference)
    return found.artifact, Path(found.path)


def handed_over(task: Path, name: str, paths: Sequence[str], collection: str | None) -> None:
    """Leave an artifact in the task directory, where no repository is: it is made of it when the
    run is recorded. Raises PathDoesNotExist, ValidationFailed, OSError."""
    from git_datmo.model.artifact import check_collection, check_name

    # One name is one folder: it may hold slashes, and dots that lead elsewhere.
    own = quote(check_name(name), safe=" ")
    own = own if own.strip(".") else own.replace(".", "%2E")
    folder = task / "artifacts" / check_collection(collection or "default") / own
    for text in paths:
        source, _, dest = text.partition(">")
        if not os.path.exists(source):
            raise PathDoesNotExist(f"no such file: {source}")
        if os.path.isdir(source):
            shutil.copytree(source, folder / dest, symlinks=True, dirs_exist_ok=True)
            continue
        target = folder / (dest or os.path.basename(source))
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(source, target)
    line: dict[str, Any] = {"name": name, "path": os.fspath(folder.relative_to(task))}
    note(task, GENERATED, {**line, "collection": collection} if collection else line)
