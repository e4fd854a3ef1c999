"""Freeing content of this clone: what nothing living mentions, and what a remote has as well."""

from __future__ import annotations

import secrets
import tempfile
import time
from collections.abc import Callable, Collection, Iterable
from contextlib import suppress

from git_datmo.errors import Conflict, Corrupt, RemoteError
from git_datmo.model.freed import CONTENT, LEAVING, Amount, Freeable, Freed
from git_datmo.model.pointer import Pointer
from git_datmo.model.quantity import counted
from git_datmo.records import catalogue, flights, layout, retention
from git_datmo.records.living import Living, Root
from git_datmo.records.pointers import pointers_of
from git_datmo.records.project import Project
from git_datmo.records.retention import Policy
from git_datmo.remotes import places
from git_datmo.remotes.base import Place
from git_datmo.storage import surplus
from git_datmo.storage.surplus import Look

Agree = Callable[[Freed], bool]
Progress = Callable[[int], None]


class Freeing:
    """One gc of this clone's store. `look` finds what may go, `free` takes it away.

    `policy` is None where nothing that lives is to leave; `grace` is in seconds.
    """

    def __init__(
        self, project: Project, policy: Policy | None, grace: float, progress: Progress | None
    ) -> None:
        self._project, self._policy, self._grace = project, policy, grace
        self._progress = progress or _silent
        self._now = time.time()
        self._living = Living(project, int((self._now - grace) * 1000))
        self._seen: set[bytes] = set()
        self._rescued: set[str] = set()
        self._chosen: set[str] = set()
        self._notices: list[str] = []

    def look(self, *, dry_run: bool) -> Freed:
        """What may go, and what stays and why. Raises Corrupt when that cannot be told."""
        self._files = surplus.content(self._project.store)
        left = dict(self._files)
        if self._policy is not None:
            self._chosen = retention.leaving(self._project, self._policy, self._now)
        roots: list[Root] = []
        for root in self._living.roots():
            self._progress(1)
            if root.id in self._chosen:
                roots.append(root)
                continue
            for pointer in self._living.pointers(root, self._seen):
                for name in surplus.names(pointer):
                    left.pop(name, None)
        only, elsewhere = self._leaving(roots, left)
        before = self._now - self._grace
        nobodys = {n: look for n, look in left.items() if n not in only and n not in elsewhere}
        self._doomed = {n: CONTENT for n, look in nobodys.items() if look.mtime < before}
        young = [look for n, look in nobodys.items() if n not in self._doomed]
        self._doomed |= dict.fromkeys(sorted(elsewhere), LEAVING)
        self._leftovers = surplus.leftovers(
            self._project.store, self._grace, flights.named(self._project)
        )
        rows = [*self._rows(self._doomed), *self._leftovers]
        return Freed(
            None,
            str(self._project.store.folder),
            dry_run,
            self._grace,
            tuple(rows),
            needed=_amount(self._files[n] for n in self._files.keys() - left.keys()),
            young=_amount(young),
            only_copy=_amount(left[n] for n in only),
            leaving=len(self._chosen),
            notices=tuple(self._notices),
        )

    def free(self, found: Freed) -> Freed:
        """Take away what `look` found, as far as nothing recorded meanwhile needs it.

        Raises RepositoryBusy, ReadOnlyRepository; what was freed until then is.
        """
        doomed = [(name, self._files[name]) for name in self._doomed]
        gone = set(surplus.take(self._project.store, doomed, self._still))
        rows = [row for row in found.rows if row.name in gone]
        rows += surplus.remove(self._leftovers)
        kept = len(doomed) - len(gone)
        said = (f"{counted(kept, 'file')} stayed, counted on just now",) if kept else ()
        return Freed(**{**found.__dict__, "rows": tuple(rows), "notices": found.notices + said})

    def _still(self, names: Collection[str]) -> Collection[str]:
        """Which of some may go by what lives now; asked while nobody can record content."""
        if self._living.moved():
            if self._policy is not None:
                self._chosen &= retention.leaving(self._project, self._policy, self._now)
            for root in self._living.roots():
                if root.id not in self._chosen:
                    for pointer in self._living.pointers(root, self._seen):
                        self._rescued.update(surplus.names(pointer))
        return set(names) - self._rescued

    def _leaving(self, roots: list[Root], left: dict[str, Look]) -> tuple[set[str], set[str]]:
        """Of what only snapshots that leave mention: the names of what is nowhere else, and of
        what some remote has."""
        mentioned: dict[str, set[Pointer]] = {}
        seen: set[bytes] = set()
        for root in roots:
            for pointer in self._living.pointers(root, seen):
                for name in surplus.names(pointer):
                    if name in left:
                        mentioned.setdefault(name, set()).add(pointer)
        wanted = {pointer for found in mentioned.values() for pointer in found}
        safe = self._elsewhere(roots, wanted) if wanted else set()
        elsewhere = {name for name, found in mentioned.items() if found <= safe}
        return mentioned.keys() - elsewhere, elsewhere

    def _elsewhere(self, roots: list[Root], wanted: set[Pointer]) -> set[Pointer]:
        """What remotes have right now. Only content of snapshots that a remote knows of counts
        there: any other would be freed there some day."""
        safe: set[Pointer] = set()
        for remote, place in places.places(self._project):
            try:
                known = self._known(remote, roots) & wanted - safe
                if known and not self._is_our_own(place):
                    safe |= place.present(list(known))
            except RemoteError as error:
                self._notices.append(f"{remote} ({place.name}): {error.message}")
            finally:
                place.close()
        return safe

    def _known(self, remote: str, roots: list[Root]) -> set[Pointer]:
        index = catalogue.refresh(self._project)
        room = layout.tracking(places.room(self._project, remote))
        chains = [n for n in index.tips() if n.startswith(room) and layout.clone_of(n)]
        seen: set[bytes] = set()
        found: set[Pointer] = set()
        for root in roots:
            if any(index.has_note(chain, root.id) for chain in chains):
                found.update(self._living.pointers(root, seen))
        return found

    def _is_our_own(self, place: Place) -> bool:
        """Whether a place is this very store, by whatever way: what is new here is there too."""
        store = self._project.store
        with tempfile.TemporaryFile() as file:
            file.write(b"git-datmo probe " + secrets.token_bytes(16))
            file.seek(0)
            probe = store.ingest(file.fileno(), sync=False)
        try:
            ours = probe in place.present([probe])
        finally:
            for path in store.candidates(probe):
                path.unlink(missing_ok=True)
            store.stamps.forget(store.candidates(probe))
            store.lock.release()
        if ours:
            self._notices.append(f"{place.name} is this clone's own store: it is no second copy")
        return ours

    def _rows(self, doomed: dict[str, str]) -> Iterable[Freeable]:
        paths = self._paths(doomed) if doomed else {}
        for name, kind in doomed.items():
            look = self._files[name]
            path, snapshot = paths.get(name, (None, None))
            yield Freeable(kind, name, look.size, self._now - look.mtime, path, snapshot)

    def _paths(self, doomed: Collection[str]) -> dict[str, tuple[str, str]]:
        """For what was a file of a deleted or leaving snapshot: its path and that snapshot."""
        found: dict[str, tuple[str, str]] = {}
        seen: set[str] = set()
        for each in self._project.index.outlines():
            if each.tree and (each.deleted or each.id in self._chosen):
                with suppress(Corrupt):
                    for path, pointer in pointers_of(self._project, each.tree, seen):
                        for name in surplus.names(pointer):
                            if name in doomed:
                                shown = path.decode(errors="surrogateescape")
                                found.setdefault(name, (shown, each.id))
        return found


def confirmed(found: Freed, agree: Agree | None) -> None:
    """Ask before anything goes. Raises Conflict when it may not."""
    if found.rows and agree is not None and not agree(found):
        raise Conflict("nothing was freed: it was not confirmed", hint="--yes does not ask")


def _amount(looks: Iterable[Look]) -> Amount:
    sizes = [look.size for look in looks]
    return Amount(len(sizes), sum(sizes))


def _silent(count: int) -> None:
    pass
