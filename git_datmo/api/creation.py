"""Making a snapshot: capture, environment, config and stats, then one commit and one note."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from git_datmo.api import lookup, settings
from git_datmo.api.recording import Words, record
from git_datmo.api.state import of_code, of_work_tree
from git_datmo.api.user import NOBODY, User
from git_datmo.errors import (
    DamagedObject,
    MutuallyExclusiveArguments,
    RequiredArgumentMissing,
    ValidationFailed,
)
from git_datmo.model.snapshot import Snapshot
from git_datmo.records.project import Project


def create(
    project: Project,
    *,
    message: str | None = None,
    label: str | None = None,
    session_id: str | None = None,
    run_id: str | None = None,
    task_id: str | None = None,
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
    user: User = NOBODY,
    progress: Callable[[int], None] | None = None,
) -> Snapshot:
    """Record the present state as a snapshot, or return the one that already holds it.

    A state is the work tree (or `code_id` / `commit_id`), the environment, config and stats.
    When a snapshot of the same state exists, the message and label become operations on it and
    a hidden one becomes visible. `paths` are `src>dest` or plain paths of files to take along
    from anywhere; `filepaths` is their older name. With `run_id` (older: `task_id`) the state is
    what that run left, with its results; config and stats given are merged over them. Relative
    paths start from `user.folder`, else from the top of the work tree. `progress` is told bytes
    of large content.
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
        if given or name or path or not (run_id or task_id)
    }
    named = {
        "environment_id": environment_id,
        "environment_def": environment_def,
        "environment_paths": environment_paths,
    }
    words = Words(session, message, label, visible, found.get("config"), found.get("stats"))
    if run_id or task_id:
        parts = (*named.values(), code_id, commit_id, file_collection_id, filepaths, paths)
        chosen = replace(words, session=session if session_id else "")
        from git_datmo.api import promotion

        return promotion.of_run(project, run_id, task_id, any(parts), chosen)
    if code_id or commit_id:
        state = of_code(project, code_id or "", commit_id, user, named, file_collection_id)
        return record(project, state, words)

    def taken() -> Snapshot:
        state = of_work_tree(
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
        return record(project, state, words)

    try:
        return taken()
    except DamagedObject:
        # `git gc --prune=now` takes what another command of ours wrote and has not recorded yet.
        project.repository.objects.forget()
        return taken()


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
