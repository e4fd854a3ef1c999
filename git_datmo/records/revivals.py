"""What was deleted and lives again: its content may never have been delivered, or was freed.

Whoever brought it back may not have the content, so whoever made it looks for it at each place
with the next push there. Kept in the index; a new index has no memory of deliveries either.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from git_datmo.storage.index import Index, Record, Update

KEY = "revived"


def follow(index: Index, update: Update, target: str, record: Record | None) -> None:
    """Take note of an object that a new reading of its notes, as `record`, has brought back."""
    before = index.get(target) if record is not None and not record.deleted else None
    if before is not None and before.deleted:
        update.set_meta(KEY, json.dumps([*_listed(index), target]))


def since(index: Index, place: str) -> tuple[list[str], int]:
    """What was brought back since `place` was last delivered to, and what to remember then."""
    found = _listed(index)
    return list(dict.fromkeys(found[int(index.meta(f"{KEY}:{place}") or 0) :])), len(found)


def delivered(update: Update, place: str, count: int) -> None:
    """Remember how much of it was looked for at a place."""
    update.set_meta(f"{KEY}:{place}", str(count))


def _listed(index: Index) -> list[str]:
    return list(json.loads(index.meta(KEY) or "[]"))
