"""What our hooks do: the snapshot after a commit, the content before a push."""

from __future__ import annotations

import os
from contextlib import suppress

from git_datmo.api import creation, remote
from git_datmo.api.user import NOBODY, User
from git_datmo.errors import Conflict, RemoteError
from git_datmo.hooks import handle
from git_datmo.model.project import Exchange
from git_datmo.model.quantity import counted
from git_datmo.model.snapshot import Snapshot
from git_datmo.records import astray, clones, layout, obeying
from git_datmo.records.project import Project
from git_datmo.remotes import exchange
from git_datmo.storage import refs

MAX_LOG = 256 * 1024


def post_commit(
    project: Project, commit: str | None = None, *, user: User = NOBODY
) -> Snapshot | None:
    """The automatic snapshot of a commit: the work tree as it is, or the commit's own tree if
    HEAD has moved on. None when automatic snapshots are off or a rebase or pick is under way.
    """
    if not project.initialized or not project.repository.config.boolean("datmo.autoSnapshot", True):
        return None
    if handle.in_progress(project.repository.git_dir) is not None:
        return None
    _cut_log(project)
    astray.tidy(project)
    git = project.repository.git
    head = git.run("rev-parse", "--verify", "HEAD").decode().strip()
    subject = git.run("log", "-1", "--format=%s", commit or head).decode(errors="replace").strip()
    message = f"commit {(commit or head)[:12]}: {subject}"
    if commit is not None and commit != head:
        return creation.create(project, message=message, commit_id=commit, visible=False, user=user)
    return creation.create(project, message=message, visible=False, user=user)


def _cut_log(project: Project) -> None:
    """Start the hook's log anew when it has grown; it is open for appending meanwhile."""
    log = project.repository.git_dir / "datmo" / "hook.log"
    with suppress(OSError):
        if log.stat().st_size > MAX_LOG:
            os.truncate(log, 0)


def pre_push(project: Project, remote_name: str, url: str, lines: bytes) -> Exchange:
    """Deliver content before the refs of a plain `git push`; `lines` is git's standard input.

    Raises RemoteError, ContentMissing, or Conflict where it would delete what other clones
    pushed: then the push must not go on.
    """
    obeying.obey(project)
    moved = astray.tidy(project)
    updates = [
        (update.local_oid, os.fsdecode(update.remote_ref), update.remote_oid)
        for update in handle.parse_pre_push(lines)
    ]
    _spare_others(project, remote_name, url, updates)
    done = remote.deliver(project, remote_name, url, updates)
    notices = done.notices
    if moved:
        notices = (*notices, f"moved {counted(moved, 'ref')} of other clones aside: push again")
    return Exchange(done.remote, 0, done.content_files, done.content_bytes, notices=notices)


def _spare_others(
    project: Project, remote_name: str, url: str, updates: list[tuple[str, str, str]]
) -> None:
    """Raise Conflict when a push deletes chains of other clones, as `--mirror` and `--prune` do,
    or would set them back if it is forced, and when one that mirrors deletes what lies in folders.

    A remote that is set up as a mirror of this clone is meant to have nothing else.
    """
    if project.repository.config.boolean(f"remote.{remote_name}.mirror", False):
        return
    clone = clones.read(project.home)
    ours = {clone.id, *clone.former} if clone is not None else set()
    _keep_up(project, updates, ours)
    gone = [ref for oid, ref, _ in updates if not oid.strip("0")]
    placed: list[str] = []
    # git does not tell of what a mirroring push deletes, but of the refs that only it sends.
    if any(ref.startswith((layout.LOCAL, layout.REMOTES)) for _, ref, _ in updates):
        with suppress(RemoteError):
            gone += exchange.advertised(project, url).keys() - _own(project)
            # Who deletes a ref of a folder by its name means it.
            placed = sorted(r for r in gone if r.startswith((layout.FOLDERS, layout.LIVE)))
    others = [r for r in gone if r.startswith(layout.NOTES) and layout.clone_of(r) not in ours]
    if others:
        raise Conflict(
            f"this push would delete the notes of {counted(len(others), 'other clone')} on "
            f"{remote_name}, and with them their snapshots ({others[0]})",
            hint="without --mirror and --prune: git push REMOTE 'refs/datmo/*'; "
            "--no-verify deletes them all the same",
        )
    if placed:
        raise Conflict(
            f"this push would delete {counted(len(placed), 'ref')} of folders on {remote_name} "
            f"({placed[0]})",
            hint="without --mirror: git push REMOTE 'refs/datmo/*'; "
            "--no-verify deletes them all the same",
        )


def _own(project: Project) -> set[str]:
    """The refs of this clone that a mirroring push keeps at the other end."""
    kinds = (layout.NOTES, layout.FOLDERS, layout.LIVE)
    common = project.repository.common_dir
    return {ref for kind in kinds for ref in refs.read(common, kind).found}


def _keep_up(project: Project, updates: list[tuple[str, str, str]], ours: set[str]) -> None:
    """Raise Conflict when a chain says more on the remote than what would be pushed over it."""
    objects = project.repository.objects
    for oid, ref, there in updates:
        maker = layout.clone_of(ref)
        if maker is None or not oid.strip("0") or not there.strip("0"):
            continue
        if objects.has(there) and objects.descends(oid, there):
            continue
        if maker in ours:
            raise Conflict(
                f"{ref} was not pushed: this clone was set back, and it says more on the remote",
                hint="git datmo pull, then push again",
            )
        raise Conflict(
            f"{ref} was not pushed: another clone wrote it, and it says more on the remote",
            hint="it was fetched into refs/datmo/ by plain git, and is moved aside now: push again",
        )
