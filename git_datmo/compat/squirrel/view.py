"""Where the files of an artifact are read: a folder in the git directory, made on demand."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from git_datmo.api import artifact, artifact_views, location
from git_datmo.model.artifact import Artifact

if TYPE_CHECKING:
    from git_datmo.records.project import Project

# fsspec takes what follows the scheme as it is: nothing may be percent-encoded.
_SCHEME = "file://"
_VIEW = re.compile(r"(?s)(?:file://)?(/.+)/datmo/views/([0-9a-f]{40})(?:/.*)?")


def url(project: Project, found: Artifact) -> str:
    """The address of a version's files, whether they lie there by now or not."""
    return f"{_SCHEME}{artifact_views.place_of(project, found.id)}"


def restore(address: str) -> None:
    """Make the view that an address names; any other address is let be.

    Raises ArtifactNotFound, NotARepository, ContentMissing, UnsafeName, UnsafePath, NoSpace.
    """
    match = _VIEW.fullmatch(address)
    if match is None:
        return
    folder, oid = Path(match[1]), match[2]
    if not folder.is_dir() and Path(address.removeprefix(_SCHEME)).exists():
        return
    artifact.get(location.find(folder), artifact=oid)
