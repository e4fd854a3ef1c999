"""Sharing: push, fetch, pull."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from git_datmo.api import lookup
from git_datmo.errors import RemoteError
from git_datmo.model.project import Exchange
from git_datmo.records import astray, catalogue, chain, clones, layout
from git_datmo.records.kinds import RUN, SNAPSHOT
from git_datmo.records.project import Project
from git_datmo.remotes import exchange, outgoing, places
from git_datmo.remotes.content import collect, needed, send, unsent
from git_datmo.storage import refs
from git_datmo.storage.locks import mutex

Progress = Callable[[int], None]


def default_remote(project: Project) -> str:
    """The remote that is meant when none is named: the branch's, `origin`, or the only one."""
    config = project.repository.config
    named = places.remotes(project)
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
    _connect(project, name)
    chain.heal(project, thoroughly=True)
    astray.tidy(project)
    common = project.repository.common_dir
    clone, tip = clones.read(project.home), refs.read_one(common, layout.LOCAL_TIP)
    if tip is None or clone is None:
        return Exchange(name, 0, 0, 0)
    there = exchange.listed(project, name)
    chain_ref = layout.notes_ref(clone.id)
    done = Exchange(name, 0, 0, 0)
    for url in places.urls_of(project, name, push=True):
        moved = [(tip, chain_ref, there.get(chain_ref, ""))]
        done = _joined(done, deliver(project, name, url, moved, progress=progress))
    own = refs.read(common, layout.OWN).found
    specs = [f"{ref}:{ref}" for ref, oid in own.items() if _is_due(ref, oid, there)]
    if specs:
        exchange.push_refs(project, name, specs)
        _track(project, name, specs, own)
    gone = [f":{ref}" for ref in there if _is_retired(project, ref, own)]
    if gone:
        exchange.push_refs(project, name, gone)
        _track(project, name, gone, own)
    return _joined(done, Exchange(name, len(specs), 0, 0))


def _is_due(ref: str, oid: str, there: dict[str, str]) -> bool:
    """Whether a ref of ours has to be pushed. Only notes refs ever move."""
    if not layout.is_ours_by_shape(ref):
        return False
    return there.get(ref) != oid if ref.startswith(layout.NOTES) else ref not in there


def _is_retired(project: Project, ref: str, own: dict[str, str]) -> bool:
    """Whether a snapshot's or run's ref on the remote is one that we made and no longer keep."""
    name = ref.removeprefix(layout.SNAPSHOTS).removeprefix(layout.RUNS)
    if ref in own or not layout.is_ours_by_shape(ref) or "/" in name:
        return False
    index = catalogue.refresh(project)
    made = [name] if layout.is_oid(name) else index.find_text(("run_id",), name, RUN)
    return any(catalogue.made_here(project, index, oid) for oid in made)


def _joined(one: Exchange, more: Exchange) -> Exchange:
    return Exchange(
        one.remote,
        one.refs + more.refs,
        one.content_files + more.content_files,
        one.content_bytes + more.content_bytes,
        notices=tuple(dict.fromkeys((*one.notices, *more.notices))),
    )


def _connect(project: Project, remote: str) -> None:
    """Give a remote that was added after `init` its fetch line."""
    config = project.repository.config
    line = layout.fetch_line(remote)
    if (
        project.initialized
        and remote in places.remotes(project)
        and config.boolean("datmo.fetch", True)
        and line not in config.all(f"remote.{remote}.fetch")
    ):
        config.add(f"remote.{remote}.fetch", line)


def _track(project: Project, remote: str, specs: Iterable[str], own: dict[str, str]) -> None:
    """Set the tracking refs to what was pushed, as git does where a fetch line covers them."""
    room = layout.tracking(places.room(project, remote))
    changes: dict[str, str | None] = {}
    for spec in specs:
        ref = spec.rpartition(":")[2]
        changes[room + ref.removeprefix(layout.OWN)] = own.get(ref)
    common = project.repository.common_dir
    with mutex(project.home):
        changes = {n: o for n, o in changes.items() if refs.read_one(common, n) != o}
        refs.update(project.repository.objects, project.home, changes, durable=False)


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
    ContentMissing, Conflict; then the push must not go on.
    """
    index = catalogue.refresh(project)
    clone = clones.read(project.home)
    own = layout.notes_ref(clone.id) if clone is not None else ""
    place = places.place_of(project, remote, url)
    mark, reached = f"delivered:{place.name if place else url}", None
    snapshots: dict[str, None] = {}
    for ours, ref, theirs in updates:
        known = theirs if theirs.strip("0") else None
        if not ref.startswith(layout.OWN) or not ours.strip("0"):
            continue
        if ref == own:
            reached = ours
            # What went past the hook (--no-verify) has its refs there, but not its content.
            known = index.meta(mark) if known and place else known
        if layout.clone_of(ref):
            snapshots.update(dict.fromkeys(unsent(project, ours, known)))
        elif known != ours:
            record = index.get(ours)
            if record is not None and record.kind in (SNAPSHOT, RUN) and not record.deleted:
                snapshots[ours] = None
    made = {oid: catalogue.made_here(project, index, oid) for oid in snapshots}
    along = outgoing.look(project, remote, snapshots)
    along.refuse()
    wanted = needed(project, [oid for oid, mine in made.items() if mine])
    others = needed(project, [oid for oid, mine in made.items() if not mine], {})
    done = Exchange(remote, 0, 0, 0, notices=along.notices())
    if wanted or others:
        if place is None:
            raise RemoteError(
                f"{len({**wanted, **others})} large files cannot be delivered: no place for "
                f"content is known for '{remote}' ({url})",
                hint=f"name a folder that everyone reaches: git config datmo.{remote}.store /path",
            )
        files, size, lost = send(project, place, wanted, others, progress)
        missing = tuple(
            f"{others[p]} ({p.size} bytes) of another clone's snapshot is not here and was not sent"
            for p in lost
        )
        done = _joined(done, Exchange(remote, 0, files, size, notices=missing))
    if reached is not None and place is not None:
        with index.update() as update:
            update.set_meta(mark, reached)
    return done


def fetch(project: Project, remote: str | None = None) -> Exchange:
    """Bring a remote's snapshots and notes, without their large content. Raises RemoteError."""
    name = remote or default_remote(project)
    _connect(project, name)
    room = layout.tracking(places.room(project, name))
    before = refs.read(project.repository.common_dir, room).found
    exchange.fetch_refs(project, name)
    project.repository.objects.forget()
    after = refs.read(project.repository.common_dir, room).found
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
    damaged: dict[str, str] = {}
    wanted = needed(project, chosen, damaged)
    got = collect(project, wanted, progress)
    return Exchange(
        done.remote,
        done.refs,
        got.files,
        got.size,
        missing=tuple(f"{wanted[p]} ({p.size} bytes, {p.key})" for p in got.lost),
        notices=(*done.notices, *(f"snapshot {oid[:12]}: {why}" for oid, why in damaged.items())),
    )
