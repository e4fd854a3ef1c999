"""A purge as text: what goes, what went, and who still holds it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from git_datmo.model.purge import Purge
from git_datmo.model.quantity import counted
from git_datmo.ui.escape import safe
from git_datmo.ui.rows import size

SHOWN = 10


def to_dict(done: Purge) -> dict[str, Any]:
    """The document that `--json` prints."""
    return {**asdict(done), "complete": done.complete}


def plan(found: Purge) -> Iterator[str]:
    """What a purge would take away."""
    if not found.purged:
        yield "Nothing new would be purged; what was purged before is looked for once more"
        return
    yield f"{counted(len(found.purged), 'object')} would be purged:"
    for row in found.purged[: SHOWN * 2]:
        why = "" if row.named else " (stands on one of them)"
        yield safe(f"  {row.kind} {row.id[:12]}  {row.message}{why}".rstrip())
    if len(found.purged) > SHOWN * 2:
        yield f"  and {len(found.purged) - SHOWN * 2} more"
    if found.files:
        yield f"and {counted(found.files, 'stored file')} ({size(found.size)}) that only they have"


def report(done: Purge) -> Iterator[str]:
    """What a purge did."""
    yield f"Purged {counted(len(done.purged), 'object')}" if done.purged else "Purged nothing new"
    if done.files:
        yield f"  freed {counted(done.files, 'stored file')} ({size(done.size)}) here"
    if done.absorbed:
        yield f"  took over the notes of {counted(len(done.absorbed), 'other clone')}"
    for remote in done.remotes:
        if remote.error is not None:
            yield safe(f"  {remote.remote}: NOT done: {remote.error}")
            continue
        text = f"  {remote.remote}: {counted(remote.refs, 'ref')} deleted"
        freed = f", {counted(remote.files, 'stored file')} ({size(remote.size)}) freed"
        yield safe(text + (freed if remote.files else ""))


def left(done: Purge) -> Iterator[str]:
    """Who still holds it, grouped by what that is."""
    if not done.holders:
        return
    yield "Still held by:"
    kinds = dict.fromkeys(holder.kind for holder in done.holders)
    for kind in kinds:
        listed = [holder for holder in done.holders if holder.kind == kind]
        for holder in listed[:SHOWN]:
            by = f", by {holder.by}" if holder.by else ""
            yield safe(f"  {kind}: {holder.where}{by}: {holder.advice}")
        if len(listed) > SHOWN:
            yield f"  {kind}: and {len(listed) - SHOWN} more (--json lists all)"
