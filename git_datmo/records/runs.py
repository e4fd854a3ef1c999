"""A run as a commit: what it did lies in its tree, written once when it has ended.

The tree holds `run.json`, `log`, `metrics/<type>.jsonl` and `system.jsonl`; large ones are
pointers. Parents are the snapshots before and after.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from git_datmo.errors import DamagedObject
from git_datmo.model import document
from git_datmo.model.run import ENDED, Facts, command_text
from git_datmo.model.text import spelled
from git_datmo.records import layout, statement
from git_datmo.records.project import Project
from git_datmo.storage.objects import BLOB, EMPTY_TREE, Commit
from git_datmo.storage.treediff import Leaf

FILE = b"run.json"
MAX_BYTES = 16 * 1024 * 1024
# The year 9999 in milliseconds: no calendar goes much further.
LATEST = 253_370_764_800_000

# What of a run's facts is stored: the rest is said by its commit and its note.
_ELSEWHERE = frozenset(
    {"commit", "model_id", "session_id", "session", "author", "label", "message"}
    | {"visible", "deleted", "labels", "description"}
)
STORED = tuple(name for name in Facts.__dataclass_fields__ if name not in _ELSEWHERE)
_OIDS = ("environment_id", "before_id", "after_id")
_MAPS = ("built", "resources", "variables", "config", "stats", "results", "metrics", "git")
_LISTS = ("command", "data", "outputs", "skipped")
_RESOURCES = ("used", "generated")
SEVERAL = (*_LISTS, *_RESOURCES)


def is_run(commit: Commit) -> bool:
    """Whether a commit carries the trailers of a run."""
    return layout.carries(commit.message, "Datmo-Run")


def ref(run_id: str) -> str:
    """The ref of a run."""
    return layout.RUNS + run_id


def write(
    project: Project,
    facts: Mapping[str, Any],
    parts: Mapping[bytes, Leaf],
    parents: list[str],
) -> str:
    """Store a run's commit and return its id. `facts` are plain values by the names of
    `STORED`, `parts` the tree's other entries by path. Bytes of names become escapes."""
    objects = project.repository.objects
    kept = {name: spelled(facts[name]) for name in STORED if facts.get(name) not in (None, {}, ())}
    data = document.dumps({"format": statement.FORMAT, **kept}) + b"\n"
    changes: dict[bytes, Leaf | None] = {**parts, FILE: (BLOB, objects.write_blob(data))}
    author, seconds, offset = project.identity
    title = command_text(tuple(facts.get("command") or ())) or str(facts.get("type"))
    return objects.write_commit(
        tree=objects.patch_tree(EMPTY_TREE, changes),
        parents=parents,
        author=author,
        when=(seconds, offset),
        sign=project.sign,
        message=layout.message(
            title.replace("\0", "").partition("\n")[0][:200], {"Datmo-Run": str(facts["id"])}
        ),
    )


def facts(project: Project, commit: Commit) -> dict[str, Any]:
    """What a run's commit says of it, typed JSON. Raises DamagedObject, NewerFormat."""
    _, found = layout.trailers(commit.message)
    run_id = found.get("Datmo-Run", "")
    if not layout.is_run_id(run_id):
        raise DamagedObject(f"the trailer Datmo-Run of the run {commit.id} is no id")
    said = statement.read(project, commit, "run", limit=MAX_BYTES)
    if said.get("id") != run_id:
        raise DamagedObject(f"run.json of the run {commit.id} does not describe it")
    known = {name: said[name] for name in STORED if is_sound(name, said.get(name))}
    if known.get("status") not in ENDED or not isinstance(known.get("created"), int):
        raise DamagedObject(f"run.json of the run {commit.id} lacks its status or its time")
    known["run_id"] = known.pop("id")
    return known


def text(known: Mapping[str, Any]) -> str:
    """The command of a run's facts, as one would type it."""
    return command_text(tuple(known.get("command") or ()))


def is_sound(name: str, value: object) -> bool:
    """Whether a stored value has the type that readers count on: it may come from anywhere."""
    if value is None:
        return False
    if name in _OIDS:
        return isinstance(value, str) and layout.is_oid(value)
    if name == "rerun_of":
        return isinstance(value, str) and (layout.is_run_id(value) or layout.is_oid(value))
    if name == "metrics":
        # The last values by type and name.
        return isinstance(value, dict) and all(isinstance(of, dict) for of in value.values())
    if name in (*_MAPS, "platform"):
        return isinstance(value, dict)
    if name in _RESOURCES:
        return isinstance(value, list) and all(
            isinstance(item, dict) and isinstance(item.get("kind"), str) for item in value
        )
    if name == "continues":
        return isinstance(value, str) and layout.is_run_id(value)
    if name in ("visible", "deleted"):
        return type(value) is bool
    if name in (*_LISTS, "labels"):
        return isinstance(value, list) and all(isinstance(item, str) for item in value)
    if name in ("created", "started", "ended"):
        return type(value) is int and 0 <= value < LATEST
    if name in ("exit_code", "signal"):
        return type(value) is int and abs(value) < 2**53
    if name == "folder":
        # It is where a command starts: never outside of the tree that it is given.
        parts = value.split("/") if isinstance(value, str) else [".."]
        return value == "" or not ({"", ".", ".."} & {*parts} or "\0" in str(value))
    if name == "duration":
        return type(value) in (int, float) and abs(value) < LATEST  # type: ignore[arg-type]
    return isinstance(value, str)
