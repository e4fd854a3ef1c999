"""What t9k says of a run and how git-datmo says it: machine, repository, status, associations."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from git_datmo.compat.em import layout

if TYPE_CHECKING:
    from git_datmo.model.run import Facts
    from git_datmo.records.project import Project

RUNNING, COMPLETE, ERROR = "Running", "Complete", "Error"
KEYS: Final = (
    *("name", "labels", "description", "startTimestamp", "endTimestamp", "status"),
    *("alternativeName", "associations", "remote"),
)
_PLAIN = re.compile(r"[A-Za-z0-9_-]{1,200}")
_GONE = frozenset({"failed", "stopped", "timeout", "oom", "lost"})


def platform(known: Mapping[str, Any]) -> dict[str, Any]:
    """The contents of platform.yaml."""
    system = " ".join(str(known[key]) for key in ("system", "release", "machine") if key in known)
    found: dict[str, Any] = {
        "hostname": known.get("host"),
        "os": system or None,
        "python": known.get("python"),
        "pypkgs": dict(known.get("packages") or {}),
    }
    if known.get("framework"):
        found["framework"] = known["framework"]
    return found


def git(known: Mapping[str, Any], project: Project | None) -> dict[str, Any]:
    """The contents of git.yaml: the user's own repository, or nothing where there is none."""
    home = project.repository.work_tree if project is not None else None
    if home is None or home.parent.name == ".em":
        return {"entrypoint": known.get("entrypoint"), "repo_path": None}
    return {
        "repo_path": os.fspath(home),
        "remote_url": known.get("remote"),
        "branch": known.get("branch"),
        "commit": known.get("commit"),
        "is_dirty": known.get("dirty"),
        "entrypoint": known.get("entrypoint"),
    }


def status(known: str) -> str:
    """`Running`, `Complete` or `Error`."""
    return ERROR if known in _GONE else COMPLETE if known == "success" else RUNNING


def metadata(known: Facts) -> dict[str, Any]:
    """The contents of metadata.yaml for a run as it was recorded."""
    name = known.message.partition("\n")[0] or "run"
    started = known.started if known.started is not None else known.created
    return {
        "name": name,
        "labels": list(known.labels),
        "description": known.description,
        "startTimestamp": layout.stamp(started / 1000),
        "endTimestamp": None if known.ended is None else layout.stamp(known.ended / 1000),
        "status": status(known.status),
        "alternativeName": local_name(known.alternative_name, known.id),
        "associations": {
            "inputs": [association(record) for record in known.used],
            "outputs": [association(record) for record in known.generated],
        },
        "remote": [],
    }


def local_name(alternative: str | None, run_id: str) -> str:
    """What the local directory of a run is called: its alternative name, where that is one that
    t9k could have made. A stranger's may be anything, `../..` too."""
    fits = alternative is not None and _PLAIN.fullmatch(alternative) is not None
    return str(alternative) if fits else f"run_{run_id[:12]}"


def association(record: Mapping[str, Any]) -> dict[str, Any]:
    """The association that a recorded resource is."""
    if record.get("kind") == "artifact":
        named = f"{record.get('collection')}/{record.get('name')}:v{record.get('version')}"
        name = record.get("alternative_name") or named
        found = {"kind": "Artifact", "name": name, "id": record.get("id")}
        if record.get("local_dir"):
            found["localDir"] = record["local_dir"]
        return found
    return dict(record)


def associations(given: object) -> dict[str, list[dict[str, Any]]]:
    """Associations as they are kept, whatever old files call them. Raises TypeError."""
    if given is None:
        return {"inputs": [], "outputs": []}
    if not isinstance(given, Mapping):
        raise TypeError(f"associations are a mapping, not {type(given).__name__}")
    return {
        key: [dict(one) for one in given.get(key) or given.get(key[:-1]) or ()]
        for key in ("inputs", "outputs")
    }


def believable(told: object) -> dict[str, Any]:
    """Of what another machine says of its run, the parts that are what they have to be."""
    if not isinstance(told, Mapping):
        return {}
    times = ("startTimestamp", "endTimestamp")
    found: dict[str, Any] = {key: told[key] for key in times if isinstance(told.get(key), str)}
    marks = told.get("associations")
    if isinstance(marks, Mapping):
        found["associations"] = {
            key: [one for one in marks.get(key) or () if isinstance(one, Mapping)]
            for key in ("inputs", "outputs")
            if isinstance(marks.get(key), list)
        }
    return found
