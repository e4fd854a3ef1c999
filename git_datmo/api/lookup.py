"""From what a user typed to the one object that is meant."""

from __future__ import annotations

import os
import re
from typing import IO, Any

from git_datmo.errors import (
    AmbiguousId,
    InvalidArgumentType,
    SessionDoesNotExist,
    SnapshotNotFound,
)
from git_datmo.model.snapshot import Facts, Snapshot
from git_datmo.records import catalogue, layout
from git_datmo.records.kinds import RUN, SESSION, SNAPSHOT
from git_datmo.records.project import Project
from git_datmo.storage.index import Index, Record
from git_datmo.storage.index.record import plain

_HEX = re.compile(r"[0-9a-f]{4,40}")
_VISITED = re.compile(r"@\{-(\d+)\}")
HISTORY = 100


def snapshot(project: Project, name: str | None) -> Record:
    """The snapshot that `name` means: an id or its unique prefix, a label, `latest`, `@{-1}`
    (the one you were on before), or a git revision that one stands on.

    Raises ProjectNotInitialized, SnapshotNotFound, AmbiguousId (with the candidates),
    InvalidArgumentType.
    """
    if name is not None and not isinstance(name, str):
        raise InvalidArgumentType(f"a snapshot is named by text, not by {type(name).__name__}")
    project.require_known()
    index = catalogue.refresh(project)
    if not name:
        raise SnapshotNotFound("no snapshot was named")
    record = _special(project, index, name) or _by_id(index, name) or _by_label(index, name)
    record = record or _by_revision(project, index, name)
    if record is None:
        raise SnapshotNotFound(
            f"no snapshot has the id, label or name '{name}'",
            hint="'git datmo snapshot ls' lists them",
        )
    return record


def _special(project: Project, index: Index, name: str) -> Record | None:
    if name == "latest":
        record = index.latest(SNAPSHOT, visible=True)
        if record is None:
            raise SnapshotNotFound("there is no snapshot yet", hint="git datmo snapshot -m 'first'")
        return record
    match = _VISITED.fullmatch(name)
    if match is None:
        return None
    seen = visited(project)
    number = int(match[1]) + 1
    if number > len(seen):
        raise SnapshotNotFound(f"you have not been on {number} snapshots here yet")
    return index.get(seen[-number])


def _by_id(index: Index, name: str) -> Record | None:
    if not _HEX.fullmatch(name.lower()):
        return None
    found = index.find_prefix(name.lower(), SNAPSHOT)
    if len(found) > 1:
        raise _ambiguous(name, found)
    return index.get(found[0]) if found else None


def _by_label(index: Index, name: str) -> Record | None:
    found = index.find_label(name, SNAPSHOT)
    if len(found) > 1:
        raise _ambiguous(name, found)
    return index.get(found[0]) if found else None


def _by_revision(project: Project, index: Index, name: str) -> Record | None:
    if name.startswith("-") or "\0" in name:
        return None
    code, out, _ = project.repository.git.attempt(
        "rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}"
    )
    if code != 0:
        return None
    commit = out.decode().strip()
    record = index.get(commit)
    if record is not None and record.kind == SNAPSHOT:
        return record
    tree = project.repository.objects.commit(commit).tree
    found = list(index.select(SNAPSHOT, tree=tree, include_hidden=True, limit=1))
    return found[0] if found else None


def _ambiguous(name: str, found: list[str]) -> AmbiguousId:
    listed = ", ".join(oid[:12] for oid in found[:8]) + (", …" if len(found) > 8 else "")
    return AmbiguousId(
        f"'{name}' could be {len(found)} snapshots: {listed}",
        candidates=found,
        hint="name one of them by its id, or by enough of its beginning",
    )


def session(project: Project, name: str) -> Record | None:
    """The session named `name`, or with that id or prefix; None only for `default`, unmade.

    Raises SessionDoesNotExist, AmbiguousId.
    """
    index = catalogue.refresh(project)
    for record in sessions(index):
        if record.doc.get("name") == name or record.id == name:
            return record
    if name in (layout.DEFAULT_SESSION, layout.DEFAULT_SESSION_ID):
        return None
    if _HEX.fullmatch(name):
        found = [r for r in sessions(index) if r.id.startswith(name)]
        if len(found) == 1:
            return found[0]
        if found:
            raise AmbiguousId(
                f"'{name}' could be several sessions", candidates=[r.id for r in found]
            )
    raise SessionDoesNotExist(
        f"there is no session '{name}'", hint="'git datmo session ls' lists them"
    )


