"""What every place for content can do. One small adapter each; `places` picks one per remote.

A place holds files by content. Whatever its kind: a file gets its name only when all of its
bytes are there, a name is never given to other bytes, and what comes back is checked against the
pointer's BLAKE3 before it is used. Making one costs nothing and reaches nobody; the first
question does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

from git_datmo.errors import DatmoError
from git_datmo.model.frozen import frozen
from git_datmo.model.pointer import Pointer
from git_datmo.storage.store import Store

# Called with the bytes that have moved since the last call, from any thread.
Advance = Callable[[int], None]


@frozen
class Held:
    """One file at a place: its pointer's key, its BLAKE3 where the name tells it (else None),
    its size in bytes, the seconds since it was last put or asked for, and the place's own name
    for it."""

    key: str
    blake3: str | None
    size: int
    age: float
    name: str


@frozen
class Checkup:
    """What asking a place showed: can it be reached, can it be written, and remarks in
    sentences; `free` is the room left in bytes where it can be told."""

    reached: bool
    writable: bool | None
    free: int | None = None
    remarks: tuple[str, ...] = ()


class Place(Protocol):
    """Somewhere content lies. Every method raises RemoteError when the place refuses or cannot
    be reached, with what it said and what to do."""

    @property
    def name(self) -> str:
        """What people call it: a path or an address, without any password. Two objects with one
        name are one place."""

    @property
    def removes(self) -> bool:
        """Whether content can be taken away from there (`listing` and `remove` work)."""

    def present(self, pointers: Sequence[Pointer]) -> set[Pointer]:
        """Those of `pointers` that are there whole, by name and size, in few round trips.

        Whoever asks is about to rely on it: what is found counts as new for `listing` from now on.
        """

    def put(self, source: Store, pointers: Sequence[Pointer], advance: Advance) -> None:
        """Bring content there that `present` did not name, several files at a time.

        What has arrived before an error stays; trying again goes on from there. Raises
        ContentMissing or DamagedContent when `source` cannot give one.
        """

    def get(
        self, target: Store, pointers: Sequence[Pointer], advance: Advance
    ) -> dict[Pointer, DatmoError]:
        """Fetch content into `target`, several files at a time, checked before it is named.

        Returns what could not be had: ContentMissing when it is not there, DamagedContent when
        it is there and is something else. Going on after a cut fetches only the rest.
        """

    def listing(self) -> Iterator[Held]:
        """Everything that is there."""

    def remove(self, held: Sequence[Held]) -> int:
        """Take files away; those that are gone already are no error, and those that were put or
        asked for since they were listed stay, where that can be told. Returns the bytes freed."""

    def check(self) -> Checkup:
        """Ask whether it can be reached and written, leaving nothing behind. Does not raise."""

    def close(self) -> None:
        """End what a question began: connections, processes, temporary files."""
