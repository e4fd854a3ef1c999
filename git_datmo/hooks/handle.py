"""What git tells a hook, as values. Acting on it is for the verbs."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from git_datmo.errors import ValidationFailed
from git_datmo.model.frozen import frozen

# What marks an operation of many steps -> its name. hooks/post-commit tests for the same.
UNDER_WAY = {
    "rebase-merge": "rebase",
    "rebase-apply": "rebase",
    "CHERRY_PICK_HEAD": "cherry-pick",
    "REVERT_HEAD": "revert",
    "sequencer": "cherry-pick",
    "BISECT_LOG": "bisect",
}

_OID = rb"(?:[0-9a-f]{40}|[0-9a-f]{64})"
# The local side may be an expression with blanks in it: 'HEAD@{2 days ago}'.
_UPDATE = re.compile(rb"(.+) (%s) (refs/[^ ]+) (%s)" % (_OID, _OID))


@frozen
class RefUpdate:
    """One ref that a push is about to move. Names are bytes, as git has them.

    `local_ref` is what the user named, `(delete)` for a deletion, whose `local_oid` is zeros;
    `remote_oid` is zeros when the remote has no such ref yet.
    """

    local_ref: bytes
    local_oid: str
    remote_ref: bytes
    remote_oid: str


def parse_pre_push(data: bytes) -> Sequence[RefUpdate]:
    """Read what git gives to pre-push on standard input. Raises ValidationFailed."""
    updates = []
    for line in data.removesuffix(b"\n").split(b"\n") if data else []:
        match = _UPDATE.fullmatch(line)
        if match is None:
            raise ValidationFailed(f"git does not write such a line to pre-push: {line!r}")
        local_ref, local_oid, remote_ref, remote_oid = match.groups()
        updates.append(RefUpdate(local_ref, local_oid.decode(), remote_ref, remote_oid.decode()))
    return updates


def in_progress(git_dir: Path) -> str | None:
    """The operation of many steps that is under way in a work tree, if one is.

    Its commits are not worth a snapshot each. `git_dir` is the work tree's own git directory.
    A revert of several commits is told from a cherry-pick by its list of what is to do.
    """
    name = next((name for mark, name in UNDER_WAY.items() if (git_dir / mark).exists()), None)
    if name == "rebase" and (git_dir / "rebase-apply" / "applying").exists():
        return "am"
    todo = git_dir / "sequencer" / "todo"
    if name == "cherry-pick" and todo.exists() and todo.read_bytes().startswith(b"revert"):
        return "revert"
    return name
