"""Fetching content: small files many at a time, large ones from where they broke off."""

from __future__ import annotations

from collections.abc import Sequence

from git_datmo.errors import ContentMissing, DamagedContent, DatmoError
from git_datmo.model.pointer import Pointer
from git_datmo.remotes.ssh.lines import Line
from git_datmo.remotes.ssh.link import Link
from git_datmo.remotes.ssh.parcels import Tally, named
from git_datmo.storage.arrivals import Arrival, receive
from git_datmo.storage.hashing import BLOCK
from git_datmo.storage.store import Store

# Questions that are under way at once; they and their answers' heads fit into any buffer.
WINDOW = 128

Failures = dict[Pointer, DatmoError]


def fetch_small(line: Line, target: Store, pointers: Sequence[Pointer], tally: Tally) -> Failures:
    """Fetch whole files; what is not there or is damaged is returned. Raises RemoteError."""
    failed: Failures = {}
    left = list(pointers)

    def once(link: Link) -> None:
        while left:
            window = left[:WINDOW]
            link.send(*({"do": "get", "offset": 0, **named(pointer)} for pointer in window))
            for pointer in window:
                there = _begins(link, pointer, 0)
                try:
                    with receive(target, pointer) as arrival:
                        if not there:
                            raise _missing(pointer)
                        arrival.restart()
                        _pour(line, link, arrival, tally)
                except (ContentMissing, DamagedContent) as error:
                    failed[pointer] = error
                left.remove(pointer)

    line.again(once)
    return failed


def fetch_large(line: Line, target: Store, pointer: Pointer, tally: Tally) -> Failures:
    """Fetch one file; what an earlier try brought here is not asked for. Raises RemoteError."""

    def once(link: Link) -> DatmoError | None:
        resumed = False
        while True:
            try:
                with receive(target, pointer) as arrival:
                    resumed = not resumed and arrival.offset > 0
                    link.send({"do": "get", "offset": arrival.offset, **named(pointer)})
                    if not _begins(link, pointer, arrival.offset):
                        raise _missing(pointer)
                    tally.reach(pointer, arrival.offset)
                    _pour(line, link, arrival, tally)
                return None
            except ContentMissing as error:
                return error
            except DamagedContent as error:
                # The piece that was here may have been the bad one; it is gone now.
                if not resumed:
                    return error

    error = line.again(once)
    return {} if error is None else {pointer: error}


def _begins(link: Link, pointer: Pointer, offset: int) -> bool:
    """Whether the answer to a `get` is followed by what was asked for."""
    said = link.answer()
    if said.get("missing") is True:
        return False
    rest = pointer.size - offset
    link.amount(said.get("size"), rest)
    link.amount(rest - int(said["size"]), 0)
    return True


def _pour(line: Line, link: Link, arrival: Arrival, tally: Tally) -> None:
    pointer = arrival.pointer
    while arrival.offset < pointer.size:
        data = link.exactly(min(BLOCK, pointer.size - arrival.offset))
        arrival.write(data)
        line.moved += len(data)
        tally.reach(pointer, arrival.offset)


def _missing(pointer: Pointer) -> ContentMissing:
    return ContentMissing(f"there is no content {pointer.key}")
