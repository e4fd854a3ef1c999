"""Environments: the rows of a list, the block of `inspect`, the document."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from git_datmo.model.environment import Environment, Template
from git_datmo.ui.escape import safe
from git_datmo.ui.rows import full_time, local_time
from git_datmo.ui.snapshot import SHORT
from git_datmo.ui.style import paint

COLUMNS = ("id", "name", "kind", "description", "created at", "current")
TEMPLATE_COLUMNS = ("framework", "type", "language", "image", "about")
LINES_SHOWN = 40


def to_dict(found: Environment) -> dict[str, Any]:
    """An environment as the document that `--json` prints; its contents as text, if it has them."""
    whole = dict(found.to_dict())
    if found.created_at is not None:
        whole["created_at"] = found.created_at.isoformat()
    if found.contents:
        whole["contents"] = {path: data.decode("utf-8", "replace") for path, data in found.contents}
    return whole


def row(found: Environment, *, exact: bool) -> dict[str, Any]:
    """One environment by column; `exact` for programs: the whole id, the time as ISO 8601."""
    created = None
    if found.created_at is not None:
        created = found.created_at.isoformat() if exact else local_time(_ms(found.created_at))
    return {
        "id": found.id if exact else found.id[:SHORT],
        "name": found.name,
        "kind": found.kind,
        "description": found.description,
        "created at": created,
        "current": found.current if exact else ("yes" if found.current else None),
    }


def template_row(found: Template) -> dict[str, Any]:
    """One ready environment by column."""
    return {name: getattr(found, name) for name in TEMPLATE_COLUMNS}


def title(found: Environment) -> str:
    """How a sentence names an environment: `'pytorch' (0123456789ab)`, or the short id alone."""
    return f"'{safe(found.name)}' ({found.id[:SHORT]})" if found.name else found.id[:SHORT]


def block(found: Environment, *, color: bool = False) -> Iterator[str]:
    """Everything about an environment; of each of its files at most LINES_SHOWN lines."""
    heading = paint(f"environment {found.id}", "yellow", color=color)
    if found.name:
        heading += f" ({paint(f'name: {safe(found.name)}', 'cyan', color=color)})"
    yield heading
    if found.created_at is not None:
        yield f"Date: {full_time(_ms(found.created_at))}"
    yield ""
    yield f"Kind     -> {safe(found.kind)}"
    if found.packages:
        yield f"Packages -> {len(found.packages)}"
    yield f"Current  -> {found.current}"
    if not found.kept:
        yield "Kept     -> False (only snapshots or runs have it, or it was deleted)"
    if found.description:
        yield ""
        text = safe(found.description.strip("\n"), multiline=True)
        yield from ("    " + line if line else "" for line in text.split("\n"))
    for path, data in found.contents:
        yield ""
        yield paint(safe(path), "bold", color=color)
        yield from _content(data)


def _content(data: bytes) -> Iterator[str]:
    if b"\0" in data:
        yield f"    {len(data)} bytes"
        return
    lines = data.decode("utf-8", "replace").splitlines()
    yield from ("    " + safe(line) if line else "" for line in lines[:LINES_SHOWN])
    if len(lines) > LINES_SHOWN:
        yield f"    … and {len(lines) - LINES_SHOWN} more lines"


def _ms(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)
