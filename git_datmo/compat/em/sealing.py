"""An artifact's local directory as a version in the repository."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Final

from git_datmo.compat.em.contents import Row
from git_datmo.compat.em.shelf import BLOCK, Seen
from git_datmo.errors import FileChanging, Purged
from git_datmo.model.artifact import EXECUTABLE, FILE, LINK, REFERENCE
from git_datmo.model.artifact import Artifact as Version
from git_datmo.model.frozen import frozen

if TYPE_CHECKING:
    from git_datmo.compat.em.artifact import Artifact
    from git_datmo.compat.em.contents import Contents
    from git_datmo.records.project import Project

COLLECTION: Final = "em"
TRIES: Final = 3
_TOLD = ("name", "labels", "description", "createdTimestamp")


@frozen
class Sealed:
    """A version that was recorded or found, and what the directory was then."""

    version: Version
    rows: Sequence[Row]
    metadata: dict[str, Any]
    repository: str


def seal(artifact: Artifact, project: Project, last: Sealed | None = None) -> Sealed:
    """The version that an artifact is now: `last` or one of those recorded under its alternative
    name where nothing differs, else a new one.

    Raises FileChanging when the directory is written to all the time, Purged when one that was
    sent is gone for good, and what `api.artifact` raises.
    """
    from git_datmo.api import purge

    metadata = {key: artifact.to_dict()[key] for key in _TOLD}
    contents = artifact._contents
    repository = os.fspath(project.repository.common_dir)
    for _ in range(TRIES):
        rows = contents.look()
        now = (rows, metadata, repository)
        if last is not None and (last.rows, last.metadata, last.repository) == now:
            return last
        version = _recorded(artifact, project, rows, metadata)
        if version is not None:
            return Sealed(version, *now)
        if purge.known(project, [str(one.get("id")) for one in artifact.remote]):
            raise Purged(f"{artifact.alternative_name} was purged: it is not recorded again")
        version = _create(artifact, project, contents, metadata)
        if contents.look() == rows:
            return Sealed(version, *now)
    raise FileChanging(
        f"artifact {artifact.alternative_name} is written to while it is recorded",
        hint=f"let whoever writes to {artifact.local} finish first",
    )


def rows_of(project: Project, version: Version) -> list[Row]:
    """What a local directory that holds exactly this version has in it.

    Raises ContentMissing for one of its files that has no checksum and is not here.
    """
    from git_datmo.api import artifact as artifacts

    rows: list[Row] = []
    view: str | None = None
    for entry in version.entries:
        told: str | None = None
        if entry.mode in (FILE, EXECUTABLE):
            told = entry.md5 or _digest(version, entry.path)
        elif entry.mode == REFERENCE:
            told = entry.uri
        elif entry.mode == LINK:
            view = view or artifacts.get(project, artifact=version.id).path
            told = os.readlink(os.path.join(view, entry.path))
        size = entry.size if entry.mode in (FILE, EXECUTABLE) else None
        rows.append((entry.path, entry.mode, size, told))
    return sorted(rows)


def _digest(version: Version, path: str) -> str:
    md5 = hashlib.md5(usedforsecurity=False)
    with version.open(path) as file:
        while block := file.read(BLOCK):
            md5.update(block)
    return md5.hexdigest()


def _recorded(
    artifact: Artifact, project: Project, rows: Sequence[Row], metadata: dict[str, Any]
) -> Version | None:
    from git_datmo.api import artifact as artifacts

    files = sum(row[1] != REFERENCE for row in rows)
    for known in artifacts.ls(
        project, collection=COLLECTION, name=artifact.alternative_name, all=True
    ):
        told = {key: known.metadata.get(key) for key in _TOLD}
        if told != metadata or known.references != len(rows) - files:
            continue
        whole = artifacts.inspect(project, artifact=known.id)
        if rows_of(project, whole) == list(rows):
            return whole
    return None


def _create(
    artifact: Artifact, project: Project, contents: Contents, metadata: dict[str, Any]
) -> Version:
    from git_datmo.api import artifact as artifacts

    objects, shelf = contents.objects, contents.shelf
    things = list(shelf.things())
    linked = any(seen.is_link for seen in things)
    beside = shelf.root.parent if linked else None
    with tempfile.TemporaryDirectory(prefix=".git-datmo-", dir=beside) as stage:
        # Its contents go to the top: an artifact may have no object yet.
        sources: list[tuple[str | os.PathLike[str], str]] = [(stage, "")]
        if linked:
            # Where links lead is only clear in a folder without our own files.
            _stage(things, stage)
        else:
            tops = dict.fromkeys(seen.path.partition("/")[0] for seen in things)
            sources += [(shelf.place(top), top) for top in tops]
        made = artifacts.create(
            project,
            collection=COLLECTION,
            name=artifact.alternative_name,
            alternative_name=artifact.alternative_name,
            paths=sources,
            references=contents.references,
            metadata=metadata,
            checksums={p: r["checksum"] for p, r in objects.items() if "checksum" in r},
        )
    return artifacts.inspect(project, artifact=made.id)


def _stage(things: Iterable[Seen], stage: str) -> None:
    for seen in things:
        target = os.path.join(stage, seen.path)
        os.makedirs(target if seen.is_folder else os.path.dirname(target), exist_ok=True)
        if not seen.is_folder:
            shutil.copy2(seen.place, target, follow_symlinks=False)
