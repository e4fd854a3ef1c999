"""What the index keeps of each noun: the fold of its notes, and what its git object says."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from git_datmo.model import document
from git_datmo.model.lineage import (
    AFTER,
    BEFORE,
    CONTINUES,
    GENERATED,
    RERUN,
    USED,
    VERSION,
)
from git_datmo.model.operation import Operation, fold
from git_datmo.records import artifacts, environments, layout, runs, snapshots
from git_datmo.records.kinds import ARTIFACT, ENVIRONMENT, PROJECT, RUN, SESSION, SNAPSHOT
from git_datmo.records.project import Project
from git_datmo.storage.index import Record


def record_of(project: Project, target: str, operations: Sequence[Operation]) -> Record | None:
    """What the index keeps of a noted object; None for an object that is no noun of ours.

    Raises DamagedObject when the object itself is missing or damaged, NewerFormat.
    """
    state = fold(operations)
    at_max = max(made.at for made in operations)
    created = min(made.at for made in operations) >> 12
    kept: dict[str, Any] = {"operations": len({made.line for made in operations})}
    tree = environment = author = None
    message = _text(state.get("message"))
    if target == layout.PROJECT_ID:
        kind = PROJECT
        said = state.get("ids")
        ids = said.items() if isinstance(said, dict) else ()
        kept |= {key: _text(state.get(key)) for key in ("name", "description")}
        kept["ids"] = {name: at for name, at in ids if type(at) is int and 0 <= at < 2**53}
    elif target == layout.session_id(str(state.get("session"))):
        kind = SESSION
        kept["name"] = _text(state.get("name")) or _text(state.get("session"))
    else:
        commit = project.repository.objects.commit(target)
        author = commit.author
        if snapshots.is_snapshot(commit):
            kind = SNAPSHOT
            known = snapshots.facts(commit)
            tree, environment = known["tree"], known["environment_id"]
            kept |= known
            kept["run"] = _text(state.get("run"))
            for key in ("config", "stats"):
                value = state.get(key)
                kept[key] = document.encode(value) if isinstance(value, dict) else {}
        elif runs.is_run(commit):
            kind = RUN
            known = runs.facts(project, commit)
            tree, environment = commit.tree, known.get("environment_id")
            # A run is as old as its beginning, unless that lies after its recording.
            created = min(created, int(known["created"]))
            kept |= known
            kept["note"], message = message, runs.text(known)
            labels = state.get("labels")
            if isinstance(labels, list):
                kept["labels"] = [text for text in labels if isinstance(text, str)]
            kept["description"] = _text(state.get("description")) or ""
        elif artifacts.is_artifact(commit):
            kind = ARTIFACT
            known = artifacts.facts(project, commit)
            known["previous"] = commit.parents[0] if commit.parents else None
            tree = commit.tree
            message = message if message is not None else str(known.pop("message", ""))
            kept |= known
        elif environments.is_environment(commit):
            kind = ENVIRONMENT
            tree = environment = commit.tree
            kept |= environments.facts(project, commit)
            kept |= {key: _text(state.get(key)) for key in ("name", "description")}
        else:
            return None
    return Record(
        id=target,
        kind=kind,
        created=created,
        visible=state.get("visible") is not False,
        deleted=state.get("deleted") is True,
        label=_text(state.get("label")),
        message=message,
        session=_text(state.get("session")),
        tree=tree,
        environment=environment,
        author=author,
        at_max=at_max,
        doc=kept,
        edges=tuple(stated(kind, kept)),
    )


def stated(kind: str, kept: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What a run or artifact says of others by its facts: (role, id)."""
    if kind == ARTIFACT and kept.get("previous"):
        yield VERSION, kept["previous"]
    if kind != RUN:
        return
    before, after = kept.get("before_id"), kept.get("after_id")
    if before:
        yield BEFORE, before
    if after and after != before:
        yield AFTER, after
    for role, key in ((RERUN, "rerun_of"), (CONTINUES, "continues")):
        if kept.get(key):
            yield role, kept[key]
    for role in (USED, GENERATED):
        for resource in kept.get(role) or ():
            oid = resource.get("id")
            if isinstance(oid, str) and (layout.is_oid(oid) or layout.is_run_id(oid)):
                yield role, oid


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None
