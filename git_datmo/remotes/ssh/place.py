"""Content over ssh, in a store folder like any clone's."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

from git_datmo.errors import DatmoError, RemoteError
from git_datmo.model.ids import KEY_RE
from git_datmo.model.pointer import MAX_CONTENT, Pointer
from git_datmo.remotes.base import Advance, Checkup, Held
from git_datmo.remotes.ssh.agent import BATCH
from git_datmo.remotes.ssh.download import fetch_large, fetch_small
from git_datmo.remotes.ssh.lines import Line, spread
from git_datmo.remotes.ssh.link import Link, NoAgent, connect
from git_datmo.remotes.ssh.parcels import FULL_BYTES, LARGE, Tally, parcels
from git_datmo.remotes.ssh.upload import ask_present, send_large, send_small
from git_datmo.remotes.sshaddress import SshAddress
from git_datmo.remotes.sshprogram import is_openssh
from git_datmo.storage.git import Git
from git_datmo.storage.store import Store

# Several connections are faster over a long way; ssh itself is what costs over a short one.
CONNECTIONS = 4


class Ssh:
    """A store on a host that has python3 and lets the user run it.

    With `repository`, the address is a git repository and the store is `datmo/store` in its git
    folder; else it is the store folder itself. `git` is the repository whose ssh settings hold.
    """

    removes = True

    def __init__(self, address: SshAddress, git: Git, *, repository: bool) -> None:
        self.address = address
        self._git = git
        self._repository = repository
        # More connections may not ask for a password again: they are opened only if none is due.
        batch = [("BatchMode=yes",)] * (CONNECTIONS - 1)
        self._lines = [Line(partial(self._connect, settings)) for settings in [(), *batch]]

    @property
    def name(self) -> str:
        """Its address; of a store folder with a slash at the end."""
        return str(self.address) if self._repository else f"{str(self.address).rstrip('/')}/"

    def refusal(self) -> str | None:
        """Why this host is no place: it runs no python3 for us. None when it does.

        Raises RemoteError when it cannot be reached, or has no such repository.
        """
        found = self._lines[0].reach()
        return found.reason if found is not None else None

    def present(self, pointers: Sequence[Pointer]) -> set[Pointer]:
        """Those that are there whole, by name and size."""
        if not pointers:
            return set()
        return self._lines[0].again(lambda link: ask_present(link, pointers))

    def put(self, source: Store, pointers: Sequence[Pointer], advance: Advance) -> None:
        """Bring content there."""
        tally, jobs = Tally(advance), parcels(pointers)
        folder = os.fsencode(self._git.git_dir)
        words = b"\0".join((folder, os.uname().nodename.encode(), b"%d" % os.getuid()))
        nonce = hashlib.sha256(words).hexdigest()[:16]

        def send(line: Line, parcel: list[Pointer]) -> None:
            if parcel[0].size >= LARGE:
                send_large(line, source, parcel[0], nonce, tally)
            else:
                send_small(line, source, parcel, tally)

        if jobs:
            spread(self._enough(jobs), jobs, send)

    def get(
        self, target: Store, pointers: Sequence[Pointer], advance: Advance
    ) -> dict[Pointer, DatmoError]:
        """Fetch content from there; each file is checked before it gets its name."""
        tally, jobs = Tally(advance), parcels(pointers)
        failed: dict[Pointer, DatmoError] = {}

        def fetch(line: Line, parcel: list[Pointer]) -> None:
            if parcel[0].size >= LARGE:
                failed.update(fetch_large(line, target, parcel[0], tally))
            else:
                failed.update(fetch_small(line, target, parcel, tally))

        if jobs:
            spread(self._enough(jobs), jobs, fetch)
        return {pointer: failed[pointer] for pointer in pointers if pointer in failed}

    def listing(self) -> Iterator[Held]:
        """Every content file in the store."""
        start = 0
        while start < 256:
            said = self._ask(do="list", start=start)
            files, following = said.get("files"), said.get("next")
            if not isinstance(files, list) or not isinstance(following, int):
                raise RemoteError(f"{self.address} gave a listing that makes no sense")
            for file in files:
                yield self._held(file)
            start = max(following, start + 1)

    def _held(self, file: object) -> Held:
        if isinstance(file, list) and len(file) == 3:
            name, size, age = file
            key, _, digest = str(name).replace("/", "", 1).partition("-")
            if KEY_RE.match(key) and isinstance(size, int) and isinstance(age, int | float):
                return Held(key, digest or None, min(max(size, 0), MAX_CONTENT), age, str(name))
        raise RemoteError(f"{self.address} gave a listing that makes no sense: {file!r:.100}")

    def remove(self, held: Sequence[Held]) -> int:
        """Take files away; returns the bytes freed."""
        freed = 0
        for start in range(0, len(held), BATCH):
            names = [file.name for file in held[start : start + BATCH]]
            said = self._ask(do="remove", names=names)
            freed += int(said.get("freed") or 0)
        return freed

    def check(self) -> Checkup:
        """Whether the host answers, runs python3 for us, and the store can be written."""
        try:
            refused = self.refusal()
            if refused is not None:
                return Checkup(True, False, None, (f"the host runs no python3 for us: {refused}",))
            said = self._ask(do="check")
        except DatmoError as error:
            return Checkup(False, None, None, (error.message,))
        remarks = [str(said["reason"])] if said.get("reason") else []
        if said.get("made") is False:
            remarks.append("the folder is made by the first push")
        free = said.get("free")
        writable = said.get("writable") is True
        return Checkup(True, writable, free if isinstance(free, int) else None, tuple(remarks))

    def close(self) -> None:
        """Hang up."""
        for line in self._lines:
            line.close()

    def _ask(self, **message: object) -> dict[str, Any]:
        return self._lines[0].again(lambda link: link.ask(**message))

    def _connect(self, settings: Sequence[str]) -> Link | NoAgent:
        repository = self._repository
        return connect(self._git, self.address, repository=repository, settings=settings)

    def _enough(self, jobs: Sequence[Sequence[Pointer]]) -> list[Line]:
        """As many lines as it takes; one where another might ask for a password."""
        size = sum(pointer.size for parcel in jobs for pointer in parcel)
        count = min(len(jobs), 1 + size // FULL_BYTES)
        if count > 1 and not is_openssh(self._git, self.address):
            count = 1
        return self._lines[:count]
