"""A version of an artifact as a commit: its objects as a tree, and what no tree can say of them.

    artifact.json   what it is: collection, name, version, counts, metadata
    objects.jsonl   a line for each object that has more to say than its bytes: a reference's
                    address, the MD5 that its maker knew
    files/…         the objects; large ones as pointers

Its parent is the version before. Label, message and deletion are operations noted on it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from git_datmo.errors import (
    Conflict,
    DamagedObject,
    UsageError,
    ValidationFailed,
)
from git_datmo.model import document
from git_datmo.model.artifact import (
    EXECUTABLE,
    FACTS_FILE,
    FILE,
    FOLDER,
    LINK,
    MAX_VERSION,
    REFERENCE,
    Entry,
    check_collection,
    check_name,
)
from git_datmo.model.expression import And, Compare
from git_datmo.model.ids import new_nonce
from git_datmo.model.names import check_name as check_part
from git_datmo.model.text import encodable
from git_datmo.records import layout, statement
from git_datmo.records.kinds import ARTIFACT
from git_datmo.records.pointers import pointer_at
from git_datmo.records.project import Project
from git_datmo.storage import objects as git
from git_datmo.storage.index import Index
from git_datmo.storage.objects import BLOB, EMPTY_TREE, TREE, Commit
from git_datmo.storage.treediff import Leaf, find, walk

FACTS = FACTS_FILE.encode()
OBJECTS = b"objects.jsonl"
FILES = b"files"
MAX_FACTS = 1024 * 1024
MAX_OBJECTS = 256 * 1024 * 1024
MAX_ENTRIES = 4_000_000
_MODES = {BLOB: FILE, git.EXECUTABLE: EXECUTABLE, git.LINK: LINK, TREE: FOLDER}
_COUNTS = ("files", "size", "references")


def is_artifact(commit: Commit) -> bool:
    """Whether a commit carries the trailers of an artifact."""
    return layout.carries(commit.message, layout.ARTIFACT_TRAILER)


def title(collection: str, name: str) -> str:
    """What the index finds all versions of an artifact by."""
    return f"{collection}/{name}"


def named(index: Index, ref: str) -> list[str]:
    """The versions that a ref is named after, by its path below `refs/datmo/artifacts/`.

    Two that differ only after seven digits of their ids have one name.
    """
    collection, _, rest = ref.partition("/")
    name, _, version = rest.partition("/")
    number, _, short = version.removeprefix("v").partition("-")
    try:
        wanted = title(layout.decoded(collection), layout.decoded(name))
    except DamagedObject:
        return []
    if not number.isdecimal() or len(number) > len(str(MAX_VERSION)):
        return []
    titled = Compare(("artifact",), "==", wanted)
    where = And((titled, Compare(("version",), "==", int(number))))
    found = index.select(ARTIFACT, where=where, include_hidden=True, include_deleted=True)
    return [record.id for record in found if short and record.id.startswith(short)]


def write(
    project: Project,
    *,
    collection: str,
    name: str,
    version: int,
    files: str,
    extras: Sequence[Mapping[str, Any]] = (),
    counts: Mapping[str, int],
    metadata: Mapping[str, Any] | None = None,
    alternative_name: str | None = None,
    message: str = "",
    parents: Sequence[str] = (),
) -> str:
    """Store a version's commit and return its id. `files` is the tree of its objects, `extras`
    the lines of `objects.jsonl`, `counts` how many files, bytes and references it has.

    Raises ValidationFailed for a message with a NUL.
    """
    if "\0" in message:
        raise ValidationFailed("a message cannot hold a NUL character")
    objects = project.repository.objects
    said: dict[str, Any] = {"format": statement.FORMAT, "collection": collection, "name": name}
    said |= {"version": version, **counts}
    if metadata:
        said["metadata"] = dict(metadata)
    if alternative_name:
        said["alternative_name"] = alternative_name
    entries: dict[bytes, Leaf | None] = {
        FACTS: (BLOB, objects.write_blob(document.dumps(said) + b"\n"))
    }
    if extras:
        lines = (json.dumps(line, ensure_ascii=False, sort_keys=True) + "\n" for line in extras)
        entries[OBJECTS] = (BLOB, objects.write_blob("".join(lines).encode()))
    if files != EMPTY_TREE:
        entries[FILES] = (TREE, files)
    author, seconds, offset = project.identity
    place = f"{layout.encoded(collection)}/{layout.encoded(name)}/v{version}"
    return objects.write_commit(
        tree=objects.patch_tree(EMPTY_TREE, entries),
        parents=parents,
        author=author,
        when=(seconds, offset),
        sign=project.sign,
        message=layout.message(
            message or f"{encodable(title(collection, name))}:v{version}",
            {layout.ARTIFACT_TRAILER: place, "Datmo-Nonce": new_nonce()},
        ),
    )


def facts(project: Project, commit: Commit) -> dict[str, Any]:
    """What a version's commit says of it, typed JSON. Raises DamagedObject, NewerFormat."""
    text, found = layout.trailers(commit.message)
    said = statement.read(project, commit, "artifact", limit=MAX_FACTS)
    try:
        collection, name = check_collection(said.get("collection")), check_name(said.get("name"))
    except UsageError as error:
        raise DamagedObject(f"artifact.json of {commit.id}: {error.message}") from error
    version = said.get("version")
    if type(version) is not int or not 0 <= version <= MAX_VERSION:
        raise DamagedObject(f"artifact.json of {commit.id} has no version")
    place = f"{layout.encoded(collection)}/{layout.encoded(name)}/v{version}"
    if found.get(layout.ARTIFACT_TRAILER) != place:
        raise DamagedObject(f"artifact.json of {commit.id} is not that of {place}")
    known: dict[str, Any] = {
        "artifact": title(collection, name),
        "collection": collection,
        "name": name,
        "version": version,
    }
    for key in _COUNTS:
        value = said.get(key)
        known[key] = value if type(value) is int and 0 <= value < 2**53 else 0
    metadata, other = said.get("metadata"), said.get("alternative_name")
    known["metadata"] = metadata if isinstance(metadata, dict) else {}
    known["alternative_name"] = other if isinstance(other, str) else None
    plain = f"{encodable(title(collection, name))}:v{version}"
    known["message"] = "" if text == plain else text
    return known


