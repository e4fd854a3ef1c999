"""Content on a Git LFS server, and a list in git of what was brought there.

The server knows content by SHA-256; our pointers do not. So whoever puts content there lists its
SHA-256 on the git remote, in the ledger, and readers look it up there. What comes back is checked
against the pointer's BLAKE3 like everything else, so neither server nor list has to be believed.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from git_datmo.errors import ContentMissing, DatmoError, RemoteError
from git_datmo.model.pointer import Pointer
from git_datmo.remotes.base import Advance, Checkup, Held
from git_datmo.remotes.gitwire import Wire
from git_datmo.remotes.ledger import Ledger, Line
from git_datmo.remotes.lfs.access import Access, Logins
from git_datmo.remotes.lfs.batch import MOST_OBJECTS, Answer, Api, Object
from git_datmo.remotes.lfs.digests import Digests
from git_datmo.remotes.lfs.endpoint import DOWNLOAD, UPLOAD, find, shown
from git_datmo.remotes.lfs.http import CONNECTIONS, Http
from git_datmo.remotes.lfs.lists import oid_of, publish
from git_datmo.remotes.lfs.moving import Mover, refused
from git_datmo.remotes.transfer import concurrently, each
from git_datmo.storage.git import Git
from git_datmo.storage.store import Store

_ABSENT = frozenset({404, 410})
# Asking for leave to upload this shows whether we may write; it is never sent.
_PROBE = Object(hashlib.sha256(b"git-datmo").hexdigest(), len(b"git-datmo"))


class Lfs:
    """The Git LFS server that goes with a git remote. `home` is where a clone keeps what it
    knows of places."""

    removes = False

    def __init__(self, git: Git, home: Path, remote: str, url: str) -> None:
        self._git, self._remote, self._url = git, remote, url
        known = hashlib.sha1(os.fsencode(url), usedforsecurity=False).hexdigest()[:16]
        self._wire = Wire(git, url)
        self._ledger = Ledger(self._wire, home / "ledgers" / f"lfs-{known}")
        self._digests = Digests(home / "sha256.sqlite")
        self._http = Http(git)
        self._apis: dict[str, Api] = {}
        self._logins: Logins = {}

    @property
    def name(self) -> str:
        """The address of the server, and of the git remote that lists what is there."""
        try:
            server = find(self._git, self._remote, self._url, UPLOAD).url
        except DatmoError:
            server = "an unknown address"
        return f"{shown(self._url)} (Git LFS at {server})"

    def present(self, pointers: Sequence[Pointer]) -> set[Pointer]:
        """Those that are listed and that the server has, in their size."""
        if not pointers:
            return set()
        listed = self._listed(self._ledger.lines(), pointers)
        things: dict[Object, set[Pointer]] = {}
        found: set[Pointer] = set()
        for pointer, oids in listed.items():
            ours = self._digests.recall(pointer)
            # What was computed here is surer than what somebody lists.
            for oid in oids if ours is None else [ours] if ours in oids else []:
                things.setdefault(Object(oid, pointer.size), set()).add(pointer)
        for answers in self._asked(self._api(DOWNLOAD), [t for t in things if t.size]):
            for thing, answer in answers.items():
                if "download" in answer.actions:
                    found |= things[thing]
                elif answer.code not in (None, 422, *_ABSENT):
                    raise refused(self._api(DOWNLOAD), answer)
        return found | {pointer for pointer in listed if not pointer.size}

    def put(self, source: Store, pointers: Sequence[Pointer], advance: Advance) -> None:
        """Bring content there, then list it.

        Raises RemoteError, and ContentMissing or DamagedContent when `source` lacks something.
        """
        sent: dict[Pointer, Object] = {}
        for part in _parts(pointers):
            digests = self._digests.compute(source, part)
            things = {pointer: Object(digests[pointer], pointer.size) for pointer in part}
            self._upload(source, things, advance)
            sent |= things
        if sent:
            publish(self._ledger, self._wire, sent)

    def _upload(self, source: Store, things: dict[Pointer, Object], advance: Advance) -> None:
        # There is nothing in an empty file to be kept, and servers differ on whether they would.
        full = {pointer: thing for pointer, thing in things.items() if thing.size}
        if not full:
            return
        api = self._api(UPLOAD)
        answers = api.ask(list(dict.fromkeys(full.values())))
        for answer in answers.values():
            if answer.code is not None:
                raise refused(api, answer)
        mover = Mover(api, self._http)
        concurrently(
            lambda pointer: mover.upload(answers[full[pointer]], source, pointer, advance),
            full,
            CONNECTIONS,
        )
        unverified = [
            thing
            for thing, answer in answers.items()
            if "upload" in answer.actions and "verify" not in answer.actions
        ]
        for answer in api.ask(unverified).values() if unverified else ():
            if answer.code is not None or "upload" in answer.actions:
                raise RemoteError(
                    f"{api.address} took {answer.thing.size} bytes and does not have them",
                    hint="push again; if that does not help, ask whoever looks after the server",
                )

    def get(
        self, target: Store, pointers: Sequence[Pointer], advance: Advance
    ) -> dict[Pointer, DatmoError]:
        """Fetch content from there. Where several lists disagree, each is tried."""
        if not pointers:
            return {}
        lines = self._ledger.lines()
        listed = self._listed(lines, pointers)
        failed: dict[Pointer, DatmoError] = {
            pointer: self._unlisted(pointer, lines.get(pointer, ()))
            for pointer in pointers
            if pointer not in listed
        }
        while listed:
            for part in _parts(list(listed)):
                things = {p: Object(listed[p].pop(0), p.size) for p in part}
                worse = self._download(target, things, advance)
                for pointer in part:
                    if pointer in worse:
                        failed[pointer] = worse[pointer]
                    else:
                        failed.pop(pointer, None)
                        del listed[pointer]
            listed = {pointer: oids for pointer, oids in listed.items() if oids}
        return failed

    def _download(
        self, target: Store, things: dict[Pointer, Object], advance: Advance
    ) -> dict[Pointer, DatmoError]:
        api = self._api(DOWNLOAD)
        full = list(dict.fromkeys(thing for thing in things.values() if thing.size))
        answers = api.ask(full) if full else {}
        mover = Mover(api, self._http)

        def fetch(pointer: Pointer) -> None:
            answer = answers.get(things[pointer], Answer(things[pointer], {}))
            if answer.code in (*_ABSENT, 422):
                raise ContentMissing(f"{api.address} has lost {pointer.key}")
            if answer.code is not None:
                raise refused(api, answer)
            mover.download(answer, target, pointer, advance)

        return each(fetch, list(things), CONNECTIONS)

    def listing(self) -> Iterator[Held]:
        """Everything that anybody lists."""
        moment = time.time()
        for pointer, lines in self._ledger.lines().items():
            for line in lines:
                if (oid := oid_of(line)) is not None:
                    age = moment - line.at
                    yield Held(pointer.key, pointer.blake3, pointer.size, age, oid)
                    break

    def remove(self, held: Sequence[Held]) -> int:
        """Always a RemoteError: a Git LFS server has no request that takes content away."""
        raise RemoteError(
            f"nothing can be taken away from {self.name}",
            hint="the host's own pages or its owner can: see docs/how-to/share-with-lfs.md",
        )

    def check(self) -> Checkup:
        """Whether server and list can be read, and whether the server would take content."""
        remarks = ("content there is freed by the host, not by 'git datmo gc'",)
        try:
            self._ledger.read()
            self._api(DOWNLOAD).ask([_PROBE])
        except DatmoError as error:
            return Checkup(False, None, remarks=(error.message,))
        refusals: list[DatmoError | None] = [self._wire.refuses_pushes()]
        try:
            answer = self._api(UPLOAD).ask([_PROBE])[_PROBE]
            if answer.code is not None:
                refusals.append(refused(self._api(UPLOAD), answer))
        except DatmoError as error:
            refusals.append(error)
        said = [refusal.message for refusal in refusals if refusal is not None]
        return Checkup(True, not said, remarks=(*remarks, *said))

    def close(self) -> None:
        """Close the connections."""
        self._http.close()
        self._digests.close()

    def _api(self, operation: str) -> Api:
        if operation not in self._apis:
            endpoint = find(self._git, self._remote, self._url, operation)
            access = Access(self._git, endpoint, operation, self._logins)
            self._apis[operation] = Api(self._http, access, operation)
        return self._apis[operation]

    def _unlisted(self, pointer: Pointer, lines: Sequence[Line]) -> ContentMissing:
        where = shown(self._url)
        if any("chunks" in line.rest for line in lines):
            return ContentMissing(
                f"{pointer.key} lies in the git refs of {where}, not in its Git LFS: "
                f"git config datmo.{self._remote}.store git"
            )
        return ContentMissing(f"no list at {where} names {pointer.key}")

    def _listed(
        self, lines: Mapping[Pointer, Sequence[Line]], pointers: Sequence[Pointer]
    ) -> dict[Pointer, list[str]]:
        """The SHA-256 that lists name for these, those of ours first; each once."""
        found: dict[Pointer, list[str]] = {}
        for pointer in pointers:
            oids = [oid for line in lines.get(pointer, ()) if (oid := oid_of(line)) is not None]
            if oids:
                ours = self._digests.recall(pointer)
                unique = dict.fromkeys(oids)
                found[pointer] = sorted(unique, key=lambda oid: oid != ours)
        return found

    def _asked(self, api: Api, things: Sequence[Object]) -> Iterator[dict[Object, Answer]]:
        for start in range(0, len(things), MOST_OBJECTS):
            yield api.ask(things[start : start + MOST_OBJECTS])


def _parts(pointers: Sequence[Pointer]) -> Iterator[list[Pointer]]:
    for start in range(0, len(pointers), MOST_OBJECTS):
        yield list(pointers[start : start + MOST_OBJECTS])
