"""Sessions: create, select, update, delete, undelete, ls, names. `default` always exists."""

from __future__ import annotations

from git_datmo.api import lookup
from git_datmo.errors import AmbiguousId, Conflict, RequiredArgumentMissing, ValidationFailed
from git_datmo.model.session import Session
from git_datmo.records import catalogue, chain, layout
from git_datmo.records.kinds import SESSION, SNAPSHOT
from git_datmo.records.project import Project
from git_datmo.storage.index import Index, Record

MAX_NAME = 200


def create(project: Project, *, name: str | None = None, current: bool = True) -> Session:
    """Make a session, or return the one of this name; `current` selects it in this clone.

    Raises RequiredArgumentMissing, ValidationFailed (a name git or people cannot use).
    """
    project.require_initialized()
    wanted = _checked(name)
    _ = project.identity
    with chain.writing(project) as writer:
        oid = _named(writer.index, wanted)
        if oid is None:
            oid, first = _free(writer.index, wanted)
            project.repository.objects.write_blob(layout.session_blob(first))
            writer.note(oid, set={"session": first, "name": wanted, "deleted": False})
    if current:
        project.repository.config.set("datmo.session", oid)
    return _one(project, oid)


def ls(project: Project, *, deleted: bool = False) -> list[Session]:
    """Every session, the newest first, `default` last unless it was written down; with `deleted`
    those that are deleted, with the counts of their deleted snapshots.

    Raises ProjectNotInitialized.
    """
    project.require_known()
    index = catalogue.refresh(project)
    if deleted:
        return [_deleted_one(index, record) for record in _deleted(index)]
    chosen = lookup.session_of(project, None)
    found = [
        Session(
            r.id,
            str(r.doc.get("name") or ""),
            r.id == chosen,
            index.count(SNAPSHOT, session=r.id),
            r.created,
        )
        for r in lookup.sessions(index)
    ]
    default = layout.DEFAULT_SESSION_ID
    if all(session.id != default for session in found):
        count = index.count(SNAPSHOT, session=default)
        found.append(Session(default, layout.DEFAULT_SESSION, default == chosen, count))
    return found


def names(project: Project) -> dict[str, str]:
    """The names of all sessions by their ids, the newest first, `default` last unless it was
    written down. Raises ProjectNotInitialized."""
    project.require_known()
    found = lookup.sessions(catalogue.refresh(project))
    known = {record.id: str(record.doc.get("name") or "") for record in found}
    return {**known, layout.DEFAULT_SESSION_ID: known.get(layout.DEFAULT_SESSION_ID) or "default"}


def select(project: Project, *, name: str | None = None) -> Session:
    """Make a session the one that new snapshots here belong to.

    Raises RequiredArgumentMissing, SessionDoesNotExist.
    """
    project.require_initialized()
    if not name:
        raise RequiredArgumentMissing("select needs the name of a session")
    lookup.session(project, name)
    oid = lookup.session_of(project, name)
    project.repository.config.set("datmo.session", oid)
    return _one(project, oid)


def update(project: Project, session_id: str | None = None, *, name: str | None = None) -> Session:
    """Rename a session.

    Raises RequiredArgumentMissing, SessionDoesNotExist, Conflict (the name is taken, or `default`).
    """
    project.require_initialized()
    if not session_id:
        raise RequiredArgumentMissing("update needs the name or id of a session")
    wanted = _checked(name)
    record = lookup.session(project, session_id)
    if record is None or record.id == layout.DEFAULT_SESSION_ID:
        raise Conflict("the session 'default' always exists and keeps its name")
    _ = project.identity
    with chain.writing(project) as writer:
        taken = _named(writer.index, wanted)
        if taken is not None and taken != record.id:
            raise Conflict(f"there is a session '{wanted}' already")
        writer.note(record.id, set={"name": wanted})
    return _one(project, record.id)


