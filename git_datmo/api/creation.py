"""Making a snapshot: capture, environment, config and stats, then one commit and one note."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from git_datmo.api import content, lookup, settings, surroundings
from git_datmo.api.surroundings import Surroundings, User
from git_datmo.errors import (
    CommitDoesNotExist,
    MutuallyExclusiveArguments,
    PathDoesNotExist,
    RequiredArgumentMissing,
    SnapshotNotFound,
    ValidationFailed,
)
from git_datmo.model import document
from git_datmo.model.paths import parse_mapping
from git_datmo.model.snapshot import Snapshot
from git_datmo.records import chain, environments, layout, snapshots
from git_datmo.records.project import Project
from git_datmo.records.snapshots import SNAPSHOT
from git_datmo.storage import worktree
from git_datmo.storage.index import Index, Record
from git_datmo.storage.objects import EMPTY_TREE
from git_datmo.storage.treediff import Leaf, find, walk
from git_datmo.storage.worktree import Capture, Options


@dataclass(frozen=True)
class State:
    """A state to be recorded: tree, its files by path, environment, and what was noticed."""

    tree: str
    files: set[bytes]
    environment: Surroundings
    notices: tuple[str, ...] = ()


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
    from anywhere; `filepaths` is their older name. `progress` is told bytes of large content.
    Raises what the parts raise: RequiredArgumentMissing, MutuallyExclusiveArguments,
    IdentityMissing, ProjectNotInitialized, and so on; then nothing was recorded.
    """
    project.require_initialized()
    home = project.repository.needs_work_tree("take a snapshot")
    _check(message, visible, code_id, commit_id, file_collection_id, filepaths, paths)
    session = lookup.session_of(project, session_id)
    found = {
        kind: settings.gather(kind, home, given=given, filename=name, filepath=path)
        for kind, given, name, path in (
            ("config", config, config_filename, config_filepath),
            ("stats", stats, stats_filename, stats_filepath),
        )
    }
    identity = project.identity
    del identity
    named = {
        "environment_id": environment_id,
        "environment_def": environment_def,
        "environment_paths": environment_paths,
    }
    extra = (*filepaths, *paths, *project.repository.config.all("datmo.paths"))
    if code_id or commit_id:
        state = _from_code(project, code_id or "", commit_id, user, named, file_collection_id)
    else:
        captured = worktree.capture(
            project.repository,
            project.store,
            Options(
                threshold=project.threshold,
                include_secrets=include_secrets,
                named=tuple(_sources(home, extra)),
                sync=project.durability == "full",
                count_ignored=visible,
                advance=progress,
            ),
        )
        state = State(
            captured.tree,
            captured.files,
            surroundings.choose(project, captured, user, **named),  # type: ignore[arg-type]
            notices(captured),
        )
        if file_collection_id:
            state = _with_files(project, state, file_collection_id)
    return record(project, state, message, label, session, found, visible=visible)


