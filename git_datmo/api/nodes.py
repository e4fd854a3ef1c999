"""What the things in folders are: records that are here, and what is said of runs under way."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from git_datmo.api import fetching, lookup
from git_datmo.model import folder as model
from git_datmo.model.folder import Node, Path, text_of
from git_datmo.records import catalogue
from git_datmo.records.kinds import ARTIFACT, RUN
from git_datmo.records.project import Project
from git_datmo.remotes import live
from git_datmo.remotes.folders import SELF, Listing
from git_datmo.storage.index import Record

TITLES = {RUN: "Run", ARTIFACT: "Artifact"}


class Known:
    """What the things at a remote are. What is not known here is fetched, once."""

    def __init__(self, project: Project, remote: str, url: str) -> None:
        self._project, self._remote, self._url = project, remote, url
        self._live: dict[str, dict[str, Any]] = {}
        self._fetched = remote == SELF

    def owner(self, oid: str, there: Listing) -> str | None:
        """The alternative name of what a commit there is."""
        self._learn([oid], there)
        return self._node((), oid).alternative_name

    def nodes(self, there: Listing, found: dict[Path, str | None]) -> list[Node]:
        """What lies at some paths; None is a folder. Folders first, by name."""
        self._learn([oid for oid in found.values() if oid is not None], there)
        listed = [
            Node(text_of(path), model.FOLDER) if oid is None else self._node(path, oid)
            for path, oid in found.items()
        ]
        return sorted(listed, key=lambda node: (node.kind != model.FOLDER, node.path))

    def _learn(self, oids: Iterable[str], there: Listing) -> None:
        oids = set(oids)
        if not oids:
            return
        index = catalogue.refresh(self._project)
        new = {oid for oid in oids if oid not in self._live and index.get(oid) is None}
        flying = sorted(new & set(there.live.values()))
        for seen in live.read(self._project, self._url, flying):
            self._live[seen.id] = {**seen.said, "run_id": seen.run_id}
        if new - set(flying) and not self._fetched:
            self._fetched = True
            fetching.fetch(self._project, self._remote)

    def _node(self, path: Path, oid: str) -> Node:
        text = text_of(path)
        if oid in self._live:
            return live_node(text, oid, self._live[oid])
        record = catalogue.refresh(self._project).get(oid)
        if record is None or record.kind not in TITLES:
            return Node(text, model.OTHER, oid)
        return recorded_node(text, record)


def live_node(path: str, oid: str, said: dict[str, Any]) -> Node:
    """A run under way from what was said of it."""
    labels = said.get("labels")
    # One inside a task has ended before the task is recorded.
    status = _text(said.get("status")) or "running"
    return Node(
        path,
        model.RUN,
        oid,
        run_id=_text(said.get("run_id")),
        name=_text(said.get("name")),
        alternative_name=_text(said.get("alternative_name")),
        status=status,
        labels=tuple(str(one) for one in labels) if isinstance(labels, list) else (),
        description=_text(said.get("description")) or "",
        created=_time(said.get("created")),
        started=_time(said.get("created")),
        ended=_time(said.get("ended")),
        recorded=False,
        live=status == "running",
        updated=_time(said.get("updated")),
    )


def recorded_node(path: str, record: Record) -> Node:
    """A run or artifact from the index."""
    doc = lookup.decoded(record.doc)
    own = doc.get("metadata")
    said: dict[str, Any] = doc if record.kind == RUN or not isinstance(own, dict) else own
    labels = said.get("labels")
    return Node(
        path,
        model.RUN if record.kind == RUN else model.ARTIFACT,
        record.id,
        run_id=_text(doc.get("run_id")),
        name=name_of(record),
        alternative_name=_text(doc.get("alternative_name")),
        status=_text(doc.get("status")),
        labels=tuple(str(one) for one in labels) if isinstance(labels, (list, tuple)) else (),
        description=_text(said.get("description")) or "",
        created=record.created,
        started=_time(doc.get("started")),
        ended=_time(doc.get("ended")),
    )


def name_of(record: Record) -> str | None:
    """What a run or an artifact is called by its maker."""
    doc = lookup.decoded(record.doc)
    own = doc.get("metadata")
    if record.kind == ARTIFACT:
        named = own.get("name") if isinstance(own, dict) else None
        return _text(named) or _text(doc.get("name"))
    return _text(doc.get("note")) or None


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _time(value: object) -> int | None:
    return value if type(value) is int and 0 <= value < 2**53 else None