def sessions(index: Index) -> list[Record]:
    """Every living session that was ever written down, newest first."""
    return list(index.select(SESSION, include_hidden=True))


def session_of(project: Project, name: str | None) -> str:
    """The id of a session by name or id; of the current one for None."""
    chosen = name if name is not None else current_session(project)
    record = session(project, chosen)
    return record.id if record is not None else layout.DEFAULT_SESSION_ID


def current_session(project: Project) -> str:
    """The id (or `default`) of the session selected in this clone."""
    return project.repository.config.get("datmo.session") or layout.DEFAULT_SESSION


def model_id(index: Index) -> str:
    """The project's id: the first one any clone gave it, so all agree."""
    record = index.get(layout.PROJECT_ID)
    ids = record.doc.get("ids") if record is not None else None
    if not ids:
        return layout.PROJECT_ID
    return str(min(ids.items(), key=lambda item: (item[1], item[0]))[0])


class Names:
    """Session names and the project's id, looked up once for many snapshots."""

    def __init__(self, index: Index) -> None:
        self.model_id = model_id(index)
        self._sessions = {layout.DEFAULT_SESSION_ID: layout.DEFAULT_SESSION}
        for record in index.select(SESSION, include_hidden=True, include_deleted=True):
            self._sessions[record.id] = str(record.doc.get("name") or "")

    def ids(self) -> dict[str, str]:
        """The ids of the sessions by their names."""
        return {name: oid for oid, name in self._sessions.items()}

    def session(self, oid: str | None) -> str:
        return self._sessions.get(oid or "", oid or "")


def value(project: Project, record: Record, names: Names, **made: Any) -> Snapshot:
    """The public value of an index record."""

    def opener(mode: str) -> list[IO[Any]]:
        from git_datmo.api import content

        return content.open_files(project, record.id, mode)

    def maker() -> str | None:
        index = catalogue.refresh(project)
        found = index.find_text(("after_id",), record.id, RUN)
        first = index.get(found[-1]) if found else None
        said = record.doc.get("run") if first is None else first.doc.get("run_id")
        return said if isinstance(said, str) else None

    return Snapshot(facts(record, names), opener=opener, maker=maker, **made)


def facts(record: Record, names: Names) -> Facts:
    """The stored fields of an index record."""
    doc = record.doc
    return Facts(
        id=record.id,
        created=record.created,
        tree=record.tree or "",
        code_id=str(doc.get("code_id", "")),
        environment_id=str(doc.get("environment_id", "")),
        file_collection_id=str(doc.get("file_collection_id", "")),
        parent=doc.get("parent"),
        author=record.author or "",
        message=record.message or "",
        label=record.label,
        session_id=record.session or "",
        session=names.session(record.session),
        model_id=names.model_id,
        visible=record.visible,
        deleted=record.deleted,
        config=decoded(doc.get("config")),
        stats=decoded(doc.get("stats")),
    )


def decoded(value: object) -> dict[str, object]:
    """A stored document as plain values."""
    found = plain(value)
    return found if isinstance(found, dict) else {}


def visited(project: Project) -> list[str]:
    """The snapshots this work tree was on, the present one last."""
    try:
        return (project.repository.git_dir / "datmo" / "visited").read_text("ascii").split()
    except (OSError, UnicodeDecodeError):
        return []


def tree_of_last(project: Project) -> str | None:
    """The tree of the snapshot that this work tree was on last."""
    seen = visited(project)
    record = project.index.get(seen[-1]) if seen else None
    return record.tree if record is not None else None


def visit(project: Project, oid: str) -> None:
    """Note that this work tree is now on a snapshot."""
    seen = visited(project)
    if seen[-1:] == [oid]:
        return
    path = project.repository.git_dir / "datmo" / "visited"
    temporary = path.with_name(f"visited.{os.getpid()}")
    try:
        temporary.write_text("\n".join([*seen, oid][-HISTORY:]) + "\n", "ascii")
        os.replace(temporary, path)
    except OSError:
        temporary.unlink(missing_ok=True)
