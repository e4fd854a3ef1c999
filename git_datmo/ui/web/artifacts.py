"""Artifacts: collections, the table of them, the versions of one, and a version by itself."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from git_datmo.api import artifact as artifact_api
from git_datmo.api import artifact_listing, files
from git_datmo.api import session as sessions
from git_datmo.api.labels import labels
from git_datmo.api.remotes import having
from git_datmo.api.remotes import names as remotes
from git_datmo.errors import ArtifactNotFound, DatmoError
from git_datmo.model.artifact import REFERENCE, Artifact, Entry
from git_datmo.model.diff import ArtifactDiff
from git_datmo.model.document import flatten
from git_datmo.model.fields import Path
from git_datmo.ui.escape import safe
from git_datmo.ui.rows import key, literal, local_time, size
from git_datmo.ui.web import answers, differences, forms, graphs, tables
from git_datmo.ui.web.address import Choices, choices, to
from git_datmo.ui.web.desk import project_of
from git_datmo.ui.web.fileaddress import file_address
from git_datmo.ui.web.tables import Cell

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from git_datmo.records.project import Project

KEYS = 8
ENTRIES = 500
RECENT = 50
_ID = re.compile(r"[0-9a-f]{40}")
FACTS: tuple[Path, ...] = tuple(
    (name,)
    for name in (
        *("message", "label", "alternative_name", "author", "collection", "name", "version"),
        *("id", "deleted", "latest"),
    )
)
FIELDS = (
    ("q", "Text", "message or label", 18),
    ("where", "Where", 'size > 1000000 and metadata.framework == "torch"', 38),
)
SWITCHES = {"all": "every version", "deleted": "only deleted"}


def page(request: Request) -> Response:
    """Artifacts of one collection or all, the newest version of each, or every one."""
    project, asked = project_of(request), choices(request)
    known = artifact_api.tally(project)
    chosen = asked.one("collection")
    return answers.page(
        request,
        "artifacts.html",
        title="Artifacts",
        collections=[(name, count, asked.link(collection=name)) for name, count in known.items()],
        chosen=chosen,
        **_table(project, asked, known, collection=chosen),
    )


def named(request: Request) -> Response:
    """One artifact: its versions, and how two of them differ."""
    return _named(request, request.path_params["collection"], request.path_params["name"])


def _named(request: Request, collection: str, name: str) -> Response:
    project, asked = project_of(request), choices(request)
    title = f"{collection}/{name}"
    wanted: dict[str, Any] = {"collection": collection, "name": title}
    recent = artifact_api.ls(project, all=True, limit=RECENT, **wanted)
    recent = recent or artifact_api.ls(project, deleted=True, limit=RECENT, **wanted)
    if not recent or recent[0].name != name:
        raise ArtifactNotFound(f"there is no artifact '{title}'")
    newest = next((one for one in recent if one.latest), recent[0])
    before, after = asked.one("before"), asked.one("after")
    if not before and len(recent) > 1:
        before, after = next(one.id for one in recent if one.id != newest.id), newest.id
    shown = dict[str, Any]()
    if before:
        shown["diff"] = _difference(project, before, after or newest.id)
    return answers.page(
        request,
        "artifact.html",
        title=title,
        newest=newest,
        versions=[(one.id, f"v{one.version}") for one in recent],
        before=before,
        after=after or newest.id,
        **_table(project, asked, {}, collection=collection, name=title, every=True),
        **shown,
    )


def version(request: Request) -> Response:
    """One version: what is in it, who made it and who used it."""
    project, wanted = project_of(request), request.path_params["id"]
    if not _ID.fullmatch(wanted):
        return _named(request, "id", wanted)  # A collection may be called so.
    artifact_listing.require_few(project, artifact=wanted)
    found = artifact_api.inspect(project, artifact=wanted)
    earlier = artifact_api.ls(
        project, name=f"{found.collection}/{found.name}", all=True, where=_before(found), limit=1
    )
    shown = dict[str, Any]()
    if earlier:
        shown["diff"] = _difference(project, earlier[0].id, found.id)
    asked = choices(request)
    first = (asked.page - 1) * ENTRIES
    return answers.page(
        request,
        "version.html",
        title=found.reference,
        artifact=found,
        entries=[_entry(project, found, one) for one in found.entries[first : first + ENTRIES]],
        first=first + 1,
        metadata=[(key(k), literal(v)) for k, v in flatten(dict(found.metadata)).items()],
        lineage=graphs.view(project, found.id),
        address_of=graphs.address_of,
        at=having(project, found.id),
        remotes=remotes(project),
        session=sessions.names(project).get(found.session_id),
        **shown,
    )


def _before(found: Artifact) -> str:
    return f"version < {found.version}"


def _table(
    project: Project,
    asked: Choices,
    known: Mapping[str, int],
    *,
    collection: str | None = None,
    name: str | None = None,
    every: bool = False,
) -> dict[str, Any]:
    """A table of artifacts and the form above it."""
    wanted: dict[str, Any] = {
        "name": name,
        "collection": collection,
        "all": every or asked.flag("all"),
        "deleted": asked.flag("deleted"),
        "filter": asked.one("q"),
        "where": asked.one("where"),
        "label": asked.one("label"),
        "remote": asked.one("remote"),
    }
    part = tables.part_of(asked, lambda **cut: artifact_api.ls(project, **wanted, **cut))
    total = part.count(lambda: artifact_api.count(project, **wanted))
    documents = [one.to_dict() for one in part.found]
    paths = part.columns
    if paths is None:
        paths = [("message",), *tables.keys_of(documents, "metadata")[:KEYS]]
    options = ((one, f"{one} ({count})") for one, count in known.items())
    switches = {"deleted": SWITCHES["deleted"]} if every else SWITCHES
    form = forms.form(
        asked,
        fields=FIELDS,
        selects=(
            forms.select(asked, "collection", "Collection", options if known else ()),
            forms.remotes(asked, remotes(project)),
        ),
        switches=switches,
        labels=labels(project, kind="artifact"),
        keys=[*FACTS, *tables.keys_of(documents, "metadata")],
        shown=paths,
    )
    shown = _rows(documents, paths, asked, total, every=every)
    return {"form": form, "table": shown, "problem": part.problem, "status": part.status}


def _rows(
    documents: Sequence[Mapping[str, Any]],
    paths: Sequence[Path],
    asked: Choices,
    total: int,
    *,
    every: bool,
) -> tables.Table:
    heads = [
        *([] if every else [tables.head("artifact", "artifact", asked)]),
        tables.head("version", "version", asked),
        tables.head("files", "files", asked, numeric=True),
        tables.head("size", "size", asked, numeric=True),
        tables.head("made", "created", asked),
    ]

    def first(one: Mapping[str, Any]) -> list[Cell]:
        address = to("artifacts", "id", one["id"])
        marks = [name for name in ("latest", "deleted") if one[name]] if every else []
        label = f" {one['label']}" if one["label"] else ""
        mark = f" ({', '.join(marks)})" if marks else ""
        counts = [f"{one['files']:,}"] if one["files"] or not one["references"] else []
        counts += [f"{one['references']:,} elsewhere"] if one["references"] else []
        cells = [
            Cell(safe(f"v{one['version']}{label}{mark}"), address, title=one["id"], kind="quiet"),
            Cell(" + ".join(counts), kind="number"),
            Cell(size(one["size"]), kind="number", title=f"{one['size']:,} bytes"),
            Cell(local_time(one["created"]), kind="quiet"),
        ]
        if every:
            return cells
        name = f"{one['collection']}/{one['name']}"
        return [Cell(tables.cut(name), to("artifacts", one["collection"], one["name"])), *cells]

    return tables.by_paths(documents, paths, asked, first, heads, total=total)


def _entry(project: Project, found: Artifact, entry: Entry) -> dict[str, Any]:
    """An object as a row: an address elsewhere is text, nobody should follow it by mistake."""
    inside = entry.mode != REFERENCE
    here = entry.size is None or files.look(project, id=found.id, path=entry.path).here
    return {
        "path": entry.path,
        "address": file_address(found.id, entry.path) if inside else None,
        "raw": file_address(found.id, entry.path, raw=True)
        if here and entry.size is not None
        else None,
        "here": here,
        "uri": entry.uri,
        "size": entry.size,
        "mode": entry.mode,
        "md5": entry.md5,
    }


def _difference(
    project: Project, before: str, after: str
) -> tuple[dict[str, Any] | None, DatmoError | None]:
    """How two versions differ, or why that cannot be said."""
    try:
        for each in (before, after):
            artifact_listing.require_few(project, artifact=each)
        return _parts(artifact_api.diff(project, before=before, after=after)), None
    except DatmoError as error:
        return None, error


def _parts(diff: ArtifactDiff) -> dict[str, Any]:
    named = (
        *(("Metadata", diff.metadata), ("References", diff.uris)),
        ("Attributes", diff.attributes),
    )
    return {
        "names": diff.references,
        "files": [differences.moved(change, diff.after) for change in diff.files],
        "settings": [(name, differences.settings(changes)) for name, changes in named if changes],
        "empty": diff.empty,
    }
