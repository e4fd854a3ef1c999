"""Which versions there are, which one is meant, and how a catalog says so."""

from __future__ import annotations

import logging
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from git_datmo.api import artifact as artifacts
from git_datmo.compat.squirrel import runs, view
from git_datmo.compat.squirrel.foundation import Catalog, CatalogSource, Source
from git_datmo.compat.squirrel.refusal import Ambiguous, Refused, refusing
from git_datmo.errors import ArtifactNotFound
from git_datmo.model.artifact import Artifact, check_name
from git_datmo.model.names import check_name as check_part
from git_datmo.model.quantity import counted

if TYPE_CHECKING:
    from git_datmo.records.project import Project

logger = logging.getLogger(__name__)

_VERSION = re.compile(r"v(0|[1-9][0-9]{0,11})(?:-([0-9a-f]{4,40}))?")
_SHORT = 7
_SAID = ("serializer", "status")


def versions(project: Project, name: str, collection: str) -> list[Artifact]:
    """Every version, the highest first. Raises ValueError for what is no name."""
    with refusing():
        check_name(name)
    found = artifacts.ls(project, name=f"{collection}/{name}", all=True, sort="-version")
    return [one for one in found if (one.collection, one.name) == (collection, name)]


def chosen(
    project: Project, name: str, collection: str, version: str | None
) -> tuple[Artifact, str]:
    """One version, and what to call it: `v3`, with a piece of its id where two clones made one.

    Raises Refused, ArtifactNotFound, Ambiguous: all of them ValueErrors.
    """
    wanted = None
    if version is not None and version != "latest":
        wanted = _VERSION.fullmatch(version) if isinstance(version, str) else None
        if wanted is None:
            raise Refused(
                f"{version!r} is no version of an artifact",
                hint="versions are called v0, v1, … and latest",
            )
    known = versions(project, name, collection)
    if not known:
        raise ArtifactNotFound(f"Artifact {name} does not exist in collection {collection}!")
    if wanted is None:
        found = next((one for one in known if one.latest), known[0])
        return found, title(found, known)
    number, short = int(wanted[1]), wanted[2] or ""
    named = [one for one in known if one.version == number and one.id.startswith(short)]
    if not named:
        raise ArtifactNotFound(
            f"Artifact {name} does not exist in collection {collection} with version {version}!"
        )
    if len(named) > 1:
        raise Ambiguous(
            f"version {version} of {collection}/{name} was made more than once: "
            + ", ".join(title(one, known) for one in named),
            candidates=[one.id for one in named],
            hint="name one of them like that",
        )
    return named[0], title(named[0], known)


def title(found: Artifact, known: list[Artifact]) -> str:
    """What a version is called among others: by a piece of its id too where it shares a number."""
    shared = sum(one.version == found.version for one in known) > 1
    return f"v{found.version}-{found.id[:_SHORT]}" if shared else f"v{found.version}"


def source(
    project: Project, found: Artifact, called: str, catalog: Catalog | None = None
) -> CatalogSource:
    """A version as a source, squirrel's numbers beginning with 1."""
    return CatalogSource(
        _entry(project, found, called),
        f"{found.collection}/{found.name}",
        Catalog() if catalog is None else catalog,
        version=found.version + 1,
    )


def fill(project: Project, catalog: Catalog, collection: str | None) -> list[Artifact]:
    """Put every version of a collection, or of all, into a catalog. Of two with one number the
    older is under `collection/artifact:v3-1a2b3c4`."""
    found = artifacts.ls(project, collection=collection, all=True, sort="-created")
    found.sort(key=lambda one: not one.latest)
    series: dict[str, list[Artifact]] = {}
    for one in found:
        series.setdefault(f"{one.collection}/{one.name}", []).append(one)
    for identifier in sorted(series):
        known = series[identifier]
        for one in sorted(known, key=lambda one: one.version):
            called = title(one, known)
            key = (identifier, one.version + 1)
            if key in catalog:
                key = (f"{identifier}:{called}", one.version + 1)
            catalog[key] = _entry(project, one, called)
    return found


def download(project: Project, found: Artifact, to: Path) -> Path:
    """Put a version's files into `to/<artifact>`, which may hold others; return that."""
    require_folder(found.name)
    folder = to / found.name
    there = folder.is_dir() and any(folder.iterdir())
    place = os.path.abspath(folder)
    gotten = artifacts.get(project, artifact=found.id, into=place, force=True)
    runs.note(runs.USED, found)
    for notice in gotten.notices:
        logger.warning("%s", notice)
    if there:
        own = {one.path for one in artifacts.inspect(project, artifact=found.id).entries}
        others = sum(name not in own for name in _files(place))
        if others:
            told = counted(others, "file")
            logger.warning("%s has %s besides those of %s", folder, told, found.reference)
    return folder


def require_folder(name: str) -> None:
    """Raise ValueError for an artifact that cannot be a folder of its own name."""
    with refusing():
        check_name(name)
    for part in name.split("/"):
        reason = check_part(os.fsencode(part))
        if reason is not None:
            raise Refused(f"the artifact {name!r} cannot be a folder: {reason}")


def _entry(project: Project, found: Artifact, called: str) -> Source:
    metadata = {
        "collection": found.collection,
        "artifact": found.name,
        "version": called,
        "commit": found.id,
    }
    said = {key: found.metadata.get(key) for key in _SAID}
    metadata |= {key: text for key, text in said.items() if isinstance(text, str)}
    address = view.url(project, found)
    return Source("directory", {"url": address, "storage_options": {}}, metadata)


def _files(folder: str) -> list[str]:
    return [
        os.path.relpath(os.path.join(above, name), folder)
        for above, _, names in os.walk(folder)
        for name in names
    ]
