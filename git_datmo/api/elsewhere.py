"""Runs that ended without being recorded here, recorded from what they left: a folder that was
copied from another machine, or was written by another program."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from git_datmo.api import lookup, protocol, run_lookup
from git_datmo.api.adoption import tend
from git_datmo.api.user import NOBODY, User
from git_datmo.errors import Purged, RunUnderWay, ValidationFailed
from git_datmo.model import document
from git_datmo.model.expression import Compare
from git_datmo.model.ids import new_nonce
from git_datmo.model.run import ENDED, INLINE, Run
from git_datmo.records import catalogue, chain, layout, purged, runs
from git_datmo.records.kinds import RUN
from git_datmo.records.parts import stored
from git_datmo.records.project import Project
from git_datmo.storage.objects import BLOB
from git_datmo.storage.treediff import Leaf


def find(project: Project, *, alternative_name: str, user: User = NOBODY) -> Run | None:
    """The run of this alternative name, under way or recorded; one that died is recorded now."""
    if project.initialized:
        tend(project, user)
    index = catalogue.refresh(project)
    for run in run_lookup.under_way(project, lookup.Names(index)):
        if run.alternative_name == alternative_name:
            return run
    named = Compare(("alternative_name",), "==", alternative_name)
    record = next(iter(index.select(RUN, where=named, include_hidden=True, limit=1)), None)
    return run_lookup.value_of(project, record.id) if record is not None else None


def record(
    project: Project,
    *,
    name: str,
    alternative_name: str,
    status: str,
    points: Sequence[bytes] = (),
    log: Path | None = None,
    created: int | None = None,
    ended: int | None = None,
    config: Mapping[str, Any] | None = None,
    labels: Sequence[str] = (),
    description: str = "",
    platform: Mapping[str, Any] | None = None,
    git: Mapping[str, Any] | None = None,
    used: Sequence[Mapping[str, Any]] = (),
    generated: Sequence[Mapping[str, Any]] = (),
    reason: str | None = None,
    run_id: str | None = None,
    was: str | None = None,
    user: User = NOBODY,
) -> Run:
    """Record a run that is over, without any snapshot: what code it ran is not known here.

    `points` are lines of metrics, `log` is the file of what it printed, times are in milliseconds
    since 1970. The run that is recorded under this alternative name already is returned as it is,
    so that doing it again changes nothing. `was` is what it was recorded as once: purged, it is
    not recorded again.
    Raises ProjectNotInitialized, IdentityMissing, RunUnderWay, ValidationFailed for a status that
    is not an end, InvalidArgumentType for a config that cannot be stored, Purged.
    """
    project.require_initialized()
    if status not in ENDED:
        raise ValidationFailed(f"a run that is over has no status '{status}'")
    known = find(project, alternative_name=alternative_name, user=user)
    if known is not None:
        if known.commit is None:
            raise RunUnderWay(f"the run {known.id[:12]} has not ended yet")
        return known
    if was is not None and was in purged.known(catalogue.refresh(project)):
        raise Purged(f"{alternative_name} was purged: it is not recorded again")
    said = _said(points)
    created = time.time_ns() // 1_000_000 if created is None else created
    facts: dict[str, Any] = {
        "id": run_id if run_id and layout.is_run_id(run_id) else new_nonce(),
        "type": INLINE,
        "runner": "elsewhere",
        "status": status,
        "reason": reason,
        "created": created,
        "started": created,
        "ended": ended,
        "duration": None if ended is None else round((ended - created) / 1000, 3),
        "config": document.decode(document.encode(dict(config or {}))),
        "stats": said.last,
        "metrics": said.metrics,
        "platform": dict(platform or {}),
        "git": dict(git or {}),
        "used": [dict(one) for one in used],
        "generated": [dict(one) for one in generated],
        "alternative_name": alternative_name,
    }
    session = lookup.session_of(project, None)
    with chain.writing(project) as writer:
        parts = _parts(project, said, log)
        oid = runs.write(project, facts, parts, [])
        writer.mention(oid)
        writer.ref(runs.ref(facts["id"]), oid)
        note: dict[str, Any] = {"session": session, "message": name}
        note |= {"labels": list(labels)} if labels else {}
        note |= {"description": description} if description else {}
        writer.note(oid, set=note)
    return run_lookup.value_of(project, oid, notices=tuple(said.notices))


def _said(points: Sequence[bytes]) -> protocol.Said:
    """The points as a task would have written them."""
    with tempfile.TemporaryDirectory(prefix="git-datmo-") as folder:
        (Path(folder) / "metrics.jsonl").write_bytes(b"".join(points))
        return protocol.read(Path(folder), None)


def _parts(project: Project, said: protocol.Said, log: Path | None) -> dict[bytes, Leaf]:
    parts: dict[bytes, Leaf] = {b"log": (BLOB, project.repository.objects.write_blob(b""))}
    with tempfile.TemporaryDirectory(prefix="git-datmo-") as folder:
        for kind, data in said.lines.items():
            path = Path(folder) / f"{kind}.jsonl"
            path.write_bytes(data)
            parts[f"metrics/{kind}.jsonl".encode()] = stored(project, path)
    if log is not None and log.is_file():
        parts[b"log"] = stored(project, log)
    return parts
