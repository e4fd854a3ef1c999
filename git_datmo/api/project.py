"""The project: init, cleanup, status."""

from __future__ import annotations

import os
import secrets
import shutil
import time
from collections.abc import Sequence
from pathlib import Path

from git_datmo.api import connection
from git_datmo.api.status import info, status
from git_datmo.errors import Conflict, IdentityMissing, RequiredArgumentMissing, RunUnderWay
from git_datmo.hooks.install import install
from git_datmo.hooks.location import manual_lines
from git_datmo.hooks.uninstall import uninstall
from git_datmo.model.project import Initialized
from git_datmo.model.quantity import counted
from git_datmo.records import astray, catalogue, chain, clones, layout
from git_datmo.records.project import Project
from git_datmo.storage import refs
from git_datmo.version import __version__

__all__ = ["cleanup", "info", "init", "status", "unshared", "version"]

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
    IdentityMissing, Conflict in a mirror.
    """
    if name is not None and not name.strip():
        raise RequiredArgumentMissing("a project needs a name", hint="--name NAME")
    created = not project.initialized
    _refuse_mirror(project)
    try:
        _ = project.identity
    except IdentityMissing:
        if created and not project.known:
            _remove_folders(project)
        raise
    steps: list[str] = []
    if created:
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


def _refuse_mirror(project: Project) -> None:
    """Raise Conflict where a fetch overwrites every ref: what was recorded would be lost."""
    config = project.repository.config
    for remote in config.sections("remote"):
        for line in config.all(f"remote.{remote}.fetch"):
            target = line.partition(":")[2]
            if target.endswith("*") and layout.LOCAL_TIP.startswith(target[:-1]):
                raise Conflict(
                    f"this is a mirror: the next fetch from '{remote}' would overwrite what is "
                    f"recorded here ({line})",
                    hint="work in a clone; or, to make this a repository of its own: git config "
                    f"--unset-all remote.{remote}.fetch",
                )


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
    for remote in connection.unfetched(project):
        connection.fetch(project, remote)
        steps.append(f"a plain 'git fetch {remote}' now brings its snapshots")
    if not program:
        return []
    place = connection.hooks(project)
    for change in install(place.hooks_dir, program, EVENTS):
        if change.action not in ("unchanged", "kept"):
            steps.append(f"hook {change.event} {change.action}")
    if place.reached:
        return []
    return [f"{event}: {line}" for event in EVENTS for line in manual_lines(event)]


def cleanup(project: Project) -> tuple[str, ...]:
    """Undo `init`: our refs, hooks, config lines and folder go; the repository stays.

    Returns what was done, in words. Edits made to hooks and config since are kept, `datmo.*`
    settings of the user's among them. Raises ProjectNotInitialized, RunUnderWay.
    """
    from git_datmo.api import adoption

    project.require_initialized()
    for run_id in adoption.living(project):
        raise RunUnderWay(
            f"the run {run_id[:12]} has not ended", hint="git datmo stop --all, or wait for it"
        )
    return _undo(project)


_OURS = (layout.OWN, layout.REMOTES, layout.LOCAL, layout.FOLDERS, layout.LIVE)


def _undo(project: Project) -> tuple[str, ...]:
    steps = []
    common = project.repository.common_dir
    held: dict[str, str | None] = {}
    for prefix in _OURS:
        found = refs.read(common, prefix)
        held.update(dict.fromkeys(found.found))
        for name in found.bad:
            (common / name).unlink(missing_ok=True)
    if held:
        refs.update(project.repository.objects, project.home, held)
        steps.append(f"removed {counted(len(held), 'ref')}")
    for prefix in _OURS:
        _prune_folders(common / prefix.rstrip("/"))
    changes = uninstall(connection.hooks(project).hooks_dir)
    if changes:
        steps.append("removed the hooks")
    config = project.repository.config
    for remote in config.sections("remote"):
        if layout.fetch_line(remote) in config.all(f"remote.{remote}.fetch"):
            config.remove(f"remote.{remote}.fetch", layout.fetch_line(remote))
    # The settings that git-datmo itself writes; every other one is the user's.
    config.remove("datmo.session")
    config.remove("datmo.environment")
    _remove_folders(project)
    steps.append("removed .git/datmo")
    return tuple(steps)


def _remove_folders(project: Project) -> None:
    index = project.__dict__.pop("index", None)
    if index is not None:
        index.close()
    common = project.repository.common_dir
    for git_dir in {common, project.repository.git_dir, *connection.work_trees(common)}:
        shutil.rmtree(git_dir / "datmo", ignore_errors=True)


def _prune_folders(folder: Path) -> None:
    for path, _, _ in sorted(os.walk(folder), reverse=True):
        try:
            os.rmdir(path)
        except OSError:
            continue


def unshared(project: Project) -> int:
    """How many snapshots no remote is known to have: what a cleanup would lose."""
    from git_datmo.records.kinds import SNAPSHOT
    from git_datmo.remotes.content import unsent

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
    return len(unsent(project, tip, base, (SNAPSHOT,)))


def version(project: Project | None = None) -> str:
    """The version of git-datmo; needs no project."""
    return __version__
