"""What a gc freed, or would free, for people and as a document."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict

from git_datmo.model.freed import CONTENT, DAMAGED, LEAVING, PART, TEMPORARY, VIEW, Amount, Freed
from git_datmo.model.quantity import counted
from git_datmo.ui.escape import safe
from git_datmo.ui.rows import size

SHOWN = 20
_DAY = 86_400
_WHAT = {
    CONTENT: "nothing living mentions it",
    LEAVING: "a remote has it",
    PART: "part of a download",
    TEMPORARY: "left by a killed process",
    DAMAGED: "damaged, put aside",
    VIEW: "view of an artifact",
}


def to_dict(found: Freed) -> dict[str, object]:
    """The document that `--json` prints."""
    return {**asdict(found), "files": len(found.rows), "size": found.size, "kinds": found.kinds}


def render(found: Freed) -> Iterator[str]:
    """The files, largest first, then the sums."""
    rows = sorted(found.rows, key=lambda row: (-row.size, row.name))
    for row in rows[:SHOWN]:
        called = row.name if row.path is None else f"{row.path} of {(row.snapshot or '')[:12]}"
        age = f"{row.age / _DAY:.0f} days"
        yield safe(f"{size(row.size):>10}  {called}  ({_WHAT[row.kind]}, {age})")
    if len(rows) > SHOWN:
        rest = Amount(len(rows) - SHOWN, sum(row.size for row in rows[SHOWN:]))
        yield f"{size(rest.size):>10}  in {rest.files} more"
    verb = "Would free" if found.dry_run else "Freed"
    yield safe(f"{verb} {_files(Amount(len(rows), found.size))} at {found.place}")
    kept = (
        (found.needed, "needed"),
        (found.young, f"younger than the grace period of {found.grace / _DAY:g} days"),
        (found.only_copy, "of snapshots that may leave, but no remote is known to have them"),
    )
    for amount, why in kept:
        if amount.files:
            yield f"Kept {_files(amount)} {why}"


def question(found: Freed) -> str:
    """What is asked before it goes."""
    where = f"on '{found.remote}'" if found.remote else "in this clone"
    return f"Free {_files(Amount(len(found.rows), found.size))} {where}?"


def _files(amount: Amount) -> str:
    return f"{counted(amount.files, 'file')} ({size(amount.size)})"
