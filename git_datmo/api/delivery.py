"""Bringing content to a remote before the refs that need it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

from git_datmo.errors import RemoteError
from git_datmo.model.frozen import frozen
from git_datmo.model.project import Exchange
from git_datmo.records import catalogue, clones, layout, obeying, revivals
from git_datmo.records.kinds import HOLDERS
from git_datmo.records.project import Project
from git_datmo.remotes import outgoing, places
from git_datmo.remotes.base import Place
from git_datmo.remotes.content import needed, send, unsent
from git_datmo.storage.index import Index

Progress = Callable[[int], None]

# (our object id, the remote's ref, its object id there): a line of what git tells pre-push.
Update = tuple[str, str, str]


@frozen
class Cargo:
    """What a push of refs takes along: the objects that are new to the remote, those whose
    content is looked for `again`, how far our own chain is `reached` by it, of how many that were
    `revived` the place has heard then, and the `chains` of notes: as the remote has them, and new.
    """

    fresh: tuple[str, ...]
    again: tuple[str, ...]
    reached: str | None
    revived: int
    chains: tuple[tuple[str | None, str], ...]


def mark(place: Place | None, url: str) -> str:
    """Where the index keeps how far our chain was delivered to a place."""
    return f"delivered:{place.name if place else url}"


def deliver(
    project: Project,
    remote: str,
    url: str,
    updates: Iterable[Update],
    *,
    again: Iterable[str] = (),
    content: bool | None = None,
    dry_run: bool = False,
    progress: Progress | None = None,
    expect: Progress | None = None,
) -> Exchange:
    """Bring the content that a push of refs needs, before git sends them (the pre-push hook).

    With `content` all of our own is looked for there, not only what is new, and that of the
    objects in `again`; False brings none. Raises RemoteError, ContentMissing, Conflict (secrets
    would go along, or what was purged); then the push must not go on.
    """
    index = catalogue.refresh(project)
    updates = list(updates)
    obeying.refuse(project, [(ours, ref) for ours, ref, _ in updates])
    place = places.place_of(project, remote, url)
    try:
        cargo = _cargo(project, index, updates, mark(place, url), place is not None, bool(content))
        along = outgoing.look(project, remote, cargo.fresh, cargo.chains)
        along.refuse()
        done = Exchange(remote, 0, 0, 0, notices=along.notices(), dry_run=dry_run)
        if content is False:
            return done
        oids = dict.fromkeys((*cargo.fresh, *cargo.again, *again))
        moved = _move(project, index, (remote, url, place), oids, dry_run, progress, expect)
    finally:
        if place is not None:
            place.close()
    if cargo.reached is not None and place is not None and not dry_run:
        with index.update() as update:
            update.set_meta(mark(place, url), cargo.reached)
            revivals.delivered(update, mark(place, url), cargo.revived)
    return joined(done, moved)


def _cargo(
    project: Project,
    index: Index,
    updates: list[Update],
    reached_mark: str,
    placed: bool,
    everything: bool,
) -> Cargo:
    clone = clones.read(project.home)
    own = layout.notes_ref(clone.id) if clone is not None else ""
    fresh: dict[str, None] = {}
    all_ours: list[str] = []
    reached = None
    chains: list[tuple[str | None, str]] = []
    back, revived = revivals.since(index, reached_mark)
    for ours, ref, theirs in updates:
        known = theirs if theirs.strip("0") else None
        if not ref.startswith(layout.OWN) or not ours.strip("0"):
            continue
        if layout.clone_of(ref):
            chains.append((known, ours))
        if ref == own:
            reached = ours
            # What went past the hook (--no-verify) has its refs there, but not its content. What
            # was delivered for a push that then failed may have been freed: no ref named it.
            sent = index.meta(reached_mark) if known and placed else known
            if known is None or not sent or project.repository.objects.descends(known, sent):
                known = sent
            all_ours = unsent(project, ours, None) if everything else []
            # Somebody else brought it back: our own notes say nothing new of it.
            fresh.update((oid, None) for oid in back if _is_ours(project, index, oid))
        if layout.clone_of(ref):
            fresh.update(dict.fromkeys(unsent(project, ours, known)))
        elif known != ours:
            record = index.get(ours)
            if record is not None and record.kind in HOLDERS and not record.deleted:
                fresh[ours] = None
    rest = tuple(oid for oid in all_ours if oid not in fresh)
    return Cargo(tuple(fresh), rest, reached, revived, tuple(chains))


def _is_ours(project: Project, index: Index, oid: str) -> bool:
    record = index.get(oid)
    if record is None or record.kind not in HOLDERS or record.deleted:
        return False
    return catalogue.made_here(project, index, oid)


def _move(
    project: Project,
    index: Index,
    there: tuple[str, str, Place | None],
    oids: Iterable[str],
    dry_run: bool,
    progress: Progress | None,
    expect: Progress | None,
) -> Exchange:
    remote, url, place = there
    made = {oid: catalogue.made_here(project, index, oid) for oid in oids}
    wanted = needed(project, [oid for oid, mine in made.items() if mine])
    others = needed(project, [oid for oid, mine in made.items() if not mine], {})
    done = Exchange(remote, 0, 0, 0, dry_run=dry_run)
    if not wanted and not others:
        return done
    if place is None:
        raise RemoteError(
            f"{len({**wanted, **others})} large files cannot be delivered: no place for "
            f"content is known for '{remote}' ({url})",
            hint=f"name one that everyone reaches: git config datmo.{remote}.store /path",
        )
    if dry_run:
        listed = list({**wanted, **others})
        known = place.present(listed)
        due = [pointer for pointer in listed if pointer not in known]
        return replace(
            done, content_files=len(due), content_bytes=sum(pointer.size for pointer in due)
        )
    files, size, lost = send(project, place, wanted, others, progress, expect)
    missing = tuple(
        f"{others[p]} ({p.size} bytes) of another clone's snapshot is not here and was not sent"
        for p in lost
    )
    return replace(done, content_files=files, content_bytes=size, notices=missing)


def joined(one: Exchange, more: Exchange) -> Exchange:
    """Two parts of one exchange as one."""
    return replace(
        one,
        refs=one.refs + more.refs,
        content_files=one.content_files + more.content_files,
        content_bytes=one.content_bytes + more.content_bytes,
        missing=(*one.missing, *more.missing),
        notices=tuple(dict.fromkeys((*one.notices, *more.notices))),
        updates=(*one.updates, *more.updates),
    )
