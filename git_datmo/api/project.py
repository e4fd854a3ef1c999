"""The project: init, cleanup, status."""

from __future__ import annotations

import os
import secrets
import shutil
import time
from collections.abc import Sequence
from pathlib import Path

from git_datmo.api import lookup, surroundings
from git_datmo.api.state import notices
from git_datmo.api.surroundings import User
from git_datmo.errors import RequiredArgumentMissing
from git_datmo.hooks.install import install
from git_datmo.hooks.location import location, manual_lines
from git_datmo.hooks.uninstall import uninstall
from git_datmo.model.project import Initialized, ProjectInfo, Status
from git_datmo.records import astray, catalogue, chain, clones, layout
from git_datmo.records.project import Project
from git_datmo.records.kinds import SNAPSHOT
from git_datmo.storage import refs, treediff, worktree
from git_datmo.storage.index import Index
from git_datmo.storage.worktree import Options, Trees
from git_datmo.version import __version__

EVENTS = ("post-commit", "pre-push")


def init(
    project: Project,
    *,
    name: str | None = None,
    description: str | None = None,
    force: bool = False,
    program: Sequence[str] = (),
) -> Initialized:
    """Make a project of a repository; on one that is there, keep what is not given anew.

    Writes below the git directory only. `force` renews the hooks and fetch lines of a project
    that is there and gives the defaults to what was never set. `program` starts git-datmo from
    a hook; none installs no hooks. Raises RequiredArgumentMissing for an empty name,
    IdentityMissing.
    """
    if name is not None and not name.strip():
        raise RequiredArgumentMissing("a project needs a name", hint="--name NAME")
    _ = project.identity
    steps: list[str] = []
    created = not project.initialized
    if created:
        _remember(project)
        clones.create(project.home)
    try:
        manual = _connect(project, program, steps)
        astray.tidy(project)
        _describe(project, name, description, force)
    except BaseException:
        if created:
            _undo(project)
        raise
    return Initialized(info(project), created, tuple(steps), tuple(manual))


