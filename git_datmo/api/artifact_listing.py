"""Reading artifacts: ls, inspect, and the names of collections."""

from __future__ import annotations

from itertools import islice
from typing import Unpack

from git_datmo.api import artifact_lookup, choice
from git_datmo.api.files import MOST_PATHS
from git_datmo.errors import Conflict, ValidationFailed
from git_datmo.model.artifact import Artifact, check_collection, parse_reference
from git_datmo.model.expression import And, Compare, Expr
from git_datmo.model.fields import parse_sort
from git_datmo.model.lineage import GENERATED, USED, VERSION
from git_datmo.records import artifacts, catalogue
from git_datmo.records.kinds import ARTIFACT, RUN
from git_datmo.records.project import Project
from git_datmo.storage import treediff
from git_datmo.storage.index import Index, Record
from git_datmo.storage.index.narrowing import Filters, Last


def inspect(project: Project, *, artifact: str) -> Artifact:
    """One version with its objects. Raises ArtifactNotFound, AmbiguousId, DamagedObject."""
    record = artifact_lookup.find(project, artifact)
    newest = artifact_lookup.newest(
        project.index, str(record.doc["collection"]), str(record.doc["name"])
    )
    return artifact_lookup.value(
        project,
        record,
        entries=tuple(artifacts.entries(project, record.tree or "")),
        latest=newest is not None and newest.id == record.id,
        made_by=_runs(project, record.id, GENERATED),
        used_by=_runs(project, record.id, USED),
    )


def require_few(project: Project, *, artifact: str) -> None:
    """Make sure in bounded time that the objects of a version can be looked at one by one.

    Raises Conflict where there are too many, ArtifactNotFound, AmbiguousId, DamagedObject.
    """
    record = artifact_lookup.find(project, artifact)
    files = artifacts.files_tree(project, record.tree or "")
    found = treediff.walk(project.repository.objects.tree, files)
    if next(islice(found, MOST_PATHS, None), None) is not None:
        raise Conflict(
            f"an artifact of more than {MOST_PATHS:,} objects is too large for a page",
            hint=f"git datmo artifact inspect {record.id[:12]}",
        )


def _runs(project: Project, oid: str, role: str) -> tuple[str, ...]:
    """The ids of the runs that name an object in a role, the oldest first."""
    index = project.index
    found = [
        record
        for other, stated, direction in index.edges(oid)
        if (stated, direction) == (role, "in") and (record := index.get(other)) is not None
    ]
    found.sort(key=lambda record: (record.created, record.id))
    return tuple(str(record.doc["run_id"]) for record in found if record.kind == RUN)


def ls(
    project: Project,
    *,
    name: str | None = None,
    collection: str | None = None,
    all: bool = False,
    deleted: bool = False,
    filter: str | None = None,
    where: str | None = None,
    label: str | None = None,
    remote: str | None = None,
    sort: str | None = None,
    limit: int | None = None,
    offset: int = 0,
) -> list[Artifact]:
    """The newest version of each artifact, with `all` every version; the latest made come first.

    `name` is an artifact, `[collection/]name`; `filter` a part of the message or label, `where` an
    expression such as `version > 3 and metadata.framework == "torch"`, `sort` keys such as
    `-size`, `label` one that they carry, `remote` one that had them when it was last asked (`.`:
    none has). `offset` passes over so many. Raises ProjectNotInitialized, QuerySyntaxError,
    ValidationFailed, EntityNotFound.
    """
    keys = parse_sort(sort) if sort else None
    if limit is not None and limit < 0:
        raise ValidationFailed(f"a listing cannot have {limit} rows")
    project.require_known()
    index = catalogue.refresh(project)
    chosen = choice.filters(
        project,
        index,
        ARTIFACT,
        filter=filter,
        where=where,
        label=label,
        remote=remote,
        deleted=deleted,
    )
    _narrow(index, chosen, name, collection, every=all, deleted=deleted)
    newest: dict[str, str] = {}

    def is_latest(record: Record) -> bool:
        title = str(record.doc["artifact"])
        if title not in newest:
            last = artifact_lookup.newest(
                index, str(record.doc["collection"]), str(record.doc["name"])
            )
            newest[title] = last.id if last is not None else ""
        return newest[title] == record.id

    found = index.select(ARTIFACT, **chosen, sort=keys, limit=limit, offset=offset)
    sure = chosen.get("last") is not None
    return [
        artifact_lookup.value(project, record, latest=sure or is_latest(record)) for record in found
    ]


def count(
    project: Project,
    *,
    name: str | None = None,
    collection: str | None = None,
    **asked: Unpack[choice.Asked],
) -> int:
    """How many artifacts `ls` would give without a limit. Raises what that does."""
    project.require_known()
    index = catalogue.refresh(project)
    chosen = choice.filters(project, index, ARTIFACT, **asked)
    every, deleted = asked.get("all", False), asked.get("deleted", False)
    _narrow(index, chosen, name, collection, every=every, deleted=deleted)
    if chosen.get("last") and not any(chosen.get(part) for part in ("where", "text", "noted")):
        return index.variety(ARTIFACT, ("artifact",))  # Each has one that is its newest.
    return index.count(ARTIFACT, **chosen)


def _narrow(
    index: Index,
    chosen: Filters,
    name: str | None,
    collection: str | None,
    *,
    every: bool,
    deleted: bool,
) -> None:
    """Add what is asked of artifacts alone to some filters."""
    parts: list[Expr] = []
    if collection is not None:
        parts.append(Compare(("collection",), "==", check_collection(collection)))
    if name is not None:
        names = [pair for pair in parse_reference(name).names if collection in (None, pair[0])]
        known = [pair for pair in names if artifact_lookup.newest(index, *pair, deleted=deleted)]
        meant = known[0] if known else names[-1] if names else (collection or "", name)
        parts.append(Compare(("artifact",), "==", artifacts.title(*meant)))
    where = chosen.get("where")
    if where is not None:
        parts.append(where)
    chosen["where"] = And(tuple(parts)) if parts else None
    chosen["include_hidden"], chosen["include_deleted"] = True, deleted
    if not (every or deleted):
        chosen["last"] = Last(("artifact",), ("version",), VERSION)


def collections(project: Project) -> list[str]:
    """The names of all collections that hold an artifact, sorted."""
    return list(tally(project))


def tally(project: Project) -> dict[str, int]:
    """How many versions each collection holds, by its name, sorted."""
    project.require_known()
    return dict(catalogue.refresh(project).tally(ARTIFACT, ("collection",)))
