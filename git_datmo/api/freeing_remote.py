"""Freeing content of a remote: what nothing living mentions, of any chain known here or there."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace

from git_datmo.api import fetching
from git_datmo.api.freeing import Agree, Progress, confirmed
from git_datmo.api.tracking import default_remote
from git_datmo.errors import Conflict, Corrupt, RemoteError, UsageError
from git_datmo.model.freed import CONTENT, Amount, Freeable, Freed
from git_datmo.model.pointer import Pointer
from git_datmo.records import layout
from git_datmo.records.living import Living
from git_datmo.records.pointers import pointers_of
from git_datmo.records.project import Project
from git_datmo.remotes import exchange, places
from git_datmo.remotes.base import Held, Place
from git_datmo.storage import surplus

# Whoever pushes asks for content first and sends refs last; what was asked for within a day need
# not look any younger. Content must be older than both together.
LEAST_GRACE = 2 * 86_400
BATCH = 1000
# What fetched repositories keep for themselves there, with setting `git` or `lfs`.
_OWN_PLACES = ("git", "lfs")


class Remote:
    """One gc of a remote's place, which is closed by `close`."""

    def __init__(
        self, project: Project, remote: str, grace: float, progress: Progress | None
    ) -> None:
        self._project, self._name, self._grace = project, remote, grace
        self._progress = progress
        self._now = time.time()
        self._url = _address(project, remote)
        place = places.place_of(project, remote, self._url)
        if place is None:
            raise UsageError(f"no place for content is known for '{remote}' ({self._url})")
        self._place: Place = place
        if not place.removes:
            raise UsageError(
                f"nothing can be freed at {place.name}: its host alone removes content there",
                hint="see what the host offers for that",
            )
        if grace < LEAST_GRACE:
            raise UsageError(
                f"content on a remote needs a grace period of {LEAST_GRACE // 86_400} days at "
                f"least, not {grace / 86_400:g}: somebody may be pushing",
                hint="git -c datmo.gcGrace=2d datmo gc --remote",
            )
        self._require_ours()
        self._alike = self._same_place()
        self._living = Living(project, int((self._now - grace) * 1000))
        self._seen: set[bytes] = set()
        self._left: dict[str, list[Held]] = {}
        self._there: dict[str, dict[str, str]] = {}

    def close(self) -> None:
        """Let go of the place."""
        self._place.close()

    def look(self, *, dry_run: bool) -> Freed:
        """What may go. Fetches first. Raises RemoteError, and Corrupt when not all chains there
        can be read."""
        self._listen()
        young: list[Held] = []
        needed: list[Held] = []
        for held in self._place.listing():
            if held.age > self._grace:
                self._left.setdefault(_name(held), []).append(held)
            else:
                young.append(held)
        self._keep(needed)
        paths = self._paths() if self._left else {}
        rows = tuple(self._row(name, held, paths) for name, held in self._doomed())
        return Freed(
            self._name,
            self._place.name,
            dry_run,
            self._grace,
            rows,
            needed=_amount(needed),
            young=_amount(young),
        )

    def free(self, found: Freed) -> Freed:
        """Take away what `look` found, unless somebody who pushed meanwhile needs it."""
        rows = {held.name: row for (_, held), row in zip(self._doomed(), found.rows, strict=True)}
        # Looking took a while, and so did the answer: what was asked for meanwhile stays.
        doomed = [
            (_name(held), held)
            for held in self._place.listing()
            if held.age > self._grace and held.name in rows
        ]
        size, gone = 0, list[Freeable]()
        for start in range(0, len(doomed), BATCH):
            if self._moved():
                self._listen()
            if self._living.moved():
                self._keep([])
            batch = [(n, held) for n, held in doomed[start : start + BATCH] if n in self._left]
            if batch:
                size += self._place.remove([held for _, held in batch])
                gone += [rows[held.name] for _, held in batch]
        done = replace(found, rows=tuple(gone))
        gap = done.size - size
        said = (f"{gap} bytes of it were gone already",) if gap > 0 else ()
        return replace(done, notices=found.notices + said)

    def _doomed(self) -> list[tuple[str, Held]]:
        return [(name, held) for name in sorted(self._left) for held in self._left[name]]

    def _keep(self, needed: list[Held]) -> None:
        """Take what lives off the list."""
        for root in self._living.roots():
            if self._progress is not None:
                self._progress(1)
            for pointer in self._living.pointers(root, self._seen):
                for name in surplus.names(pointer):
                    needed += self._left.pop(name, ())

    def _row(self, name: str, held: Held, paths: dict[str, tuple[str, str]]) -> Freeable:
        path, snapshot = paths.get(name, paths.get(held.key, (None, None)))
        return Freeable(CONTENT, name, held.size, held.age, path, snapshot)

    def _paths(self) -> dict[str, tuple[str, str]]:
        """The paths of what were files of deleted snapshots, and those snapshots."""
        found: dict[str, tuple[str, str]] = {}
        seen: set[str] = set()
        for each in self._project.index.outlines():
            if each.deleted and each.tree:
                with suppress(Corrupt):
                    for path, pointer in pointers_of(self._project, each.tree, seen):
                        for name in _among(pointer, self._left):
                            shown = path.decode(errors="surrogateescape")
                            found.setdefault(name, (shown, each.id))
        return found

    def _require_ours(self) -> None:
        """A store that was named may serve projects of which nothing is known here."""
        remote = self._name
        named = places.setting(self._project, remote)
        config = self._project.repository.config
        if named is None or named in _OWN_PLACES:
            return
        if not config.boolean(f"datmo.{remote}.storeIsOurs", False):
            raise UsageError(
                f"other repositories may keep content at {self._place.name} too, and nothing is "
                "known here of what they need",
                hint="if all that use it are remotes of this clone: "
                f"git config datmo.{remote}.storeIsOurs true",
            )

    def _same_place(self) -> list[str]:
        """The remotes of this clone whose content lies there."""
        found = [self._name]
        for remote in places.remotes(self._project):
            if remote == self._name:
                continue
            for url in places.urls_of(self._project, remote, push=True):
                other = places.place_of(self._project, remote, url)
                if other is not None and other.name == self._place.name:
                    found.append(remote)
        return found

    def _listen(self) -> None:
        """Fetch all that these remotes have, and make sure that nothing there is unknown here."""
        for remote in self._alike:
            fetching.fetch(self._project, remote)
            self._there[remote] = self._chains(remote)
        self._project.repository.objects.forget()
        strange = [
            f"{name} on {remote}"
            for remote, chains in self._there.items()
            for name, tip in chains.items()
            if self._project.repository.objects.kind(tip) is None
        ]
        if strange:
            raise Conflict(
                "nothing was freed: the remote holds chains that a fetch does not bring: "
                + ", ".join(strange[:5]),
                hint="it is a clone that knows others: run 'git datmo gc' there",
            )
        if not any(self._there.values()):
            raise Conflict(
                f"nothing was freed: no chain can be seen on '{self._name}', so what is needed "
                "there is not known",
                hint="push first; or the server hides refs/datmo (transfer.hideRefs)",
            )

    def _chains(self, remote: str) -> dict[str, str]:
        """The tips of every notes chain there, those that it has of others too."""
        found = exchange.advertised(self._project, remote)
        mine = layout.LOCAL_TIP
        return {name: oid for name, oid in found.items() if layout.clone_of(name) or name == mine}

    def _moved(self) -> bool:
        return any(self._chains(remote) != known for remote, known in self._there.items())


