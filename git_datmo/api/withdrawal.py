"""Taking what was purged away from a remote: our new chain first, then refs, then content."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import replace

from git_datmo.api.delivery import mark
from git_datmo.api.tracking import track
from git_datmo.errors import Corrupt, DatmoError, RemoteError
from git_datmo.model.pointer import Pointer
from git_datmo.model.purge import Cleared, Holder
from git_datmo.model.quantity import counted
from git_datmo.records import catalogue, clones, layout, obeying
from git_datmo.records.project import Project
from git_datmo.records.purging import Survey
from git_datmo.remotes import exchange, outgoing, places
from git_datmo.remotes.base import Held, Place
from git_datmo.remotes.content import needed, send, unsent
from git_datmo.storage import notes

Progress = Callable[[int], None]


def withdraw(
    project: Project, remote: str, view: Survey, progress: Progress | None
) -> tuple[Cleared, bool]:
    """Push our chain to a remote, then delete the refs there that hold what was purged.

    A ref that moved meanwhile is left; the second value says that one did. Raises RemoteError,
    Conflict (secrets would go along), ContentMissing.
    """
    there = exchange.listed(project, remote)
    _share(project, remote, there, progress)
    gone = doomed_refs(project, there, view)
    gone |= {r: oid for r, oid in exchange.placed(project, remote).items() if oid in view.stained}
    if not gone:
        return Cleared(remote), False
    try:
        exchange.push_refs(project, remote, [f":{ref}" for ref in gone], leases=gone)
        track(project, remote, dict.fromkeys(gone))
        return Cleared(remote, refs=len(gone)), False
    except RemoteError as refusal:
        error = refusal.message
    deleted = 0
    for ref, oid in gone.items():
        try:
            exchange.push_refs(project, remote, [f":{ref}"], leases={ref: oid})
            track(project, remote, {ref: None})
            deleted += 1
        except RemoteError as refusal:
            error = refusal.message
    there = {**exchange.listed(project, remote), **exchange.placed(project, remote)}
    left = {ref: oid for ref, oid in there.items() if ref in gone}
    moved = any(oid != gone[ref] for ref, oid in left.items())
    return Cleared(remote, refs=deleted, error=error if left else None), moved


def doomed_refs(project: Project, there: Mapping[str, str], view: Survey) -> dict[str, str]:
    """The refs on a remote that hold what was purged, and nothing that our chain does not."""
    found = obeying.superseded(project, there, everybody=True)
    for ref, oid in there.items():
        if layout.clone_of(ref) is None and (oid in view.stained or oid in view.idle):
            found[ref] = oid
    return found


def _share(
    project: Project, remote: str, there: Mapping[str, str], progress: Progress | None
) -> None:
    """Push our chain, with the content of what is new to the remote."""
    index = catalogue.refresh(project)
    clone, tip = clones.read(project.home), index.tips().get(layout.LOCAL_TIP)
    if clone is None or tip is None or there.get(layout.notes_ref(clone.id)) == tip:
        return
    ref = layout.notes_ref(clone.id)
    fresh = _fresh(project, tip, there)
    outgoing.look(project, remote, fresh, [(there.get(ref), tip)]).refuse()
    for url in places.urls_of(project, remote, push=True):
        place = places.place_of(project, remote, url)
        # What a push left out (--no-content) is spoken of there, and still to be delivered.
        late = unsent(project, tip, index.meta(mark(place, url))) if place is not None else []
        oids = dict.fromkeys((*fresh, *late))
        made = {oid: catalogue.made_here(project, index, oid) for oid in oids}
        wanted = needed(project, [oid for oid, mine in made.items() if mine])
        others = needed(project, [oid for oid, mine in made.items() if not mine], {})
        if (wanted or others) and place is None:
            raise RemoteError(
                f"content cannot be delivered: no place for it is known for '{remote}' ({url})",
                hint=f"name one that everyone reaches: git config datmo.{remote}.store /path",
            )
        if place is not None:
            try:
                send(project, place, wanted, others, progress)
            finally:
                place.close()
            with index.update() as update:
                update.set_meta(mark(place, url), tip)
    exchange.push_refs(project, remote, [f"{tip}:{ref}"])
    track(project, remote, {ref: tip})


def _fresh(project: Project, tip: str, there: Mapping[str, str]) -> list[str]:
    """What our chain speaks of and no chain on the remote does."""
    objects = project.repository.objects
    left = {target for target, _ in notes.walk(objects, catalogue.notes_tree(project, tip))}
    for ref, oid in there.items():
        if layout.clone_of(ref) and objects.has(oid):
            try:
                listed = notes.walk(objects, catalogue.notes_tree(project, oid))
                left.difference_update(target for target, _ in listed)
            except Corrupt:
                continue
    return sorted(left)


def remove_content(
    project: Project, cleared: Cleared, content: Collection[Pointer]
) -> tuple[Cleared, list[Holder]]:
    """Take content away from the places of a remote; where that cannot be, who holds it."""
    holders: list[Holder] = []
    for remote, place in places.places(project, cleared.remote) if content else ():
        shared = _shared(project, remote)
        try:
            if not place.removes:
                there = place.present(list(content))
                if there:
                    holders.append(_kept(place, len(there), "the host alone can free it"))
                continue
            held = _matching(place, content)
            if held and shared is not None:
                holders.append(_kept(place, len(held), shared))
            elif held:
                size = place.remove(held)
                cleared = replace(
                    cleared, files=cleared.files + len(held), size=cleared.size + size
                )
        except DatmoError as error:
            holders.append(
                _kept(
                    place,
                    len(content),
                    f"git datmo purge, once this is cleared up: {error.message}",
                )
            )
        finally:
            place.close()
    return cleared, holders


def _kept(place: Place, count: int, advice: str) -> Holder:
    return Holder("content", f"{place.name} ({counted(count, 'file')})", advice)


def _shared(project: Project, remote: str) -> str | None:
    """What to do first where a place may serve other repositories too; None where it does not."""
    named = places.setting(project, remote)
    if named in (None, "git", "lfs"):
        return None
    if project.repository.config.boolean(f"datmo.{remote}.storeIsOurs", False):
        return None
    return (
        f"other repositories may use it; if none does: "
        f"git config datmo.{remote}.storeIsOurs true, then git datmo purge"
    )


def _matching(place: Place, content: Collection[Pointer]) -> list[Held]:
    """What a place holds of `content`, by name, size and, where the name tells it, digest."""
    wanted = {(pointer.key, pointer.size): pointer for pointer in content}
    found = []
    for held in place.listing():
        pointer = wanted.get((held.key, held.size))
        if pointer is not None and held.blake3 in (None, pointer.blake3):
            found.append(held)
    return found
