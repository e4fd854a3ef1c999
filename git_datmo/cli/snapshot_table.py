"""Snapshots as rows of a list and as documents."""

from __future__ import annotations

from typing import Any

from git_datmo.cli.table import by_columns


def table_of(
    found: list[Any], columns: str | None, details: bool, *, exact: bool
) -> tuple[list[str], list[dict[str, Any]]]:
    """The names and the rows of a list of snapshots; `columns` are keys."""
    from git_datmo.ui.rows import local_time

    if columns is not None:
        return by_columns(found, columns, lambda item: as_dict(item) or {})
    names = ["id", "created at", "config", "stats", "message", "label"]
    if details:
        names += ["session", "code id", "environment id", "file collection id", "author"]
    size = None if exact or details else 12
    rows = [
        {
            "id": item.id[:size],
            "created at": item.created_at.isoformat() if exact else local_time(item.created),
            "config": item.config or None,
            "stats": item.stats or None,
            "message": item.message if exact else item.message.partition("\n")[0],
            "label": item.label,
            "session": item.session,
            "code id": item.code_id,
            "environment id": item.environment_id,
            "file collection id": item.file_collection_id,
            "author": item.author,
        }
        for item in found
    ]
    return names, rows


def as_dict(item: Any) -> dict[str, Any] | None:
    """A snapshot as the document that `--json` prints."""
    if item is None:
        return None
    shown: dict[str, Any] = item.to_dict()
    shown["created_at"] = item.created_at.isoformat()
    shown["config"], shown["stats"] = dict(item.config), dict(item.stats)
    return shown
