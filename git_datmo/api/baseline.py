"""Where a run starts: the snapshot before, and the repository and machine around it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from git_datmo.api import lookup, settings
from git_datmo.api.recording import Words, record
from git_datmo.api.state import State
from git_datmo.model.run import command_text
from git_datmo.model.snapshot import Snapshot
from git_datmo.records import catalogue
from git_datmo.records.kinds import SNAPSHOT
from git_datmo.records.project import Project


def before(project: Project, state: State, session: str, what: str) -> Snapshot:
    """The snapshot that holds a state: one that is there (the one you are on first), or a new
    hidden one."""
    index = catalogue.refresh(project)
    held = {
        r.id: r
        for r in index.select(
            SNAPSHOT, tree=state.tree, environment=state.environment.id, include_hidden=True
        )
    }
    if held:
        on = [oid for oid in reversed(lookup.visited(project)) if oid in held]
        known = held[on[0]] if on else next(iter(held.values()))
        lookup.visit(project, known.id)
        project.let_go()
        return lookup.value(project, known, lookup.Names(index))
    home = project.repository.needs_work_tree("run a task")
    found = {
        kind: settings.gather(kind, home, home, given=None, filename=None, filepath=None)
        for kind in ("config", "stats")
    }
    words = Words(session, what, visible=False, config=found["config"], stats=found["stats"])
    return record(project, state, words)


def title(argv: Sequence[str]) -> str:
    """A command as one short line."""
    text = command_text(tuple(argv)).replace("\n", " ")
    return text if len(text) <= 72 else text[:71] + "…"


def git_of(project: Project, tree: str) -> dict[str, Any]:
    """Where the user's repository stood: branch, commit, and whether the work tree differed."""
    git = project.repository.git
    code, out, _ = git.attempt("rev-parse", "--quiet", "HEAD", "HEAD^{tree}")
    found: dict[str, Any] = {}
    lines = out.decode().split()
    if code == 0 and len(lines) == 2:
        found = {"commit": lines[0], "dirty": lines[1] != tree}
    try:
        head = (project.repository.git_dir / "HEAD").read_text("utf-8", "replace").strip()
    except OSError:
        return found
    if head.startswith("ref: refs/heads/"):
        found["branch"] = head.removeprefix("ref: refs/heads/")
    return found


def platform() -> dict[str, Any]:
    """The machine a run was made on."""
    about = os.uname()
    return {
        "system": about.sysname,
        "release": about.release,
        "machine": about.machine,
        "host": about.nodename,
        "cpus": os.cpu_count(),
    }


def folder_of(home: Path, folder: Path | None) -> str:
    """Where in the work tree the user stands; the top when outside of it."""
    if folder is None:
        return ""
    here, top = os.path.realpath(folder), os.path.realpath(home)
    inside = os.path.relpath(here, top) if (here + os.sep).startswith(top + os.sep) else "."
    return "" if inside == "." else inside
