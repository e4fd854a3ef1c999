"""From what a user typed to the one run that is meant, and runs as values."""

from __future__ import annotations

import os
import re
from contextlib import suppress
from typing import IO, Any

from git_datmo.api import lookup
from git_datmo.api.underway import Underway
from git_datmo.errors import AmbiguousId, InvalidArgumentType, InvalidDocument, RunNotFound
from git_datmo.model import document
from git_datmo.model.expression import Compare
from git_datmo.model.run import Facts, Run
from git_datmo.records import catalogue, flights, runs
from git_datmo.records.flights import Flight
from git_datmo.records.kinds import RUN
from git_datmo.records.project import Project
from git_datmo.storage.index import Record

_HEX = re.compile(r"[0-9a-f]{4,40}")


def under_way(project: Project, names: lookup.Names | None = None) -> list[Run]:
    """The runs that are not recorded yet, newest first."""
    names = names or lookup.Names(catalogue.refresh(project))
    found = [_flying(project, flight, names) for flight in flights.listed(project)]
    return sorted((run for run in found if run is not None), key=lambda r: -int(r.created))


def resolve(project: Project, run_id: str | None) -> Run:
    """The run that a name means. Raises RunNotFound, AmbiguousId, InvalidArgumentType."""
    if run_id is not None and not isinstance(run_id, str):
        raise InvalidArgumentType(f"a run is named by text, not by {type(run_id).__name__}")
    project.require_known()
    if not run_id:
        raise RunNotFound("no run was named")
    index = catalogue.refresh(project)
    names = lookup.Names(index)
    flying = under_way(project, names)
    if run_id == "latest":
        record = index.latest(RUN, visible=True)
        if flying or record is not None:
            newest = value(project, record, names) if record is not None else flying[0]
            return max([newest, *flying], key=lambda run: int(run.created))
        raise RunNotFound("there is no run yet", hint="git datmo run -- python train.py")
    text = run_id.lower()
    # One is under way until its results lie in the work tree, and is recorded before that.
    recording = {run.id: run for run in flying}
    found = {run.id: run for run in flying if run.id.startswith(text) and len(text) >= 4}
    if _HEX.fullmatch(text):
        by_id = index.find_text(("run_id",), text, RUN) or index.find_prefix(text, RUN)
        for oid in by_id:
            record = index.get(oid)
            if record is not None:
                known = value(project, record, names)
                if known.id in recording:
                    found[known.id] = recording[known.id]
                    continue
                # Two commits may claim one id: that is for the user to see.
                found[oid if known.id in found else known.id] = known
    if not found:
        labelled = [index.get(oid) for oid in index.find_label(run_id, RUN)]
        known_so = [value(project, record, names) for record in labelled if record is not None]
        found = {run.id: run for run in (*known_so, *flying) if run.label == run_id}
    if not found:
        named = Compare(("alternative_name",), "==", run_id)
        # Whoever goes on with a run keeps its name: the newest is meant.
        latest = index.select(RUN, where=named, include_hidden=True, limit=1)
        again = [run for run in flying if run.alternative_name == run_id]
        found = {run.id: run for run in again[:1] or [value(project, r, names) for r in latest]}
    if not found:
        raise RunNotFound(
            f"no run has the id or label '{run_id}'", hint="'git datmo ls' lists them"
        )
    if len(found) > 1:
        listed = sorted(run.id for run in found.values())
        shown = ", ".join(name[:12] for name in listed[:8]) + (", …" if len(listed) > 8 else "")
        raise AmbiguousId(
            f"'{run_id}' could be {len(found)} runs: {shown}",
            candidates=listed,
            hint="name one of them by its id, or by enough of its beginning",
        )
    return next(iter(found.values()))


