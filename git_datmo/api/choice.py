"""What a listing is asked for, as filters of the index."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypedDict, Unpack

from git_datmo.api import lookup
from git_datmo.errors import EntityNotFound, ValidationFailed
from git_datmo.model.expression import And, Compare, Expr, Or
from git_datmo.model.fields import Path
from git_datmo.records import layout
from git_datmo.records.kinds import RUN
from git_datmo.records.project import Project
from git_datmo.storage.index import Index
from git_datmo.storage.index.narrowing import Filters, Noted

HERE = "."
"""As a remote: what no remote was seen to have."""

NAMED = ("message", "label", "labels", "note", "alternative_name")
"""Where a run's text is looked for: its command is its message here, its message its note."""

RUN_KEYS: Mapping[Path, Path] = {
    ("id",): ("run_id",),
    ("message",): ("note",),
    ("command_text",): ("message",),
}
"""Keys of runs that the index has under another name: there a run is its commit, whose message is
the command."""


class Asked(TypedDict, total=False):
    """What a listing is asked for, its order and length aside; what each verb says of it holds."""

    session_id: str | None
    all: bool
    deleted: bool
    filter: str | None
    where: str | None
    label: str | None
    status: str | None
    remote: str | None


def filters(project: Project, index: Index, kind: str, **asked: Unpack[Asked]) -> Filters:
    """The filters of the index for what a listing is asked for.

    Raises SessionDoesNotExist, QuerySyntaxError, ValidationFailed, EntityNotFound, and TypeError
    for a choice that there is not.
    """
    unknown = asked.keys() - Asked.__annotations__
    if unknown:
        raise TypeError(f"a listing has no choice called {', '.join(sorted(unknown))}")
    session_id, filter, where = asked.get("session_id"), asked.get("filter"), asked.get("where")
    label, status, remote = asked.get("label"), asked.get("status"), asked.get("remote")
    every, deleted = asked.get("all", False), asked.get("deleted", False)
    if filter is not None and not isinstance(filter, str):
        raise ValidationFailed(f"filter must be text, not {type(filter).__name__}")
    session = lookup.session_of(project, session_id) if session_id is not None else None
    parts: list[Expr] = []
    if deleted:
        parts.append(Compare(("deleted",), "==", True))
    if status is not None:
        parts.append(Compare(("status",), "==", status))
    if label is not None:
        labelled: Expr = Compare(("label",), "==", label)
        if kind == RUN:
            labelled = Or((labelled, Compare(("labels",), "contains", label)))
        parts.append(labelled)
    text = filter
    # Most runs of code have no command: people know them by what is said of them.
    if kind == RUN and text and text.isprintable():
        parts.append(Or(tuple(Compare((name,), "contains", text) for name in NAMED)))
        text = None
    if where:
        from git_datmo.api import filters as texts

        said = texts.read(where, lookup.Names(index).ids())
        parts.append(texts.renamed(said, RUN_KEYS) if kind == RUN else said)
    return {
        "where": And(tuple(parts)) if len(parts) > 1 else parts[0] if parts else None,
        "text": text,
        "session": session,
        "noted": None if remote is None else _noted(project, remote),
        "include_hidden": every or deleted,
        # All runs are all that ever were, all snapshots the automatic ones too.
        "include_deleted": deleted or (every and kind == RUN),
    }


def _noted(project: Project, remote: str) -> Noted:
    """What a remote had when it last was fetched from or pushed to. Raises EntityNotFound."""
    from git_datmo.remotes import places

    if remote == HERE:
        return Noted(layout.REMOTES, wanted=False)
    if remote not in places.remotes(project):
        raise EntityNotFound(f"there is no remote '{remote}'", hint="git remote -v")
    return Noted(f"{layout.tracking(remote)}notes/")
