"""Writing a state down: one commit and one note, or a note on the snapshot that holds it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from git_datmo.api import lookup
from git_datmo.api.state import State
from git_datmo.errors import Conflict, SnapshotNotFound
from git_datmo.model import document
from git_datmo.model.frozen import frozen
from git_datmo.model.snapshot import Snapshot
from git_datmo.records import chain, environments, layout, purged, snapshots
from git_datmo.records.kinds import SNAPSHOT
from git_datmo.records.project import Project
from git_datmo.storage import refs
from git_datmo.storage.index import Index, Record
from git_datmo.storage.treediff import Finder, Leaf


@frozen
class Words:
    """What is said of a state beside the state itself. `session` is an id, `run` that of the run
    which left the state. `usual` is the message of a new snapshot when there is no other. With
    `apart`, a snapshot that somebody gave other words stays as it is, and a second one is made."""

    session: str
    message: str | None = None
    label: str | None = None
    visible: bool = True
    config: Mapping[str, Any] | None = None
    stats: Mapping[str, Any] | None = None
    apart: bool = False
    run: str | None = None
    usual: str = ""


def record(project: Project, state: State, words: Words) -> Snapshot:
    """Write a state as a snapshot, or note what is new on the one that holds it."""
    with chain.writing(project) as writer:
        oid, is_new, changes = put(project, writer, state, words)
    lookup.visit(project, oid)
    index = project.index
    made = index.get(oid)
    if made is None:
        raise SnapshotNotFound(f"the snapshot {oid} was written and cannot be read back")
    return lookup.value(
        project,
        made,
        lookup.Names(index),
        is_new=is_new,
        recorded=changes,
        notices=state.notices,
    )


def put(
    project: Project, writer: chain.Writer, state: State, words: Words
) -> tuple[str, bool, tuple[str, ...]]:
    """The same inside a writing: the snapshot's id, whether it is new, the fields that changed."""
    found = {"config": words.config or {}, "stats": words.stats or {}}
    wanted = {kind: document.dumps(document.encode(value)) for kind, value in found.items()}
    existing = _same(writer.index, state, wanted, words)
    if existing is not None:
        changes = _news(existing, words)
        if changes:
            writer.note(existing.id, set=changes)
        return existing.id, False, tuple(changes)
    message = words.message or words.usual
    oid = _commit(project, writer, state, message)
    first: dict[str, Any] = {"message": message, "session": words.session}
    first |= {kind: value for kind, value in found.items() if value}
    if words.label:
        first["label"] = words.label
    if words.run:
        first["run"] = words.run
    if not words.visible:
        first["visible"] = False
    writer.note(oid, set=first)
    retire(project, writer, state.environment.id)
    return oid, True, ()


def _same(index: Index, state: State, wanted: Mapping[str, bytes], words: Words) -> Record | None:
    """The snapshot that holds all of it: the one it was made from, if that does."""
    found = [
        candidate
        for candidate in index.select(
            SNAPSHOT, tree=state.tree, environment=state.environment.id, include_hidden=True
        )
        if all(document.dumps(candidate.doc.get(k, {})) == wanted[k] for k in wanted)
        and not (words.apart and candidate.visible and candidate.message != words.message)
    ]
    return next((each for each in found if each.id == state.parent), next(iter(found), None))


def _news(existing: Record, words: Words) -> dict[str, Any]:
    changes: dict[str, Any] = {}
    if not words.visible:
        return changes
    if words.message is not None and words.message != existing.message:
        changes["message"] = words.message
    if words.label and words.label != existing.label:
        changes["label"] = words.label
    if not existing.visible:
        changes["visible"] = True
        if words.session != existing.session:
            changes["session"] = words.session
    return changes


def _commit(project: Project, writer: chain.Writer, state: State, message: str) -> str:
    finder = Finder(project.repository.objects.tree, state.tree)
    files: dict[bytes, Leaf] = {}
    for path in state.files:
        leaf = finder(path)
        if leaf is not None:
            files[path] = leaf
    code, collection = snapshots.split(project, state.tree, files, state.environment.definitions)
    parent = state.parent or parent_of(project, state.commit or "HEAD")
    if parent in purged.known(writer.index) and purged.takes_along(
        project.repository.objects, parent
    ):
        raise Conflict(
            f"the snapshot would not last: it stands on what was purged ({parent[:12]})",
            hint="check out another commit, and 'git cherry-pick' what you want to keep",
        )
    oid = snapshots.write(
        project,
        tree=state.tree,
        parents=[parent] if parent else [],
        message=message,
        code=code,
        environment=state.environment.id,
        files=collection,
        paths=snapshots.collapse(project, state.tree, set(files)),
    )
    writer.mention(oid)
    writer.ref(layout.SNAPSHOTS + oid, oid)
    commit = state.environment.commit
    if commit is not None:
        name, index = environments.ref(state.environment.id), writer.index
        same = index.select(
            SNAPSHOT, environment=state.environment.id, include_hidden=True, limit=5
        )
        # A ref that is there may have been fetched: only our own snapshots tell what we carry.
        if not any(index.has_note(layout.LOCAL_TIP, record.id) for record in same):
            writer.mention(commit)
        if refs.read_one(project.repository.common_dir, name) != commit:
            writer.ref(name, commit)
    return oid


def retire(project: Project, writer: chain.Writer, environment: str) -> None:
    """Let go of our oldest unlabelled snapshot refs, and of environments, but for this one,
    that no snapshot with a ref needs; the chain carries what they held.
    """
    common, limit = project.repository.common_dir, project.max_refs
    around = refs.read(common, layout.ENVIRONMENTS).found
    held = refs.read(common, layout.SNAPSHOTS).found
    if len(around) >= limit + max(5, limit // 4):
        found = [writer.index.get(name.rpartition("/")[2]) for name in held]
        needed = {environments.ref(r.environment or "") for r in found if r is not None}
        for name in around.keys() - needed - {environments.ref(environment)}:
            writer.ref(name, None)
    if len(held) < limit + max(5, limit // 4):
        return
    records = [writer.index.get(name.rpartition("/")[2]) for name in held]
    kept = sorted((r for r in records if r is not None), key=lambda r: (bool(r.label), r.created))
    for old in kept[: max(0, len(held) + 1 - limit)]:
        if not old.label:
            writer.ref(layout.SNAPSHOTS + old.id, None)


def parent_of(project: Project, start: str = "HEAD") -> str | None:
    """The commit a new snapshot stands on, `start` or before it: `datmo.parent` = head, pushed
    or none.
    """
    choice = project.repository.config.choice("datmo.parent", ("head", "pushed", "none"))
    git = project.repository.git
    if choice == "none":
        return None
    code, out, _ = git.attempt("rev-parse", "--verify", "--quiet", f"{start}^{{commit}}")
    if code != 0:
        return None
    head = out.decode().strip()
    if choice == "head":
        return head
    listed = git.run("rev-list", "--boundary", head, "--not", "--remotes").decode().split()
    if not listed:
        return head
    edge = [line[1:] for line in listed if line.startswith("-")]
    return edge[0] if edge else None