def _check(
    message: str | None,
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
    if message is not None and not isinstance(message, str):
        raise ValidationFailed(f"message must be text, not {type(message).__name__}")
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
            retire(project, writer)
    lookup.visit(project, oid)
    index = project.index
    made = index.get(oid)
    if made is None:
        raise SnapshotNotFound(f"the snapshot {oid} was written and cannot be read back")
    return lookup.value(
        project, made, lookup.Names(index), is_new=existing is None, notices=state.notices
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
    read = project.repository.objects.tree
    files: dict[bytes, Leaf] = {}
    for path in state.files:
        leaf = find(read, state.tree, path)
        if leaf is not None:
            files[path] = leaf
    code, collection = snapshots.split(project, state.tree, files, state.environment.definitions)
    parent = parent_of(project)
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
        name = environments.ref(state.environment.id)
        from git_datmo.storage import refs

        if refs.read_one(project.repository.common_dir, name) != commit:
            writer.mention(commit)
            writer.ref(name, commit)
    return oid


def retire(project: Project, writer: chain.Writer) -> None:
    """Let go of our oldest unlabelled snapshot refs; the chain carries what they held."""
    from git_datmo.storage import refs

    held = refs.read(project.repository.common_dir, layout.SNAPSHOTS).found
    limit = project.max_refs
    if len(held) < limit + max(10, limit // 4):
        return
    records = [writer.index.get(name.rpartition("/")[2]) for name in held]
    kept = sorted((r for r in records if r is not None), key=lambda r: (bool(r.label), r.created))
    for old in kept[: max(0, len(held) + 1 - limit)]:
        if not old.label:
            writer.ref(layout.SNAPSHOTS + old.id, None)


def parent_of(project: Project) -> str | None:
    """The commit a new snapshot stands on: `datmo.parent` = head, pushed or none."""
    choice = project.repository.config.choice("datmo.parent", ("head", "pushed", "none"))
    git = project.repository.git
    if choice == "none":
        return None
    code, out, _ = git.attempt("rev-parse", "--verify", "--quiet", "HEAD^{commit}")
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


def notices(captured: Capture) -> tuple[str, ...]:
    """What a user should know about a capture, in sentences."""
    said = list(captured.warnings)
    for path, reason in sorted(captured.secrets.items()):
        said.append(
            f"left out {os.fsdecode(path)}: {reason} looks like a secret "
            "(--include-secrets takes it along)"
        )
    if captured.special:
        shown = ", ".join(os.fsdecode(path) for path in captured.special[:5])
        said.append(f"left out {len(captured.special)} that are no regular files: {shown}")
    if captured.ignored:
        size = captured.ignored_bytes
        least = "" if captured.ignored_complete else "at least "
        said.append(
            f"left out {least}{size:,} bytes that git ignores, in {len(captured.ignored)} places "
            "(name them with --paths to take them along)"
        )
    return tuple(said)


def _sources(home: Path, given: Sequence[str]) -> list[tuple[bytes, bytes]]:
    found = []
    for text in given:
        mapping = parse_mapping(text)
        source = Path(os.path.normpath(home / Path(mapping.src).expanduser()))
        if not source.exists() and not source.is_symlink():
            raise PathDoesNotExist(f"no such file: {mapping.src}")
        if mapping.dest is not None:
            dest = mapping.dest
        elif source.is_relative_to(home) and source != home:
            dest = source.relative_to(home).as_posix()
        else:
            dest = source.name
        found.append((os.fsencode(source), os.fsencode(dest)))
    return found


def _from_code(
    project: Project,
    code_id: str,
    commit_id: str | None,
    user: User,
    named: Mapping[str, Any],
    collection: str | None,
) -> State:
    """A state whose code is a commit's, or another snapshot's, instead of the work tree's."""
    name = commit_id or code_id
    code, out, _ = project.repository.git.attempt(
        "rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{tree}}"
    )
    if code != 0:
        raise CommitDoesNotExist(f"there is no commit or tree '{name}'")
    tree = out.decode().strip()
    empty = Capture(tree, set(), {}, {}, [], [], [], 0, True, 0)
    state = State(tree, set(), surroundings.choose(project, empty, user, **named))
    return _with_files(project, state, collection) if collection else state


def _with_files(project: Project, state: State, collection: str) -> State:
    """The state with another snapshot's files in place of its own."""
    from git_datmo.records import catalogue

    index = catalogue.refresh(project)
    for candidate in index.select(SNAPSHOT, include_hidden=True):
        if str(candidate.doc.get("file_collection_id", "")).startswith(collection):
            files = content.files_of(project, candidate.id)
            break
    else:
        raise SnapshotNotFound(f"no snapshot has the file collection '{collection}'")
    gone: dict[bytes, Leaf | None] = dict.fromkeys(state.files)
    trees = worktree.Trees(project.repository, dry=False)
    tree = trees.patch(trees.patch(state.tree, gone), dict(files))
    return State(tree, set(files), state.environment, state.notices)


