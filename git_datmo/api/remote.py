"""Sharing: push, fetch, pull."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from git_datmo.api import lookup
from git_datmo.errors import RemoteError
from git_datmo.model.project import Exchange
from git_datmo.records import astray, catalogue, clones, layout
from git_datmo.records.kinds import SNAPSHOT
from git_datmo.records.project import Project
from git_datmo.remotes import exchange, outgoing
from git_datmo.storage import refs
from git_datmo.storage.locks import mutex

Progress = Callable[[int], None]


def default_remote(project: Project) -> str:
    """The remote that is meant when none is named: the branch's, `origin`, or the only one."""
    config = project.repository.config
    named = exchange.remotes(project)
    code, out, _ = project.repository.git.attempt("symbolic-ref", "--quiet", "--short", "HEAD")
    if code == 0:
        chosen = config.get(f"branch.{out.decode(errors='surrogateescape').strip()}.remote")
        if chosen in named:
            return str(chosen)
    if "origin" in named:
        return "origin"
    if len(named) == 1:
        return named[0]
    raise RemoteError(
        "no remote was named" if named else "this repository has no remote",
        hint="git datmo push REMOTE" if named else "git remote add origin <path or address>",
    )


def push(
    project: Project, remote: str | None = None, *, progress: Progress | None = None
) -> Exchange:
    """Share what this clone made: content first, then refs, all or nothing.

    Also lets go, on the remote, of snapshot refs that were retired here. Raises RemoteError,
    ContentMissing, Conflict (secrets would go along), ProjectNotInitialized.
    """
    project.require_initialized()
    name = remote or default_remote(project)
    astray.tidy(project)
    common = project.repository.common_dir
    tip = refs.read_one(common, layout.LOCAL_TIP)
    clone = clones.read(project.home)
    if tip is None or clone is None:
        return Exchange(name, 0, 0, 0)
    tracked = refs.read(common, layout.tracking(name)).found
    known = tracked.get(f"{layout.tracking(name)}notes/{clone.id}")
    fresh = exchange.unsent(project, tip, known)
    along = outgoing.look(project, name, fresh)
    along.refuse()
    files, size = _deliver(project, name, exchange.url_of(project, name), fresh, progress)
    own = exchange.own_refs(project)
    specs, gone = [], []
    for ref, oid in own.items():
        if tracked.get(layout.tracking(name) + ref.removeprefix(layout.OWN)) != oid:
            specs.append(f"{ref}:{ref}")
    prefix = layout.tracking(name) + "snapshots/"
    index = catalogue.refresh(project)
    for ref in tracked:
        oid = ref.removeprefix(prefix)
        retired = ref.startswith(prefix) and layout.SNAPSHOTS + oid not in own
        if retired and known is not None and index.has_note(layout.LOCAL_TIP, oid):
            gone.append(f":{layout.SNAPSHOTS}{oid}")
    if specs:
        exchange.push_refs(project, name, specs)
        _track(project, name, specs, own)
    if gone:
        exchange.push_refs(project, name, gone)
        _track(project, name, gone, own)
    return Exchange(name, len(specs), files, size, notices=along.notices())


def _track(project: Project, remote: str, specs: Iterable[str], own: dict[str, str]) -> None:
    """Set the tracking refs to what was pushed, as git does where a fetch line covers them."""
    changes: dict[str, str | None] = {}
    for spec in specs:
        ref = spec.rpartition(":")[2]
        changes[layout.tracking(remote) + ref.removeprefix(layout.OWN)] = own.get(ref)
    common = project.repository.common_dir
    changes = {n: o for n, o in changes.items() if refs.read_one(common, n) != o}
    with mutex(project.home):
        refs.update(project.repository.objects, project.home, changes, durable=False)


def _deliver(
    project: Project, remote: str, url: str, snapshots: list[str], progress: Progress | None
) -> tuple[int, int]:
    wanted = exchange.needed(project, snapshots)
    if not wanted:
        return 0, 0
    place = exchange.place_of(project, remote, url)
    if place is None:
        raise RemoteError(
            f"{len(wanted)} large files cannot be delivered: no place for content is known "
            f"for '{remote}' ({url})",
            hint=f"name a folder that everyone reaches: git config datmo.{remote}.store /path",
        )
    return exchange.deliver(project, place, wanted, progress)


def deliver(
    project: Project,
    remote: str,
    url: str,
    updates: Iterable[tuple[str, str, str]],
    *,
    progress: Progress | None = None,
) -> Exchange:
    """Bring the content that a push of refs needs, before git sends them (the pre-push hook).

    `updates` are (our object id, remote ref, remote object id). Raises RemoteError,
    ContentMissing; then the push must not go on.
    """
    astray.tidy(project)
    index = catalogue.refresh(project)
    snapshots: dict[str, None] = {}
    for ours, ref, theirs in updates:
        if not ref.startswith(layout.OWN) or ours == exchange.ZERO:
            continue
        if layout.clone_of(ref):
            snapshots.update(dict.fromkeys(exchange.unsent(project, ours, theirs)))
        elif theirs != ours:
            record = index.get(ours)
            if record is not None and record.kind == SNAPSHOT:
                snapshots[ours] = None
    along = outgoing.look(project, remote, snapshots)
    along.refuse()
    files, size = _deliver(project, remote, url, list(snapshots), progress)
    return Exchange(remote, 0, files, size, notices=along.notices())


def fetch(project: Project, remote: str | None = None) -> Exchange:
    """Bring a remote's snapshots and notes, without their large content. Raises RemoteError."""
    name = remote or default_remote(project)
    before = refs.read(project.repository.common_dir, layout.tracking(name)).found
    exchange.fetch_refs(project, name)
    project.repository.objects.forget()
    after = refs.read(project.repository.common_dir, layout.tracking(name)).found
    astray.tidy(project)
    index = catalogue.refresh(project)
    changed = sum(1 for ref, oid in after.items() if before.get(ref) != oid)
    notices = tuple(f"{ref}: {reason}" for ref, reason in catalogue.problems(index).items())
    return Exchange(name, changed, 0, 0, notices=notices)


def pull(
    project: Project,
    remote: str | None = None,
    ids: Iterable[str] = (),
    *,
    content: bool = False,
    progress: Progress | None = None,
) -> Exchange:
    """`fetch`, and with `content` (or for the snapshots named) the large files as well.

    Raises RemoteError, SnapshotNotFound.
    """
    done = fetch(project, remote)
    chosen = [lookup.snapshot(project, text).id for text in ids]
    if content and not chosen:
        chosen = [r.id for r in catalogue.refresh(project).select(SNAPSHOT, include_hidden=True)]
    wanted = exchange.needed(project, chosen) if chosen else {}
    files, size, lost = exchange.collect(project, wanted, progress)
    return Exchange(
        done.remote,
        done.refs,
        files,
        size,
        missing=tuple(f"{wanted[p]} ({p.size} bytes, {p.key})" for p in lost),
        notices=done.notices,
    )