def find_value(project: Project, run_id: str) -> Run | None:
    """The run with this whole id, under way or recorded."""
    index = catalogue.refresh(project)
    names = lookup.Names(index)
    flight = flights.find(project, run_id)
    if flight is not None and (flying := _flying(project, flight, names)) is not None:
        return flying
    index = catalogue.refresh(project)
    for oid in index.find_text(("run_id",), run_id, RUN):
        record = index.get(oid)
        if record is not None:
            return value(project, record, names)
    return None


def value_of(project: Project, oid: str, **made: Any) -> Run:
    """The recorded run of a commit. Raises RunNotFound."""
    index = catalogue.refresh(project)
    record = index.get(oid)
    if record is None:
        raise RunNotFound(f"the run {oid} was written and cannot be read back")
    return value(project, record, lookup.Names(index), **made)


def with_notices(run: Run, notices: tuple[str, ...]) -> Run:
    """The same run with remarks for whoever asked for it."""
    run.notices = notices
    return run


def value(project: Project, record: Record, names: lookup.Names, **made: Any) -> Run:
    """The public value of an index record."""

    def reader(part: str) -> bytes:
        return read_part(project, record.id, part)

    def nearby(part: str) -> bytes:
        from git_datmo.api import files

        files.require(project, id=record.id, paths=[part])
        return reader(part)

    facts = _facts(record, names)

    def opener(mode: str) -> list[IO[Any]]:
        chosen = facts.after_id or facts.before_id
        from git_datmo.api import content

        return content.open_files(project, chosen, mode) if chosen else []

    return Run(facts, opener=opener, reader=reader, nearby=nearby, **made)


def read_part(project: Project, oid: str, part: str) -> bytes:
    """One part of a run's record; empty when it has none. Raises ContentMissing."""
    from git_datmo.records.pointers import pointer_at
    from git_datmo.storage.treediff import find

    objects = project.repository.objects
    leaf = find(objects.tree, objects.commit(oid).tree, os.fsencode(part))
    if leaf is None:
        return b""
    pointer = pointer_at(project, leaf[1])
    if pointer is None:
        return objects.blob(leaf[1])
    from git_datmo.api.content import Content

    with os.fdopen(Content(project, snapshots=[oid]).open(pointer), "rb") as file:
        return file.read()


def _facts(record: Record, names: lookup.Names) -> Facts:
    doc = lookup.decoded(record.doc)
    known = {name: doc[name] for name in runs.STORED if name in doc and name != "id"}
    for name in runs.SEVERAL:
        known[name] = tuple(known.get(name) or ())  # type: ignore[arg-type]
    return Facts(
        **{
            **known,  # type: ignore[arg-type]
            "id": str(doc["run_id"]),
            "commit": record.id,
            "model_id": names.model_id,
            "session_id": record.session or "",
            "session": names.session(record.session),
            "author": record.author or "",
            "message": str(doc.get("note") or ""),
            "label": record.label,
            "labels": tuple(doc.get("labels") or ()),  # type: ignore[arg-type]
            "description": str(doc.get("description") or ""),
            "visible": record.visible,
            "deleted": record.deleted,
        }
    )


def _chosen(run: Underway) -> dict[str, Any]:
    """The config that a run was given, as far as its folder can still tell."""
    with suppress(InvalidDocument):
        said = document.decode(run.live.get("config"))
        if isinstance(said, dict):
            return said
    return {}


def _flying(project: Project, flight: Flight, names: lookup.Names) -> Run | None:
    run = Underway.of(flight)
    if not run.facts:
        return None
    facts = run.public()
    from git_datmo.api import protocol  # Only where something runs.

    config, stats = protocol.stated(flight.task)
    known = {
        **facts.__dict__,
        "config": facts.config or {**_chosen(run), **config},
        "results": facts.results or stats,
        "model_id": names.model_id,
        "session": names.session(facts.session_id),
    }

    def reader(part: str) -> bytes:
        file = protocol.opened(flight.path / part)
        if file is None:
            return b""
        with file:
            return file.read()

    return Run(Facts(**known), reader=reader)
