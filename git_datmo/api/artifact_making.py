"""A new version of an artifact, from files or from a tree that is there already."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from git_datmo.api import artifact_lookup, lookup, settings
from git_datmo.api.user import NOBODY, User
from git_datmo.errors import (
    FileAlreadyExistsError,
    InvalidArgumentType,
    InvalidDestinationName,
    RequiredArgumentMissing,
    ValidationFailed,
)
from git_datmo.model import document
from git_datmo.model.artifact import (
    DEFAULT_COLLECTION,
    MAX_VERSION,
    Artifact,
    check_collection,
    check_name,
)
from git_datmo.model.names import check_name as check_part
from git_datmo.model.paths import parse_mapping
from git_datmo.model.text import encodable
from git_datmo.records import artifacts, chain, layout
from git_datmo.records.project import Project
from git_datmo.records.retirement import retire_artifacts
from git_datmo.storage import gathering
from git_datmo.storage.gathering import Gathered
from git_datmo.storage.index import Index
from git_datmo.storage.objects import TREE
from git_datmo.storage.treediff import find, parents

MAX_COMPONENT = 230
_MD5 = re.compile(r"[0-9a-fA-F]{32}")

Source = str | os.PathLike[str] | tuple[str | os.PathLike[str], str]


def create(
    project: Project,
    *,
    name: str,
    paths: Sequence[Source] = (),
    collection: str | None = None,
    references: Sequence[str] | Mapping[str, str] = (),
    metadata: Mapping[str, Any] | None = None,
    message: str | None = None,
    label: str | None = None,
    alternative_name: str | None = None,
    checksums: Mapping[str, str] | None = None,
    session_id: str | None = None,
    user: User = NOBODY,
    progress: Callable[[int], None] | None = None,
) -> Artifact:
    """Record the next version of an artifact: of files, folders and references.

    `paths` are `src`, `src>dest` or pairs of these: a folder without a `dest` gives its contents,
    a file keeps its name. `references` are addresses of what lies elsewhere, as `path=uri`, as
    `uri` or by path. `checksums` are MD5 sums by path, as far as they are known.

    Raises ValidationFailed for a name, RequiredArgumentMissing, PathDoesNotExist, UnsafeName,
    UnsafePath for a link that leads out, FileAlreadyExistsError, UnreadableFile, NoSpace.
    """
    project.require_initialized()
    place, title = checked(collection, name)
    for what, text in (
        ("message", message),
        ("label", label),
        ("alternative_name", alternative_name),
    ):
        if text is not None and not isinstance(text, str):
            raise ValidationFailed(f"{what} must be text, not {type(text).__name__}")
    _check_sums(checksums or {})
    named = _references(references)
    sources = _sources(project, paths, user)
    if not (sources or named):
        raise RequiredArgumentMissing(
            "an artifact needs files or references", hint="name a file, a folder, or --reference"
        )
    values = settings.check("metadata", metadata) if metadata else {}
    _ = project.identity
    session = lookup.session_of(project, session_id)
    try:
        gathered = gathering.gather(
            project.repository,
            project.store,
            sources,
            threshold=project.threshold,
            sync=project.durability == "full",
            advance=progress,
        )
        _require_free(project, gathered.tree, named)
        with chain.writing(project) as writer:
            oid = add(
                project,
                writer,
                collection=place,
                name=title,
                gathered=gathered,
                references=named,
                checksums=checksums or {},
                metadata=values,
                message=message or "",
                label=label,
                alternative_name=alternative_name,
                session=session,
            )
    finally:
        project.let_go()
    record = project.index.get(oid)
    assert record is not None, "what was just written is in the index"
    return artifact_lookup.value(project, record, latest=True)


def add(
    project: Project,
    writer: chain.Writer,
    *,
    collection: str,
    name: str,
    gathered: Gathered,
    references: Mapping[str, str] | None = None,
    checksums: Mapping[str, str] | None = None,
    metadata: Mapping[str, Any] | None = None,
    message: str = "",
    label: str | None = None,
    alternative_name: str | None = None,
    session: str = layout.DEFAULT_SESSION_ID,
) -> str:
    """Write the next version of an artifact whose objects are a tree already; return its id.

    Under the lock that `writer` holds, so no two versions of one clone have a number in common.
    """
    number, before = _next(writer.index, collection, name)
    number = max(number, writer.numbers.get((collection, name), -1) + 1)
    lines: dict[str, dict[str, str]] = {}
    for path, uri in (references or {}).items():
        lines[encodable(path)] = {"path": encodable(path), "uri": uri}
    for path, digest in (checksums or {}).items():
        lines.setdefault(encodable(path), {"path": encodable(path)})["md5"] = digest
    counts = {"files": gathered.files, "size": gathered.size, "references": len(references or {})}
    oid = artifacts.write(
        project,
        collection=collection,
        name=name,
        version=number,
        files=gathered.tree,
        extras=[lines[path] for path in sorted(lines)],
        counts=counts,
        metadata=document.decode(dict(metadata or {})),
        alternative_name=alternative_name,
        message=message,
        # A shallow clone may know of a version that it has not.
        parents=[before] if before and project.repository.objects.has(before) else [],
    )
    writer.numbers[collection, name] = number
    writer.mention(oid)
    writer.ref(layout.artifact_ref(collection, name, number, oid), oid)
    note: dict[str, Any] = {"session": session}
    if label:
        note["label"] = label
    writer.note(oid, set=note)
    retire_artifacts(project, writer)
    return oid


def _next(index: Index, collection: str, name: str) -> tuple[int, str | None]:
    """The number of the next version of an artifact, and the id of the version before."""
    before = artifact_lookup.newest(index, collection, name, deleted=True)
    if before is None:
        return 0, None
    if int(before.doc["version"]) < MAX_VERSION:
        return int(before.doc["version"]) + 1, before.id
    # Somebody took the last number there is: go on where there is room below it.
    known = artifact_lookup.versions(index, collection, name, deleted=True)
    taken = {int(record.doc["version"]) for record in known}
    for record in known:
        number = int(record.doc["version"]) + 1
        if number <= MAX_VERSION and number not in taken:
            return number, record.id
    return 0, None


def checked(collection: str | None, name: object) -> tuple[str, str]:
    """A collection and a name that may be used: `models/resnet` says both. Raises ValidationFailed
    for others, and for what is too long for the name of a ref."""
    if collection is None and isinstance(name, str) and "/" in name:
        first, _, rest = name.partition("/")
        try:
            collection, name = check_collection(first), rest
        except ValidationFailed:
            collection = None
    found = (
        check_collection(DEFAULT_COLLECTION if collection is None else collection),
        check_name(name),
    )
    for text in found:
        taken = len(layout.encoded(text))
        if taken > MAX_COMPONENT:
            raise ValidationFailed(
                f"the name {text[:60]!r}… takes {taken} characters in a ref, of {MAX_COMPONENT}",
                hint="capitals, spaces and signs take three each, letters beyond ASCII six or more",
            )
    return found


def _sources(project: Project, paths: Sequence[Source], user: User) -> list[tuple[bytes, bytes]]:
    if isinstance(paths, str | os.PathLike):
        raise InvalidArgumentType("paths is a list of paths, not one path")
    base = user.folder or project.repository.work_tree or Path("/")
    found: list[tuple[bytes, bytes]] = []
    wanted: str | None
    for given in paths:
        if isinstance(given, tuple):
            src, wanted = os.fspath(given[0]), check_place(given[1])
        else:
            mapping = parse_mapping(os.fspath(given))
            src, wanted = mapping.src, mapping.dest
        source = Path(os.path.abspath(base / Path(src).expanduser()))
        dest = wanted if wanted is not None else "" if source.is_dir() else source.name
        found.append((os.fsencode(source), os.fsencode(dest.rstrip("/"))))
    return found


def _check_sums(given: Mapping[str, str]) -> None:
    for path, digest in given.items():
        check_place(path)
        if not isinstance(digest, str) or not _MD5.fullmatch(digest):
            raise ValidationFailed(f"the MD5 of {path} is 32 hexadecimal digits, not {digest!r}")


def _references(given: Sequence[str] | Mapping[str, str]) -> dict[str, str]:
    if isinstance(given, str):
        raise InvalidArgumentType("references is a list or a dictionary, not one text")
    pairs: Iterable[tuple[str, str]]
    if isinstance(given, Mapping):
        pairs = given.items()
    else:
        pairs = (_reference(text) for text in given)
    found: dict[str, str] = {}
    for path, uri in pairs:
        if not isinstance(uri, str) or not uri or not uri.isprintable():
            raise ValidationFailed(f"a reference is an address on one line, not {uri!r}")
        place = check_place(path)
        if not place:
            raise ValidationFailed(f"the reference {uri} needs a path", hint="write it as PATH=URI")
        if place in found:
            raise FileAlreadyExistsError(f"two references have one place: {place}")
        found[place] = uri
    return found


def _reference(text: object) -> tuple[str, str]:
    if not isinstance(text, str):
        raise InvalidArgumentType(f"a reference is text, not {type(text).__name__}")
    path, equals, uri = text.partition("=")
    if equals and "://" not in path:
        return path, uri
    return text.partition("?")[0].rstrip("/").rpartition("/")[2], text


def check_place(path: object) -> str:
    """A place inside an artifact: relative, its parts plain names; empty for the top.

    Raises InvalidDestinationName, InvalidArgumentType.
    """
    if not isinstance(path, str):
        raise InvalidArgumentType(f"a path is text, not {type(path).__name__}")
    trimmed = path.rstrip("/")
    if path.startswith("/"):
        raise InvalidDestinationName(f"{path!r} is no path inside an artifact: it is absolute")
    if not trimmed:
        return ""
    try:
        parts = os.fsencode(trimmed).split(b"/")
    except UnicodeEncodeError:
        raise InvalidDestinationName(f"{path!r} cannot be the name of a file") from None
    for part in parts:
        reason = check_part(part)
        if reason is not None:
            raise InvalidDestinationName(f"{path!r} is no path inside an artifact: {reason}")
    return trimmed


def _require_free(project: Project, tree: str, references: Mapping[str, str]) -> None:
    read = project.repository.objects.tree
    for path in references:
        place = os.fsencode(path)
        above = (find(read, tree, folder) for folder in parents(place))
        if find(read, tree, place) or any(leaf and leaf[0] != TREE for leaf in above):
            raise FileAlreadyExistsError(f"{path} is both a file and a reference")