def files_tree(project: Project, tree: str) -> str:
    """The tree of the objects in a version's tree."""
    leaf = find(project.repository.objects.tree, tree, FILES)
    return leaf[1] if leaf is not None and leaf[0] == TREE else EMPTY_TREE


def extras(project: Project, tree: str) -> dict[str, dict[str, Any]]:
    """The lines of a version's `objects.jsonl`, by path. Raises DamagedObject."""
    objects = project.repository.objects
    leaf = find(objects.tree, tree, OBJECTS)
    if leaf is None:
        return {}
    if leaf[0] != BLOB or (objects.size(leaf[1]) or 0) > MAX_OBJECTS:
        raise DamagedObject("objects.jsonl is no file, or larger than any that git-datmo writes")
    found: dict[str, dict[str, Any]] = {}
    try:
        for text in objects.blob(leaf[1]).splitlines():
            line = json.loads(text)
            found[_place(line["path"])] = {
                key: line[key]
                for key in ("uri", "md5")
                if isinstance(line.get(key), str) and line[key].isprintable()
            }
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise DamagedObject(f"objects.jsonl cannot be read: {error}") from error
    return found


def _place(path: object) -> str:
    """A path that a line names. Strangers write them: one that leads out is damage."""
    parts = path.encode().split(b"/") if isinstance(path, str) else [b""]
    reasons = [reason for part in parts if (reason := check_part(part)) is not None]
    if reasons:
        raise DamagedObject(f"objects.jsonl names {path!r}: {reasons[0]}")
    return str(path)


def _leaves(project: Project, files: str) -> list[tuple[bytes, int, str]]:
    try:
        found = list(islice(walk(project.repository.objects.tree, files), MAX_ENTRIES + 1))
    except Conflict as error:
        raise DamagedObject(f"its objects cannot be listed: {error.message}") from error
    if len(found) > MAX_ENTRIES:
        raise DamagedObject(f"it has more than {MAX_ENTRIES} objects")
    return sorted(found)


def entries(project: Project, tree: str) -> Iterator[Entry]:
    """Every object of a version's tree, sorted by path; references come last.

    Raises DamagedObject, InvalidPointer.
    """
    from git_datmo.records import promises

    objects = project.repository.objects
    promises.bring_pointers(project, [tree])
    large = promises.larger(project, tree)
    said = extras(project, tree)
    for path, mode, oid in _leaves(project, files_tree(project, tree)):
        text = path.decode("utf-8", "surrogateescape")
        if mode not in _MODES:
            raise DamagedObject(f"an artifact cannot hold what {text!r} is")
        size = None
        if mode != TREE and oid not in large:
            pointer = pointer_at(project, oid) if mode != git.LINK else None
            size = pointer.size if pointer is not None else objects.size(oid)
        yield Entry(text, _MODES[mode], size, md5=said.get(encodable(text), {}).get("md5"))
    for text, line in sorted(said.items()):
        if "uri" in line:
            yield Entry(text, REFERENCE, uri=line["uri"])
