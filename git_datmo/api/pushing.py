"""push: content first, then refs, all or nothing."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from git_datmo.api import naming, settling
from git_datmo.api.delivery import deliver, joined, mark
from git_datmo.api.tracking import connect, default_remote, track
from git_datmo.errors import RemoteError
from git_datmo.model.project import Exchange
from git_datmo.model.quantity import counted
from git_datmo.records import (
    absorption,
    artifacts,
    astray,
    catalogue,
    chain,
    clones,
    layout,
    obeying,
)
from git_datmo.records import purged as purges
from git_datmo.records.kinds import RUN
from git_datmo.records.project import Project
from git_datmo.remotes import exchange, places
from git_datmo.storage import refs
from git_datmo.storage.index import Index
from git_datmo.storage.locks import mutex

Progress = Callable[[int], None]

DEFAULT_MAX_CHAINS = 100
DEFAULT_ABSORB_DAYS = 1
DAY = 86_400


def push(
    project: Project,
    remote: str | None = None,
    ids: Sequence[str] = (),
    *,
    content: bool | None = None,
    dry_run: bool = False,
    progress: Progress | None = None,
    expect: Progress | None = None,
    report: Callable[[str], None] | None = None,
) -> Exchange:
    """Share what this clone made: content first, then refs, all or nothing.

    Content that was delivered before is not looked for again, but for that of the snapshots,
    runs or artifacts in `ids`, or of all with `content`; with False none is sent. Refs that were
    retired here are let go of on the remote as well, and chains of clones that are gone are taken
    over.
    Raises RemoteError, ContentMissing, Conflict (secrets would go along), ProjectNotInitialized,
    SnapshotNotFound.
    """
    project.require_initialized()
    name = remote or default_remote(project, pushing=True)
    connect(project, name)
    chain.heal(project, thoroughly=True)
    astray.tidy(project)
    again = [naming.holder(project, text).id for text in ids]
    common = project.repository.common_dir
    done = Exchange(name, 0, 0, 0, dry_run=dry_run)
    if refs.read_one(common, layout.LOCAL_TIP) is None:
        return done
    there = exchange.listed(project, name)
    with mutex(project.home):
        # What is recorded from here on has not been delivered: the next push takes it along.
        clone, tip = clones.read(project.home), refs.read_one(common, layout.LOCAL_TIP)
        own = refs.read(common, layout.OWN).found
    if tip is None or clone is None:
        return done
    chain_ref = layout.notes_ref(clone.id)
    own[chain_ref] = tip
    for url in places.urls_of(project, name, push=True):
        moved = [(tip, chain_ref, there.get(chain_ref) or _former(clone, there))]
        one = deliver(
            project,
            name,
            url,
            moved,
            again=again,
            content=content,
            dry_run=dry_run,
            progress=progress,
            expect=expect,
        )
        done = joined(done, one)
    wanted = {ref: oid for ref, oid in own.items() if _is_due(ref, oid, there)}
    index = catalogue.refresh(project)
    gone = [ref for ref in there if ref not in own and _is_ours(project, index, ref)]
    if not dry_run:
        if wanted:
            wanted, there = _bring(project, name, wanted, there, report)
            track(project, name, dict(wanted))
        if gone:
            try:
                exchange.push_refs(project, name, [f":{ref}" for ref in gone])
                track(project, name, dict.fromkeys(gone))
            except RemoteError as error:
                kept = counted(len(gone), "ref")
                told = f"{name} keeps what was retired here ({kept}): {error.message}"
                done, gone = joined(done, Exchange(name, 0, 0, 0, notices=(told,))), []
        for url in places.urls_of(project, name, push=True)[:1]:
            late = settling.settled_quietly(project, url)
            done = joined(done, Exchange(name, 0, 0, 0, notices=late))
        done = joined(done, _withdraw(project, name, there))
        done = joined(done, _absorb(project, name, there, chain_ref, tip))
    updates: list[tuple[str, str | None, str | None]]
    updates = [(ref, there.get(ref), oid) for ref, oid in wanted.items()]
    updates += [(ref, there[ref], None) for ref in gone]
    return joined(done, Exchange(name, len(wanted), 0, 0, updates=tuple(updates)))


def _bring(
    project: Project,
    remote: str,
    wanted: dict[str, str],
    there: dict[str, str],
    report: Callable[[str], None] | None,
) -> tuple[dict[str, str], dict[str, str]]:
    """Push refs; those that went, and the refs that were there before.

    Clones share some refs, environments mostly, whose names say what they are: when another one
    brings such a ref at the same time, the push is begun again without it.
    """
    while wanted:
        specs = [f"{oid}:{ref}" for ref, oid in wanted.items()]
        try:
            exchange.push_refs(project, remote, specs, report=report)
            break
        except RemoteError:
            there = exchange.listed(project, remote)
            left = {ref: oid for ref, oid in wanted.items() if _is_due(ref, oid, there)}
            if len(left) == len(wanted):
                raise
            wanted = left
    return wanted, there


def _former(clone: clones.Clone, there: dict[str, str]) -> str:
    """How far our chain was pushed under the name that this clone had before; else empty."""
    found = (there.get(layout.notes_ref(name)) for name in reversed(clone.former))
    return next((oid for oid in found if oid is not None), "")


def _withdraw(project: Project, remote: str, there: dict[str, str]) -> Exchange:
    """Delete on a remote what holds purged objects and nothing that our chain does not."""
    gone = obeying.superseded(project, there)
    if purged := purges.known(catalogue.refresh(project)):
        gone |= {r: oid for r, oid in exchange.placed(project, remote).items() if oid in purged}
    if not gone:
        return Exchange(remote, 0, 0, 0)
    try:
        exchange.push_refs(project, remote, [f":{ref}" for ref in gone], leases=gone)
    except RemoteError as error:
        kept = counted(len(gone), "ref")
        told = f"{remote} keeps {kept} of what was purged: {error.message}"
        return Exchange(remote, 0, 0, 0, notices=(told,))
    track(project, remote, dict.fromkeys(gone))
    updates = tuple((ref, oid, None) for ref, oid in gone.items())
    return Exchange(remote, 0, 0, 0, updates=updates)


def due(project: Project, there: dict[str, str]) -> dict[str, str]:
    """The refs of ours that a push has to bring to a remote that has the refs `there`."""
    own = refs.read(project.repository.common_dir, layout.OWN).found
    return {ref: oid for ref, oid in own.items() if _is_due(ref, oid, there)}


def _is_due(ref: str, oid: str, there: dict[str, str]) -> bool:
    """Whether a ref of ours has to be pushed. Only notes refs ever move."""
    if not layout.is_ours_by_shape(ref):
        return False
    return there.get(ref) != oid if ref.startswith(layout.NOTES) else ref not in there


def _is_ours(project: Project, index: Index, ref: str) -> bool:
    """Whether a snapshot's, run's or artifact's ref on the remote is one that we made."""
    return any(catalogue.made_here(project, index, oid) for oid in _objects(index, ref))