def delete(project: Project, *, name: str | None = None) -> Session:
    """Delete a session and hide its snapshots; `default` is selected if it was the current one.

    Returns what was deleted, as it was. Raises RequiredArgumentMissing, SessionDoesNotExist,
    Conflict for `default`.
    """
    project.require_initialized()
    if not name:
        raise RequiredArgumentMissing("delete needs the name of a session")
    record = lookup.session(project, name)
    if record is None or record.id == layout.DEFAULT_SESSION_ID:
        raise Conflict("the session 'default' always exists and cannot be deleted")
    _ = project.identity
    gone = _one(project, record.id)
    if gone.current:
        project.repository.config.set("datmo.session", layout.DEFAULT_SESSION)
    with chain.writing(project) as writer:
        writer.note(record.id, set={"deleted": True})
        for snapshot in writer.index.select(SNAPSHOT, session=record.id, include_hidden=True):
            writer.note(snapshot.id, set={"deleted": True})
    return gone


def undelete(project: Project, *, name: str | None = None) -> Session:
    """Bring a deleted session back, with the snapshots that were deleted with it.

    Raises RequiredArgumentMissing, SessionDoesNotExist, AmbiguousId, Conflict when another one
    has its name now.
    """
    project.require_initialized()
    if not name:
        raise RequiredArgumentMissing("undelete needs the name or id of a session")
    _ = project.identity
    index = catalogue.refresh(project)
    gone = _deleted(index)
    found = [r for r in gone if r.doc.get("name") == name or r.id == name]
    found = found or [r for r in gone if len(name) >= 4 and r.id.startswith(name.lower())]
    if len(found) > 1:
        raise AmbiguousId(
            f"'{name}' could be several deleted sessions",
            candidates=[record.id for record in found],
            hint="name one of them by its id: git datmo session ls --deleted",
        )
    if not found:
        return _one(project, lookup.session_of(project, name))
    record = found[0]
    if _named(index, str(record.doc.get("name") or "")) is not None:
        raise Conflict(
            f"there is a session '{record.doc.get('name')}' again",
            hint="rename that one first: git datmo session update",
        )
    from git_datmo.api import undeletion

    since = undeletion.deleted_at(project, record.id)
    theirs = [
        each
        for each in _deleted_snapshots(index, record.id)
        if undeletion.deleted_at(project, each.id) >= since
    ]
    undeletion.revive(project, [record, *theirs])
    return _one(project, record.id)


def _deleted(index: Index) -> list[Record]:
    from git_datmo.api import undeletion

    chosen = index.select(
        SESSION, where=undeletion.DELETED, include_hidden=True, include_deleted=True
    )
    return list(chosen)


def _deleted_snapshots(index: Index, session: str) -> list[Record]:
    from git_datmo.api import undeletion

    chosen = index.select(
        SNAPSHOT,
        where=undeletion.DELETED,
        session=session,
        include_hidden=True,
        include_deleted=True,
    )
    return list(chosen)


def _deleted_one(index: Index, record: Record) -> Session:
    count = len(_deleted_snapshots(index, record.id))
    return Session(record.id, str(record.doc.get("name") or ""), False, count, record.created)


def _checked(name: str | None) -> str:
    if name is not None and not isinstance(name, str):
        raise ValidationFailed(f"a session's name must be text, not {type(name).__name__}")
    if not name or not name.strip():
        raise RequiredArgumentMissing("a session needs a name", hint="--name NAME")
    if len(name) > MAX_NAME or not name.isprintable():
        raise ValidationFailed(f"a session's name is up to {MAX_NAME} printable characters")
    return name.strip()


def _named(index: Index, name: str) -> str | None:
    if name == layout.DEFAULT_SESSION:
        return layout.DEFAULT_SESSION_ID
    return next((r.id for r in lookup.sessions(index) if r.doc.get("name") == name), None)


def _free(index: Index, name: str) -> tuple[str, str]:
    """The id for a new session, and the name it is derived from.

    A renamed session keeps the id of its first name, so that name gets a number.
    """
    first, number = name, 1
    while True:
        oid = layout.session_id(first)
        known = index.get(oid)
        if known is None or known.deleted:
            return oid, first
        number += 1
        first = f"{name} {number}"


def _one(project: Project, oid: str) -> Session:
    return next(s for s in ls(project) if s.id == oid)
