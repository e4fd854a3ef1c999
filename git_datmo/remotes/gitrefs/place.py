"""Content as blobs in refs of a git server: where nothing but git is offered.

Every file is cut into chunks, blobs below the size that public hosts refuse, and sent in pushes
below what they take at once. Nothing of it enters the user's own object database. The refs lie
outside refs/datmo/*, so that no ordinary fetch brings them.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from git_datmo.errors import DatmoError, RemoteError
from git_datmo.model.pointer import Pointer
from git_datmo.remotes.base import Advance, Checkup, Held
from git_datmo.remotes.gitrefs import shelves
from git_datmo.remotes.gitrefs.fetching import Fetching
from git_datmo.remotes.gitrefs.removing import remove
from git_datmo.remotes.gitrefs.sending import PUSH, Bounds, own_among, publish, send
from git_datmo.remotes.gitrefs.shelves import Shelf
from git_datmo.remotes.gitwire import Wire
from git_datmo.remotes.ledger import Ledger, Line, now
from git_datmo.remotes.refusals import Stale
from git_datmo.storage.git import Git
from git_datmo.storage.store import Store

# Asking for content that was listed this long ago, in seconds, lists it anew.
STALE = 86_400


class GitRefs:
    """The refs refs/datmo-store/* of the server at `url`, which may hold `limit` bytes.

    `home` is the repository's datmo folder; `push` bounds what one push carries, in bytes.
    """

    removes = True

    def __init__(
        self, git: Git, home: Path, remote: str, url: str, limit: int, push: int = PUSH
    ) -> None:
        self.bounds = Bounds(remote, limit, push)
        wire = Wire(git, url)
        folder = hashlib.sha1(os.fsencode(url), usedforsecurity=False).hexdigest()[:16]
        self.ledger = Ledger(wire, home / "ledgers" / f"git-{folder}")

    @property
    def name(self) -> str:
        """The address, without a password."""
        return self.ledger.wire.name

    def present(self, pointers: Sequence[Pointer]) -> set[Pointer]:
        """Those that a list names whole, by a writer whose every chunk the server has."""
        if not pointers:
            return set()
        there = shelves.found(self._shelves())
        known = {pointer for pointer in pointers if pointer in there}
        before = now() - STALE
        old = [pointer for pointer in known if there[pointer].at < before]
        if old:
            # Whoever may not push cannot make content count as new; it is there all the same.
            with suppress(RemoteError):
                self._renew(old)
        return known

    def _shelves(self) -> list[Shelf]:
        return list(shelves.shelves(self.ledger.read()).values())

    def _renew(self, pointers: Sequence[Pointer]) -> None:
        """Take lines over into our own list as of now; the server has the chunks."""
        with self.ledger.holding():
            held, own = own_among(self.ledger)
            there = shelves.found(held.values())
            kept = [pointer for pointer in pointers if pointer in there]
            lines = {p: Line(p, now(), there[p].rest) for p in kept}
            donors = [shelf for shelf in held.values() if shelf.sure]
            if lines:
                with self.ledger.scratch() as scratch, suppress(Stale):
                    publish(self.ledger, scratch, own, lines, donors=donors)

    def put(self, source: Store, pointers: Sequence[Pointer], advance: Advance) -> None:
        """Bring content there. Raises RemoteError when it would be more than the limit."""
        if pointers:
            with self.ledger.holding():
                send(self.ledger, self.bounds, source, pointers, advance)

    def get(
        self, target: Store, pointers: Sequence[Pointer], advance: Advance
    ) -> dict[Pointer, DatmoError]:
        """Fetch content, and of the refs nothing but the chunks of it."""
        if not pointers:
            return {}
        held = shelves.shelves(self.ledger.read())
        return Fetching(self.ledger, held, target, advance).fetch(pointers)

    def listing(self) -> Iterator[Held]:
        """Everything that anybody lists there whole, each content once."""
        seen = now()
        newest: dict[Pointer, int] = {}
        for shelf in self._shelves():
            for pointer, line in shelf.ours().items():
                if shelf.whole(pointer) is not None:
                    newest[pointer] = max(line.at, newest.get(pointer, 0))
        for pointer, at in newest.items():
            name = f"{pointer.key}-{pointer.blake3}@{at}"
            yield Held(pointer.key, pointer.blake3, pointer.size, max(0, seen - at), name)

    def remove(self, held: Sequence[Held]) -> int:
        """Take content out of all lists. The host's own housekeeping frees the bytes."""
        if not held:
            return 0
        with self.ledger.holding():
            return remove(self.ledger, held)

    def check(self) -> Checkup:
        """Whether the server answers, and whether it would take a push."""
        try:
            held = self._shelves()
        except DatmoError as error:
            return Checkup(False, False, remarks=(error.message,))
        size = shelves.used(held)
        remarks = [f"{size} of {self.bounds.limit} bytes are used (datmo.gitStoreLimit)"]
        refused = self.ledger.wire.refuses_pushes()
        if refused is not None:
            remarks.append(refused.message)
        free = max(0, self.bounds.limit - size)
        return Checkup(True, refused is None, free, tuple(remarks))

    def close(self) -> None:
        """Nothing is open between two calls."""