def gc(
    project: Project,
    remote: str | None,
    grace: float,
    *,
    dry_run: bool,
    agree: Agree | None,
    progress: Progress | None,
) -> Freed:
    """Free content of a remote, the default one for None."""
    work = Remote(project, remote or default_remote(project), grace, progress)
    try:
        found = work.look(dry_run=dry_run)
        if dry_run:
            return found
        confirmed(found, agree)
        return work.free(found) if found.rows else found
    finally:
        work.close()


def _address(project: Project, remote: str) -> str:
    """The one address of a remote. Raises UsageError when it has several, RemoteError."""
    push, fetch = (places.urls_of(project, remote, push=push) for push in (True, False))
    if not push:
        raise RemoteError(f"the remote '{remote}' has no address")
    if push != fetch or len(push) > 1:
        raise UsageError(
            f"'{remote}' is fetched from and pushed to at different addresses, and what is needed "
            "at one is not known from another",
            hint="make each a remote of its own, and free their content one by one",
        )
    return push[0]


def _name(held: Held) -> str:
    return held.key if held.blake3 is None else f"{held.key}-{held.blake3}"


def _among(pointer: Pointer, left: dict[str, list[Held]]) -> Iterator[str]:
    return (name for name in surplus.names(pointer) if name in left)


def _amount(held: Sequence[Held]) -> Amount:
    return Amount(len(held), sum(each.size for each in held))