def _describe(project: Project, name: str | None, description: str | None, force: bool) -> None:
    index = catalogue.refresh(project)
    known = index.get(layout.PROJECT_ID)
    wanted: dict[str, object] = {}
    if known is None or not known.doc.get("ids"):
        wanted["ids"] = {secrets.token_hex(20): time.time_ns() // 1_000_000}
    said = known.doc if known is not None else {}
    base = project.repository.work_tree or project.repository.git_dir
    if name is not None or not said.get("name"):
        wanted["name"] = name or base.name.removesuffix(".git") or "project"
    if description is not None:
        wanted["description"] = description
    wanted = {k: v for k, v in wanted.items() if said.get(k) != v}
    if wanted:
        with chain.writing(project) as writer:
            project.repository.objects.write_blob(layout.PROJECT_BLOB)
            writer.note(layout.PROJECT_ID, set=wanted)


def _connect(project: Project, program: Sequence[str], steps: list[str]) -> list[str]:
    config = project.repository.config
    if config.boolean("datmo.fetch", True):
        for remote in config.sections("remote"):
            line = layout.fetch_line(remote)
            if config.all(f"remote.{remote}.url") and line not in config.all(
                f"remote.{remote}.fetch"
            ):
                config.add(f"remote.{remote}.fetch", line)
                steps.append(f"a plain 'git fetch {remote}' now brings its snapshots")
    if not program:
        return []
    place = _hooks(project)
    for change in install(place.hooks_dir, program, EVENTS):
        if change.action not in ("unchanged", "kept"):
            steps.append(f"hook {change.event} {change.action}")
    if place.reached:
        return []
    return [f"{event}: {line}" for event in EVENTS for line in manual_lines(event)]


def _hooks(project: Project):  # type: ignore[no-untyped-def]
    out = project.repository.git.run(
        "rev-parse", "--path-format=absolute", "--git-path", "hooks", safe=False
    )
    return location(project.repository.common_dir, Path(os.fsdecode(out.rstrip(b"\n"))))


def _remember(project: Project) -> None:
    """Note which config is not ours before we add to it, so that cleanup is exact."""
    project.home.mkdir(parents=True, exist_ok=True)


def cleanup(project: Project) -> tuple[str, ...]:
    """Undo `init`: our refs, hooks, config lines and folder go; the repository stays.

    Returns what was done, in words. Edits made to hooks and config since are kept. Raises
    ProjectNotInitialized.
    """
    project.require_initialized()
    return _undo(project)


def _undo(project: Project) -> tuple[str, ...]:
    steps = []
    common = project.repository.common_dir
    held: dict[str, str | None] = {}
    for prefix in (layout.OWN, layout.REMOTES, layout.LOCAL):
        found = refs.read(common, prefix)
        held.update(dict.fromkeys(found.found))
        for name in found.bad:
            (common / name).unlink(missing_ok=True)
    if held:
        refs.update(project.repository.objects, project.home, held)
        steps.append(f"removed {len(held)} refs")
    for prefix in (layout.OWN, layout.REMOTES, layout.LOCAL):
        _prune_folders(common / prefix.rstrip("/"))
    changes = uninstall(_hooks(project).hooks_dir)
    if changes:
        steps.append("removed the hooks")
    config = project.repository.config
    for remote in config.sections("remote"):
        if layout.fetch_line(remote) in config.all(f"remote.{remote}.fetch"):
            config.remove(f"remote.{remote}.fetch", layout.fetch_line(remote))
    for section in ["datmo", *(f"datmo.{middle}" for middle in config.sections("datmo"))]:
        config.remove_section(section)
    index = project.__dict__.pop("index", None)
    if index is not None:
        index.close()
    for git_dir in {common, project.repository.git_dir, *_work_trees(common)}:
        shutil.rmtree(git_dir / "datmo", ignore_errors=True)
    steps.append("removed .git/datmo")
    return tuple(steps)


def _work_trees(common: Path) -> list[Path]:
    folder = common / "worktrees"
    return [p for p in folder.iterdir() if p.is_dir()] if folder.is_dir() else []


def _prune_folders(folder: Path) -> None:
    for path, _, _ in sorted(os.walk(folder), reverse=True):
        try:
            os.rmdir(path)
        except OSError:
            continue


def unshared(project: Project) -> int:
    """How many snapshots no remote is known to have: what a cleanup would lose."""
    from git_datmo.remotes import exchange

    known = {
        oid
        for name, oid in refs.read(project.repository.common_dir, layout.REMOTES).found.items()
        if "/notes/" in name
    }
    tip = refs.read_one(project.repository.common_dir, layout.LOCAL_TIP)
    clone = clones.read(project.home)
    if tip is None or clone is None or tip in known:
        return 0
    base = next(
        (
            oid
            for name, oid in refs.read(project.repository.common_dir, layout.REMOTES).found.items()
            if name.endswith("/notes/" + clone.id)
        ),
        None,
    )
    return len(exchange.unsent(project, tip, base))


def info(project: Project) -> ProjectInfo:
    """Name, description and id of the project."""
    index = catalogue.refresh(project)
    return _info(project, index)


def _info(project: Project, index: Index) -> ProjectInfo:
    record = index.get(layout.PROJECT_ID)
    doc = record.doc if record is not None else {}
    base = project.repository.work_tree or project.repository.git_dir
    return ProjectInfo(
        lookup.model_id(index),
        str(doc.get("name") or base.name),
        str(doc.get("description") or ""),
        os.fspath(base),
    )


def status(project: Project, *, user: User = surroundings.NOBODY) -> Status:
    """Where the work tree stands against the snapshots. Stores nothing.

    Raises ProjectNotInitialized.
    """
    project.require_initialized()
    index = catalogue.refresh(project)
    names = lookup.Names(index)
    warnings = [f"{name}: {reason}" for name, reason in catalogue.problems(index).items()]
    current, unsaved = None, {"code": [], "environment": [], "files": []}  # type: ignore[var-annotated]
    if project.repository.work_tree is not None:
        captured = worktree.capture(
            project.repository, project.store, Options(threshold=project.threshold, dry=True)
        )
        around = surroundings.choose(project, captured, user, dry=True)
        warnings += notices(captured)
        same = next(
            index.select(
                SNAPSHOT,
                tree=captured.tree,
                environment=around.id,
                include_hidden=True,
                limit=1,
            ),
            None,
        )
        seen = [record for oid in reversed(lookup.visited(project)) if (record := index.get(oid))]
        exact = next(
            (
                r
                for r in seen[:1]
                if same and (r.tree, r.environment) == (same.tree, same.environment)
            ),
            same,
        )
        current = (
            exact
            or next((r for r in seen if not r.deleted), None)
            or index.latest(SNAPSHOT, visible=None)
        )
        if current is not None and exact is None:
            unsaved = _unsaved(project, captured, around, current.tree or "", current.environment)
        elif current is None:
            unsaved = _unsaved(project, captured, around, treediff.EMPTY_TREE, None)
    user_made, automatic = (
        index.latest(SNAPSHOT, visible=True),
        index.latest(SNAPSHOT, visible=False),
    )

    def public(record):  # type: ignore[no-untyped-def]
        return lookup.value(project, record, names) if record is not None else None

    return Status(
        project=_info(project, index),
        session=names.session(lookup.session_of(project, None)),
        current=public(current),
        unsaved=unsaved,
        latest_user=public(user_made),
        latest_automatic=public(automatic),
        warnings=tuple(warnings),
    )


def _unsaved(project, captured, around, tree: str, environment_id) -> dict[str, list[str]]:  # type: ignore[no-untyped-def]
    trees = Trees(project.repository, dry=True)
    trees.memory = captured.memory
    found: dict[str, list[str]] = {"code": [], "environment": [], "files": []}
    definitions = set(around.definitions)
    for path, old, new in treediff.diff(trees.read, tree, captured.tree):
        part = (
            "environment" if path in definitions else "files" if path in captured.files else "code"
        )
        if old is None and new is not None and new[1] == treediff.EMPTY_TREE:
            part = "code"
        found[part].append(os.fsdecode(path))
    if environment_id is not None and around.id != environment_id and not found["environment"]:
        found["environment"].append("the interpreter's packages")
    return {part: sorted(paths) for part, paths in found.items()}


def version(project: Project | None = None) -> str:
    """The version of git-datmo; needs no project."""
    return __version__
