"""From what a user calls an environment to its definition."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import NamedTuple

from git_datmo.errors import AmbiguousId, EnvironmentDoesNotExist, InvalidArgumentType
from git_datmo.model.environment import Environment
from git_datmo.records import catalogue, environments, layout
from git_datmo.records.kinds import ENVIRONMENT, SNAPSHOT
from git_datmo.records.project import Project
from git_datmo.storage import refs
from git_datmo.storage.index import Index, Record
from git_datmo.storage.objects import EMPTY_TREE

SETTING = "datmo.environment"
_HEX = re.compile(r"[0-9a-f]{4,40}")


class Found(NamedTuple):
    """An environment's id (a tree) and what is noted about it."""

    id: str
    record: Record | None


def find(project: Project, name: str) -> Found:
    """The environment called `name`: by its name, its id, or the unique beginning of that.

    Deleted ones are found by their whole id only. Raises EnvironmentDoesNotExist, AmbiguousId,
    InvalidArgumentType.
    """
    if not isinstance(name, str):
        raise InvalidArgumentType(f"an environment is named by text, not {type(name).__name__}")
    index = catalogue.refresh(project)
    called = named(index, name)
    if called:
        return _only(name, [Found(record.tree or "", record) for record in called])
    wanted = name.lower()
    if _HEX.fullmatch(wanted):
        if len(wanted) == 40:
            whole = _whole(project, index, wanted)
            if whole is not None:
                return whole
        found = {record.tree or "": record for record in kept(index)}
        ids = {oid for oid in (found.keys() | _by_ref(project)) if oid.startswith(wanted)}
        ids = ids or {oid for oid in _used(index) if oid.startswith(wanted)}
        hidden = {record.tree for record in kept(index, deleted=True) if record.deleted}
        if ids - hidden:
            return _only(name, [Found(oid, found.get(oid)) for oid in sorted(ids - hidden)])
    raise EnvironmentDoesNotExist(
        f"there is no environment '{name}'", hint="'git datmo environment ls' lists them"
    )


def deleted(project: Project, name: str) -> Record | None:
    """The deleted environment that a name, an id or its beginning means. Raises AmbiguousId."""
    gone = [r for r in kept(catalogue.refresh(project), deleted=True) if r.deleted]
    wanted = name.lower()
    found = [r for r in gone if r.doc.get("name") == name] or [
        r for r in gone if _HEX.fullmatch(wanted) and (r.tree or "").startswith(wanted)
    ]
    if len(found) > 1:
        _only(name, [Found(record.tree or "", record) for record in found])
    return found[0] if found else None


def named(index: Index, name: str) -> list[Record]:
    """The living environments with a name."""
    return [record for record in kept(index) if record.doc.get("name") == name]


def kept(index: Index, *, deleted: bool = False) -> list[Record]:
    """Every environment that somebody created, newest first."""
    return list(index.select(ENVIRONMENT, include_hidden=True, include_deleted=deleted))


def used(project: Project, index: Index) -> Iterator[str]:
    """The ids of the environments that snapshots brought, once each, nothing noted about them."""
    known = {record.tree for record in kept(index, deleted=True)}
    for oid in dict.fromkeys([*_used(index), *_by_ref(project)]):
        if oid not in known and oid != EMPTY_TREE:
            yield oid


def value(project: Project, found: Found, current: str | None) -> Environment:
    """What is known of an environment, for people. Raises InvalidDocument, DamagedObject."""
    record = found.record
    definition = environments.read(project, found.id)
    return Environment(
        id=found.id,
        kind=definition.kind,
        files=definition.paths,
        name=(record.doc.get("name") or None) if record is not None else None,
        description=(record.doc.get("description") or None) if record is not None else None,
        created_at=_time(record.created) if record is not None else None,
        packages=definition.packages,
        current=found.id == current,
        kept=record is not None and not record.deleted,
    )


def listed(record: Record, current: str | None) -> Environment:
    """The same as far as a list needs it, from the index alone."""
    doc = record.doc
    return Environment(
        id=record.tree or "",
        kind=str(doc.get("kind", "")),
        files=tuple(doc.get("files", ())),
        name=doc.get("name") or None,
        description=doc.get("description") or None,
        created_at=_time(record.created),
        current=record.tree == current,
    )


def chosen(project: Project) -> str | None:
    """What the settings choose: a name or an id; None where the project's files decide."""
    return project.repository.config.get(SETTING) or None


def current(project: Project) -> str | None:
    """The id of the environment that the settings choose, None without one that is here."""
    name = chosen(project)
    if name is None:
        return None
    try:
        return find(project, name).id
    except (EnvironmentDoesNotExist, AmbiguousId):
        return None


def _whole(project: Project, index: Index, oid: str) -> Found | None:
    for record in kept(index, deleted=True):
        if record.tree == oid:
            return Found(oid, record)
    objects = project.repository.objects
    is_tree = objects.has(oid) and objects.kind(oid) == "tree"
    if is_tree and any(entry == b"environment.json" for entry, _, _ in objects.tree(oid)):
        return Found(oid, None)
    return None


def _by_ref(project: Project) -> set[str]:
    common = project.repository.common_dir
    names = [*refs.read(common, layout.OWN).found, *refs.read(common, layout.REMOTES).found]
    return {name.rpartition("/")[2] for name in names if "/environments/" in name}


def _used(index: Index) -> Iterable[str]:
    return dict.fromkeys(
        record.environment
        for record in index.select(SNAPSHOT, include_hidden=True)
        if record.environment
    )


def _only(name: str, found: list[Found]) -> Found:
    if len(found) == 1:
        return found[0]
    listed = ", ".join(item.id[:12] for item in found[:8]) + (", …" if len(found) > 8 else "")
    raise AmbiguousId(
        f"'{name}' could be {len(found)} environments: {listed}",
        candidates=[item.id for item in found],
        hint="name one of them by its id, or by enough of its beginning",
    )


def _time(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, tz=UTC)
