"""Runs and artifacts of t9k.em as people read them."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from git_datmo.model.folder import ARTIFACT, RUN, Node, Placed
from git_datmo.model.quantity import counted
from git_datmo.ui.escape import safe
from git_datmo.ui.rows import key, literal, local_time, size
from git_datmo.ui.style import paint

STATUS = {"running": "Running", "preparing": "Running", "success": "Complete", None: ""}
OBJECTS_SHOWN = 50
_DETAILS = ("platform", "git", "remote")


def columns(nodes: Sequence[Node], *, details: bool) -> list[str]:
    """The columns of a list of runs, of artifacts, or of both and folders."""
    kinds = {node.kind for node in nodes}
    names = ["name"]
    if len(kinds) > 1 or not kinds <= {RUN, ARTIFACT}:
        names.append("kind")
    if RUN in kinds:
        names += ["status", "started", "duration"]
    if details or kinds == {ARTIFACT}:
        names += ["alternative name", "labels"]
    return [*names, "created"] if ARTIFACT in kinds else names


def row(node: Node) -> dict[str, Any]:
    """One of them by column."""
    return {
        "name": (node.title if node.path.startswith("/") else node.name) or node.title,
        "kind": node.kind.capitalize(),
        "status": status_of(node),
        "started": _moment(node.started),
        "duration": _duration(node),
        "alternative name": node.alternative_name,
        "labels": ", ".join(node.labels),
        "created": _moment(node.created),
    }


def status_of(node: Node) -> str:
    """The status in t9k's words; of a run that says nothing any more, that too."""
    if node.kind != RUN:
        return ""
    if node.is_dead:
        return f"Error (silent for {int(node.silent) // 60} min)"
    return STATUS.get(node.status, "Error")


def block(known: Mapping[str, Any], *, details: bool, color: bool) -> Iterator[str]:
    """One run or artifact, or what lies in a folder."""
    said = dict(known["node"])
    said.pop("title", None)
    node = Node(**{**said, "labels": tuple(said["labels"])})
    yield paint(f"{node.kind} {safe(node.name or node.title)}", "bold", color=color)
    rows = [
        ("Path", node.path),
        ("Alternative name", node.alternative_name),
        ("Id", node.run_id or node.id),
        ("Status", status_of(node) or None),
        ("Labels", ", ".join(node.labels) or None),
        ("Description", node.description or None),
        ("Created" if node.kind == ARTIFACT else "Started", _moment(node.started or node.created)),
        ("Duration", _duration(node)),
    ]
    yield from (f"  {name:<17} {safe(str(value))}" for name, value in rows if value)
    for name in ("hyperparameters", *(_DETAILS if details else ())):
        yield from _section(name, known.get(name))
    yield from _metrics(known.get("metrics") or {})
    yield from _section("associations", known.get("associations"))
    yield from _objects(known.get("objects") or [])
    for one in known.get("inside") or []:
        yield f"  {safe(one['title'])}  {one['kind']}"


def sent_document(local: str, placed: Placed | None) -> dict[str, Any]:
    """What became of one local directory, for programs."""
    if placed is None:
        return {"local": local, "path": None}
    return {"local": local, "path": placed.path, "id": placed.id, "host": placed.host}


def sent_line(local: str, placed: Placed | None) -> str:
    """What became of one local directory."""
    if placed is None:
        return f"Skipped {safe(local)}: its name is taken"
    return f"Uploaded {safe(local)} to {safe(placed.path)} on {safe(placed.host)}"


def _section(name: str, value: Any) -> Iterator[str]:
    if not value:
        return
    yield f"{name.capitalize()}:"
    if isinstance(value, Mapping):
        yield from (f"  {key(inner)}: {literal(item)}" for inner, item in value.items())
    else:
        yield from (f"  {literal(item)}" for item in value)


def _metrics(metrics: Mapping[str, Any]) -> Iterator[str]:
    if metrics:
        yield "Metrics:"
    for kind, known in metrics.items():
        points = f" ({counted(known['points'], 'point')})" if "points" in known else ""
        last = ", ".join(f"{key(name)} {literal(value)}" for name, value in known["last"].items())
        yield f"  {key(kind)}{points}: {last}"


def _objects(objects: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    if objects:
        yield "Objects:"
    for one in objects[:OBJECTS_SHOWN]:
        amount = one.get("size_bytes", one.get("size"))
        told = safe(str(one["uri"])) if one.get("uri") else "" if amount is None else size(amount)
        yield f"  {safe(str(one['path']))}  {told}".rstrip()
    if len(objects) > OBJECTS_SHOWN:
        yield f"  and {len(objects) - OBJECTS_SHOWN} more"


def _moment(ms: int | None) -> str | None:
    return local_time(ms) if ms is not None else None


def _duration(node: Node) -> str | None:
    if node.kind != RUN or node.started is None:
        return None
    last = node.updated if node.is_dead else None
    ended = node.ended or last or (time.time() * 1000 if node.status == "running" else None)
    if ended is None:
        return None
    seconds = max(0.0, (ended - node.started) / 1000)
    hours, rest = divmod(int(seconds), 3600)
    if hours:
        return f"{hours}h {rest // 60}m"
    return f"{rest // 60}m {rest % 60}s" if rest >= 60 else f"{seconds:.1f}s"
