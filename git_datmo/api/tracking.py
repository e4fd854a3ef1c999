"""Remotes as this clone knows them: which is meant, what it brings, what was last seen there."""

from __future__ import annotations

from collections.abc import Mapping

from git_datmo.errors import RemoteError
from git_datmo.records import layout
from git_datmo.records.project import Project
from git_datmo.remotes import places, renames
from git_datmo.storage import refs
from git_datmo.storage.locks import mutex


def default_remote(project: Project, *, pushing: bool = False) -> str:
    """The remote that is meant when none is named: the branch's, `origin`, or the only one.

    For a push, `branch.<name>.pushRemote` and `remote.pushDefault` come first, as in git.
    Raises RemoteError.
    """
    config = project.repository.config
    named = places.remotes(project)
    code, out, _ = project.repository.git.attempt("symbolic-ref", "--quiet", "--short", "HEAD")
    branch = out.decode(errors="surrogateescape").strip() if code == 0 else ""
    keys = [f"branch.{branch}.remote"]
    if pushing:
        keys = [f"branch.{branch}.pushRemote", "remote.pushDefault", *keys]
    for key in keys:
        chosen = config.get(key)
        if chosen in named:
            return str(chosen)
    if "origin" in named:
        return "origin"
    if len(named) == 1:
        return named[0]
    raise RemoteError(
        "no remote was named" if named else "this repository has no remote",
        hint=f"name one of them: {', '.join(named)}"
        if named
        else "git remote add origin <path or address>",
    )


def connect(project: Project, remote: str) -> None:
    """Give a remote that was added or renamed after `init` its fetch line."""
    config = project.repository.config
    line = layout.fetch_line(remote)
    if project.initialized:
        renames.follow(project, remote)
    if (
        project.initialized
        and remote in places.remotes(project)
        and config.boolean("datmo.fetch", True)
        and line not in config.all(f"remote.{remote}.fetch")
    ):
        config.add(f"remote.{remote}.fetch", line)


def track(project: Project, remote: str, there: Mapping[str, str | None]) -> None:
    """Set the tracking refs to what is on the remote now, as git does after a push of its own."""
    room = layout.tracking(places.room(project, remote))
    changes = {room + ref.removeprefix(layout.OWN): oid for ref, oid in there.items()}
    common = project.repository.common_dir
    with mutex(project.home):
        changes = {n: o for n, o in changes.items() if refs.read_one(common, n) != o}
        refs.update(project.repository.objects, project.home, changes, durable=False)
