"""Versions of artifacts as rows of a list and as documents."""

from __future__ import annotations

from typing import Any

from git_datmo.cli.table import by_columns


def as_dict(item: Any) -> dict[str, Any]:
    """A version as the document that `--json` prints."""
    shown: dict[str, Any] = item.to_dict()
    shown["created_at"] = item.created_at.isoformat()
    shown["metadata"] = dict(item.metadata)
    return shown


def table_of(
    found: list[Any], columns: str | None, details: bool, *, exact: bool
) -> tuple[list[str], list[dict[str, Any]]]:
    """The names and the rows of a list of versions; `columns` are keys."""
    from git_datmo.ui.rows import local_time, size

    if columns is not None:
        return by_columns(found, columns, as_dict)
    names = ["artifact", "id", "created at", "files", "size", "metadata", "message", "label"]
    if details:
        names += ["references", "alternative name", "author"]
    length = None if exact or details else 12
    rows = [
        {
            "artifact": item.reference,
            "id": item.id[:length],
            "created at": item.created_at.isoformat() if exact else local_time(item.created),
            "files": item.files,
            "size": item.size if exact else size(item.size),
            "metadata": dict(item.metadata) or None,
            "message": item.message if exact else item.message.partition("\n")[0],
            "label": item.label,
            "references": item.references,
            "alternative name": item.alternative_name,
            "author": item.author,
        }
        for item in found
    ]
    return names, rows
