"""The state that a snapshot is made of: from the work tree, a commit, or other snapshots' parts."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from git_datmo.api import surroundings
from git_datmo.api.surroundings import Surroundings
from git_datmo.api.user import User
from git_datmo.errors import CommitDoesNotExist, PathDoesNotExist, SnapshotNotFound
from git_datmo.model.frozen import frozen
from git_datmo.model.paths import parse_mapping
from git_datmo.records import catalogue
from git_datmo.records.kinds import SNAPSHOT
from git_datmo.records.project import Project
from git_datmo.storage import worktree
from git_datmo.storage.treediff import Leaf
from git_datmo.storage.trees import Trees
from git_datmo.storage.worktree import Capture, Options


@frozen
class State:
    """A state to be recorded: tree, its files by path, environment, and what was noticed.

    `commit` is the one it was taken from, when that is not HEAD; `parent` the snapshot that a run
    made it from.
    """

    tree: str
    files: set[bytes]
    environment: Surroundings
    notices: tuple[str, ...] = ()
    commit: str | None = None
    parent: str | None = None


def of_work_tree(
    project: Project,
    user: User,
    named: Mapping[str, Any],
    *,
    extra: Sequence[tuple[Path, str]] = (),
    collection: str | None = None,
    include_secrets: bool = False,
    count_ignored: bool = True,
    linked: Collection[bytes] = (),
    progress: Callable[[int], None] | None = None,
) -> State:
    """The work tree as it is. `named` chooses the environment, `extra` are `src>dest` paths, each
    with the folder it starts from. A task sees the `linked` paths all the same."""
    home = project.repository.needs_work_tree("take a snapshot")
    captured = worktree.capture(
        project.repository,
        project.store,
        Options(
            threshold=project.threshold,
            include_secrets=include_secrets,
            named=tuple(_sources(home, extra)),
            sync=project.durability == "full",
            count_ignored=count_ignored,
            advance=progress,
        ),
    )
    state = State(
        captured.tree,
        captured.files,
        surroundings.choose(project, captured, user, **named),
        notices(captured, linked),
    )
    return _with_files(project, state, collection) if collection else state


def notices(captured: Capture, linked: Collection[bytes] = ()) -> tuple[str, ...]:
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
        said += _ignored(captured, linked)
    return tuple(said)


def _ignored(captured: Capture, linked: Collection[bytes]) -> list[str]:
    """What git ignores, with its size where that was counted, else by name."""
    hint = "(name them with --paths to take them along)"
    if captured.ignored_bytes:
        least = "" if captured.ignored_complete else "at least "
        size, places = captured.ignored_bytes, len(captured.ignored)
        return [f"left out {least}{size:,} bytes that git ignores, in {places} places {hint}"]
    from git_datmo.storage.leftovers import LITTER

    names = [
        path
        for path in captured.ignored
        if path.rstrip(b"/").rpartition(b"/")[2] not in LITTER
        and not path.endswith(b".pyc")
        and path.rstrip(b"/") not in linked
    ]
    if not names:
        return []
    shown = ", ".join(os.fsdecode(path) for path in names[:5])
    more = f" and {len(names) - 5} more" if len(names) > 5 else ""
    return [f"left out what git ignores: {shown}{more} {hint}"]


def _sources(home: Path, given: Sequence[tuple[Path, str]]) -> list[tuple[bytes, bytes]]:
    found = []
    for base, text in given:
        mapping = parse_mapping(text)
        source = Path(os.path.normpath(base / Path(mapping.src).expanduser()))
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


def of_code(
    project: Project,
    code_id: str,
    commit_id: str | None,
    user: User,
    named: Mapping[str, Any],
    collection: str | None,
) -> State:
    """A state whose code is a commit's, or another snapshot's, instead of the work tree's.

    Raises CommitDoesNotExist, SnapshotNotFound.
    """
    name = commit_id or code_id
    code, out, _ = project.repository.git.attempt(
        "rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{tree}}"
    )
    if code != 0:
        raise CommitDoesNotExist(f"there is no commit or tree '{name}'")
    tree = out.decode().strip()
    nothing = Capture(tree, set(), {}, {}, [], [], [], 0, True, 0)
    around = surroundings.choose(project, nothing, user, **named)
    state = State(tree, set(), around, commit=commit_id)
    return _with_files(project, state, collection) if collection else state


def _with_files(project: Project, state: State, collection: str) -> State:
    """The state with another snapshot's files in place of its own."""
    index = catalogue.refresh(project)
    for candidate in index.select(SNAPSHOT, include_hidden=True):
        if str(candidate.doc.get("file_collection_id", "")).startswith(collection):
            from git_datmo.api import content

            files = content.files_of(project, candidate.id)
            break
    else:
        raise SnapshotNotFound(f"no snapshot has the file collection '{collection}'")
    gone: dict[bytes, Leaf | None] = dict.fromkeys(state.files)
    trees = Trees(project.repository, dry=False)
    tree = trees.patch(trees.patch(state.tree, gone), dict(files))
    return State(tree, set(files), state.environment, state.notices, state.commit)