def _objects(index: Index, ref: str) -> list[str]:
    """The snapshot, the commits of the run, or the versions of the artifact, that a ref below
    refs/datmo/ is named after."""
    if ref.startswith(layout.ARTIFACTS):
        return artifacts.named(index, ref.removeprefix(layout.ARTIFACTS))
    name = ref.removeprefix(layout.SNAPSHOTS).removeprefix(layout.RUNS)
    if not layout.is_ours_by_shape(ref) or "/" in name:
        return []
    return [name] if layout.is_oid(name) else index.find_text(("run_id",), name, RUN)


def _absorb(
    project: Project, remote: str, there: dict[str, str], own: str, pushed: str
) -> Exchange:
    """Take over idle chains where a remote carries too many, and delete their refs there.

    Past `datmo.maxChains` chains, those that nobody added to for `datmo.absorbAfter` days go, the
    oldest first, until half are left: every ref makes each push and fetch of everybody slower.
    """
    config, done = project.repository.config, Exchange(remote, 0, 0, 0)
    limit = max(1, config.number("datmo.maxChains", DEFAULT_MAX_CHAINS))
    chains = {ref: oid for ref, oid in there.items() if layout.clone_of(ref) and ref != own}
    if len(chains) < limit:
        return done
    idle = time.time() - DAY * config.number("datmo.absorbAfter", DEFAULT_ABSORB_DAYS)
    objects = project.repository.objects
    ages = {
        ref: objects.commit(oid).time
        for ref, oid in chains.items()
        if objects.kind(oid) == "commit"
    }
    old = sorted((ref for ref, moved in ages.items() if moved <= idle), key=lambda ref: ages[ref])
    chosen = {layout.clone_of(ref) or "": chains[ref] for ref in old[: len(chains) - limit // 2]}
    if not chosen:
        return done
    taken = absorption.absorb(project, chosen, pushed)
    if not taken.tips:
        return done
    exchange.push_refs(project, remote, [f"{taken.tip}:{own}"])
    _reached(project, remote, pushed, taken.tip)
    gone = {ref: oid for ref, oid in chains.items() if layout.clone_of(ref) in taken.tips}
    gone |= _named_by(project, there, set(taken.tips))
    notices: tuple[str, ...] = ()
    try:
        exchange.push_refs(project, remote, [f":{ref}" for ref in gone], leases=gone)
    except RemoteError as error:
        kept = counted(len(gone), "ref")
        notices = (f"{remote} keeps {kept} of clones that are gone: {error.message}",)
        gone = {}
    track(project, remote, {own: taken.tip, **dict.fromkeys(gone)})
    updates = [(ref, oid, None) for ref, oid in gone.items()]
    notices += tuple(f"chain of {clone}: {why}" for clone, why in taken.left.items())
    return Exchange(remote, 0, 0, 0, notices=notices, updates=tuple(updates))


def _named_by(project: Project, there: dict[str, str], gone: set[str]) -> dict[str, str]:
    """The refs on a remote of what clones which are gone have made."""
    index = catalogue.refresh(project)
    found = {}
    for ref, oid in there.items():
        makers = [catalogue.first_operation(project, index, o) for o in _objects(index, ref)]
        if any(first is not None and first.clone in gone for first in makers):
            found[ref] = oid
    return found


def _reached(project: Project, remote: str, before: str, tip: str) -> None:
    """What was absorbed lies at the remote already: its content is not to be looked for. What
    the remote lacked before (a push without content) it still lacks."""
    index = catalogue.refresh(project)
    for url in places.urls_of(project, remote, push=True):
        key = mark(places.place_of(project, remote, url), url)
        if index.meta(key) == before:
            with index.update() as update:
                update.set_meta(key, tip)
