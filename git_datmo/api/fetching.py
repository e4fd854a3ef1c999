"""fetch: what others made, and the content that is asked for."""

from __future__ import annotations

from collections.abc import Callable, Container, Sequence
from dataclasses import replace

from git_datmo.api import absence, naming
from git_datmo.api.tracking import connect, default_remote
from git_datmo.model.pointer import Pointer
from git_datmo.model.project import Exchange
from git_datmo.records import astray, catalogue, chain, clones, layout, obeying
from git_datmo.records.kinds import HOLDERS
from git_datmo.records.project import Project
from git_datmo.remotes import exchange, places
from git_datmo.remotes.content import collect, needed
from git_datmo.storage import refs
from git_datmo.storage.locks import mutex

Progress = Callable[[int], None]
Report = Callable[[str], None]


def fetch(
    project: Project,
    remote: str | None = None,
    ids: Sequence[str] = (),
    *,
    content: bool = False,
    dry_run: bool = False,
    progress: Progress | None = None,
    expect: Progress | None = None,
    report: Report | None = None,
) -> Exchange:
    """Bring a remote's snapshots, runs, artifacts and notes, and the content of those in `ids`, or
    of all with `content`. Other large files come when they are needed.

    Nothing that was fetched before is lost: a ref that is gone from the remote goes here too
    only when another chain carries all of it. Raises RemoteError, SnapshotNotFound.
    """
    name = remote or default_remote(project)
    if not dry_run:
        connect(project, name)
    done = _refs(project, name, dry_run, report)
    return _content(project, done, ids, content, progress, expect)


def _refs(project: Project, name: str, dry_run: bool, report: Report | None) -> Exchange:
    room = layout.tracking(places.room(project, name))
    common = project.repository.common_dir
    before = refs.read(common, room).found
    there = exchange.offered(project, name)
    wanted = {room + ref.removeprefix(layout.OWN): oid for ref, oid in there.items()}
    changed = [ref for ref, oid in wanted.items() if before.get(ref) != oid]
    if changed and not dry_run:
        exchange.fetch_refs(project, name, report=report)
        project.repository.objects.forget()
        clone = clones.read(project.home)
        if clone is not None and room + layout.notes_ref(clone.id)[len(layout.OWN) :] in changed:
            # More under our name than we know: what is written from here on needs another.
            chain.heal(project, thoroughly=True)
    astray.tidy(project)
    index = catalogue.refresh(project)
    gone = _carried(project, {ref: before[ref] for ref in before.keys() - wanted.keys()})
    if gone and not dry_run:
        with mutex(project.home):
            refs.update(
                project.repository.objects, project.home, dict.fromkeys(gone), durable=False
            )
        index = catalogue.refresh(project)
    now = wanted if dry_run else refs.read(common, room).found
    updates = [(ref, before.get(ref), now.get(ref)) for ref in sorted(changed)]
    updates += [(ref, before[ref], None) for ref in sorted(gone)]
    told = () if dry_run else obeying.obey(project)
    index = catalogue.refresh(project)
    notices = tuple(f"{ref}: {reason}" for ref, reason in catalogue.problems(index).items()) + told
    return Exchange(
        name, len(changed), 0, 0, notices=notices, updates=tuple(updates), dry_run=dry_run
    )


def _carried(project: Project, gone: dict[str, str]) -> list[str]:
    """Those of some tracking refs whose objects other chains here carry: nothing needs them."""
    if not gone:
        return []
    index, objects = catalogue.refresh(project), project.repository.objects
    chains = {ref: tip for ref, tip in catalogue.sources(project).items() if ref not in gone}
    found = []
    for ref, oid in gone.items():
        if layout.clone_of(ref):
            if any(objects.descends(tip, oid) for tip in chains.values()):
                found.append(ref)
        elif index.get(oid) is not None and any(index.has_note(chain, oid) for chain in chains):
            found.append(ref)
    return found


def _content(
    project: Project,
    done: Exchange,
    ids: Sequence[str],
    everything: bool,
    progress: Progress | None,
    expect: Progress | None,
) -> Exchange:
    chosen = [naming.holder(project, text).id for text in ids]
    if everything and not chosen:
        index = catalogue.refresh(project)
        for kind in HOLDERS:
            chosen += [record.id for record in index.select(kind, include_hidden=True)]
    damaged: dict[str, str] = {}
    wanted = needed(project, chosen, damaged)
    notices = (*done.notices, *(f"snapshot {oid[:12]}: {why}" for oid, why in damaged.items()))
    if done.dry_run:
        due = project.store.missing(wanted)
        size = sum(pointer.size for pointer in due)
        return replace(done, content_files=len(due), content_bytes=size, notices=notices)
    got = collect(project, wanted, progress, expect)
    missing = tuple(
        f"{wanted[p]} ({p.size} bytes, {p.key}): {'; '.join(why) or 'no remote has it'}"
        for p, why in got.lost.items()
    )
    if missing and (advice := absence.hint(project, _users(project, chosen, got.lost))):
        notices = (*notices, advice)
    return replace(
        done, content_files=got.files, content_bytes=got.size, missing=missing, notices=notices
    )


def _users(project: Project, snapshots: Sequence[str], lost: Container[Pointer]) -> list[str]:
    """Those of some snapshots that need content which is lost."""
    return [
        oid for oid in snapshots if any(pointer in lost for pointer in needed(project, [oid], {}))
    ]
