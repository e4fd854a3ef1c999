"""Making a snapshot: capture, environment, config and stats, then one commit and one note."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from git_datmo.api import lookup, settings, surroundings
from git_datmo.api.state import State, of_code, of_work_tree
from git_datmo.api.surroundings import User
from git_datmo.errors import (
    MutuallyExclusiveArguments,
    RequiredArgumentMissing,
    SnapshotNotFound,
    ValidationFailed,
)
from git_datmo.model import document
from git_datmo.model.snapshot import Snapshot
from git_datmo.records import chain, environments, layout, snapshots
from git_datmo.records.kinds import SNAPSHOT
from git_datmo.records.project import Project
from git_datmo.storage import refs
from git_datmo.storage.index import Index, Record
from git_datmo.storage.treediff import Finder, Leaf


def create(
    project: Project,
    *,
    message: str | None = None,
    label: str | None = None,
    session_id: str | None = None,
    code_id: str | None = None,
    commit_id: str | None = None,
    environment_id: str | None = None,
    environment_def: str | None = None,
    environment_paths: Sequence[str] = (),
    file_collection_id: str | None = None,
    filepaths: Sequence[str] = (),
    paths: Sequence[str] = (),
    config: Mapping[str, Any] | None = None,
    config_filename: str | None = None,
    config_filepath: str | None = None,
    stats: Mapping[str, Any] | None = None,
    stats_filename: str | None = None,
    stats_filepath: str | None = None,
    include_secrets: bool = False,
    visible: bool = True,
    user: User = surroundings.NOBODY,
    progress: Callable[[int], None] | None = None,
) -> Snapshot:
    """Record the present state as a snapshot, or return the one that already holds it.

    A state is the work tree (or `code_id` / `commit_id`), the environment, config and stats.
    When a snapshot of the same state exists, the message and label become operations on it and
    a hidden one becomes visible. `paths` are `src>dest` or plain paths of files to take along
    from anywhere; `filepaths` is their older name. Relative paths start from `user.folder`, else
    from the top of the work tree. `progress` is told bytes of large content.
    Raises what the parts raise: RequiredArgumentMissing, MutuallyExclusiveArguments,
    IdentityMissing, ProjectNotInitialized, and so on; then nothing was recorded.
    """
    project.require_initialized()
    _ = project.identity  # Before any work: without a name nothing can be recorded.
    home = project.repository.needs_work_tree("take a snapshot")
    _check(message, label, visible, code_id, commit_id, file_collection_id, filepaths, paths)
    session = lookup.session_of(project, session_id)
    base = user.folder or home
    found = {
        kind: settings.gather(kind, home, base, given=given, filename=name, filepath=path)
        for kind, given, name, path in (
            ("config", config, config_filename, config_filepath),
            ("stats", stats, stats_filename, stats_filepath),
        )
    }
    named = {
        "environment_id": environment_id,
        "environment_def": environment_def,
        "environment_paths": environment_paths,
    }
    if code_id or commit_id:
        found_state = of_code(project, code_id or "", commit_id, user, named, file_collection_id)
    else:
        found_state = of_work_tree(
            project,
            user,
            named,
            extra=[(base, text) for text in (*filepaths, *paths)]
            + [(home, text) for text in project.repository.config.all("datmo.paths")],
            collection=file_collection_id,
            include_secrets=include_secrets,
            count_ignored=visible,
            progress=progress,
        )
    return record(project, found_state, message, label, session, found, visible=visible)


def _check(
    message: str | None,
    label: str | None,
    visible: bool,
    code_id: str | None,
    commit_id: str | None,
    collection: str | None,
    filepaths: Sequence[str],
    paths: Sequence[str],
) -> None:
    if message is None and visible:
        raise RequiredArgumentMissing(
            "a snapshot needs a message", hint="git datmo snapshot -m 'what this state is'"
        )
    for what, text in (("message", message), ("label", label)):
        if text is not None and not isinstance(text, str):
            raise ValidationFailed(f"{what} must be text, not {type(text).__name__}")
    for name, value in (("paths", paths), ("filepaths", filepaths)):
        if isinstance(value, str):
            raise ValidationFailed(f"{name} must be a list of paths, not one text")
    if code_id and commit_id:
        raise MutuallyExclusiveArguments("code_id and commit_id exclude each other")
    if filepaths and paths:
        raise MutuallyExclusiveArguments("filepaths and paths are one thing: give one of them")
    if collection and (filepaths or paths):
        raise MutuallyExclusiveArguments("file_collection_id and paths exclude each other")


def record(
    project: Project,
    state: State,
    message: str | None,
    label: str | None,
    session: str,
    found: Mapping[str, dict[str, Any]],
    *,
    visible: bool,
) -> Snapshot:
    """Write a state as a snapshot, or note what is new on the one that holds it."""
    wanted = {kind: document.dumps(document.encode(value)) for kind, value in found.items()}
    with chain.writing(project) as writer:
        existing = _same(writer.index, state, wanted)
        changes: dict[str, Any] = {}
        if existing is not None:
            changes = _news(existing, message, label, session, visible)
            if changes:
                writer.note(existing.id, set=changes)
            oid = existing.id
        else:
            oid = _commit(project, writer, state, message or "")
            first: dict[str, Any] = {"message": message or "", "session": session}
            first |= {kind: value for kind, value in found.items() if value}
            if label:
                first["label"] = label
            if not visible:
                first["visible"] = False
            writer.note(oid, set=first)
            retire(project, writer, state.environment.id)
    lookup.visit(project, oid)
    index = project.index
    made = index.get(oid)
    if made is None:
        raise SnapshotNotFound(f"the snapshot {oid} was written and cannot be read back")
    return lookup.value(
        project,
        made,
        lookup.Names(index),
        is_new=existing is None,
        recorded=tuple(changes),
        notices=state.notices,
    )


def _same(index: Index, state: State, wanted: Mapping[str, bytes]) -> Record | None:
    for candidate in index.select(
        SNAPSHOT, tree=state.tree, environment=state.environment.id, include_hidden=True
    ):
        if all(document.dumps(candidate.doc.get(k, {})) == wanted[k] for k in wanted):
            return candidate
    return None


def _news(
    existing: Record, message: str | None, label: str | None, session: str, visible: bool
) -> dict[str, Any]:
    changes: dict[str, Any] = {}
    if not visible:
        return changes
    if message is not None and message != existing.message:
        changes["message"] = message
    if label and label != existing.label:
        changes["label"] = label
    if not existing.visible:
        changes["visible"] = True
        if session != existing.session:
            changes["session"] = session
    return changes


def _commit(project: Project, writer: chain.Writer, state: State, message: str) -> str:
    finder = Finder(project.repository.objects.tree, state.tree)
    files: dict[bytes, Leaf] = {}
    for path in state.files:
        leaf = finder(path)
        if leaf is not None:
            files[path] = leaf
    code, collection = snapshots.split(project, state.tree, files, state.environment.definitions)
    parent = parent_of(project, state.commit or "HEAD")
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
    if len(around) >= limit + max(10, limit // 4):
        found = [writer.index.get(name.rpartition("/")[2]) for name in held]
        needed = {environments.ref(r.environment or "") for r in found if r is not None}
        for name in around.keys() - needed - {environments.ref(environment)}:
            writer.ref(name, None)
    if len(held) < limit + max(10, limit // 4):
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
