"""Bringing content to a server in several pushes, each of which leaves list and tree whole."""

from __future__ import annotations

import random
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from git_datmo.errors import RemoteError
from git_datmo.model.frozen import frozen
from git_datmo.model.pointer import Pointer
from git_datmo.remotes.base import Advance
from git_datmo.remotes.gitrefs import shelves
from git_datmo.remotes.gitrefs.chunks import (
    Piece,
    chunk_size,
    cut,
    line_of,
    sent_before,
    stage,
    total,
)
from git_datmo.remotes.gitrefs.meter import Meter
from git_datmo.remotes.gitrefs.shelves import Shelf
from git_datmo.remotes.gitwire import Change, Scratch
from git_datmo.remotes.ledger import ROOT, TRIES, Ledger, Lines, Writer, now
from git_datmo.remotes.refusals import Cut, Stale, TooLarge
from git_datmo.storage.store import Store

# Hosts refuse pushes of 2 GiB, and what a push carried is lost when it is cut. Bytes, and blobs.
PUSH = 256 * 1024**2
SMALLEST_PUSH = 256 * 1024
MANY_BLOBS = 10_000
CUTS = 3
# With so many writers, those that were silent for a day are taken over.
MANY_WRITERS = 20
SILENT = 86_400
# What was begun and not gone on with for so long, in seconds, is given up.
GIVEN_UP = 7 * 86_400


@frozen
class Bounds:
    """How many bytes may lie at the server, and go in one push; `remote` is what the user calls
    it."""

    remote: str
    limit: int
    push: int = PUSH


def send(
    ledger: Ledger, bounds: Bounds, source: Store, pointers: Sequence[Pointer], advance: Advance
) -> None:
    """Bring content there, in pushes within the bounds.

    A push that is cut, or more than the server takes at once, is tried again and smaller. Only
    while the ledger is held. Raises RemoteError, ContentMissing or DamagedContent.
    """
    meter = Meter(advance)
    push = bounds.push
    races = cuts = 0
    while True:
        sending = _Sending(ledger, replace(bounds, push=push), source, meter)
        try:
            sending.send(pointers)
            return
        except Stale:
            races += 1
            if races == TRIES:
                raise
        except TooLarge:
            if sending.carried <= SMALLEST_PUSH:
                raise
            push = max(sending.carried // 4, SMALLEST_PUSH)
        except Cut:
            cuts = 1 if sending.arrived else cuts + 1
            if cuts == CUTS:
                raise
            if not sending.arrived:
                push = max(min(push, sending.carried) // 4, SMALLEST_PUSH)
        time.sleep(random.random() * 0.2 * (races + cuts))


class _Sending:
    def __init__(self, ledger: Ledger, bounds: Bounds, source: Store, meter: Meter) -> None:
        self.ledger, self.bounds, self.source, self.meter = ledger, bounds, source, meter
        self.push = self.carried = bounds.push
        self.arrived = False

    def send(self, pointers: Sequence[Pointer]) -> None:
        held, own = own_among(self.ledger)
        there = shelves.found(held.values())
        asked = dict.fromkeys(pointers)
        todo = [pointer for pointer in asked if pointer not in there]
        if not todo:
            return
        parts = {p: list(sent_before(self.source, p, own.parts.get(p, ()))) for p in todo}
        left = sum(p.size - total(parts[p]) for p in todo)
        self._check(shelves.used(held.values()), left)
        done = sum(p.size for p in asked) - left
        pieces = (
            piece for p in todo for piece in cut(p, total(parts[p]), chunk_size(p, left, self.push))
        )
        vanished = silent(held.values(), own)
        empty = [p for p in todo if not p.size]
        for batch in self._batches(pieces, always=bool(empty)):
            with self.ledger.scratch() as scratch:
                for piece, chunk in zip(batch, stage(self.source, batch, scratch), strict=True):
                    parts[piece.pointer].append(chunk)
                touched = dict.fromkeys([*empty, *(piece.pointer for piece in batch)])
                lines = {p: line_of(p, parts[p]) for p in touched}
                self.meter.reach(done)
                self.carried = size = sum(piece.size for piece in batch)
                own = publish(
                    self.ledger, scratch, own, lines, vanished, self._progress(done, size)
                )
                done += size
                self.arrived = True
                self.meter.reach(done)
            vanished, empty = [], []

    def _check(self, used: int, left: int) -> None:
        if used + left > self.bounds.limit:
            raise RemoteError(
                f"{_mib(used)} of large files lie in git refs at {self.ledger.wire.name} and "
                f"{_mib(left)} are to be added; the limit is {_mib(self.bounds.limit)}",
                hint=f"keep them elsewhere: 'git config datmo.{self.bounds.remote}.store "
                "s3://bucket/prefix' (or ssh://host/folder, a folder, lfs), then push again; "
                "or raise 'git config datmo.gitStoreLimit <bytes>'",
            )

    def _batches(self, pieces: Iterable[Piece], *, always: bool) -> Iterator[list[Piece]]:
        batch: list[Piece] = []
        size = 0
        for piece in pieces:
            if batch and (size + piece.size > self.push or len(batch) == MANY_BLOBS):
                yield batch
                batch, size, always = [], 0, False
            batch.append(piece)
            size += piece.size
        if batch or always:
            yield batch

    def _progress(self, done: int, size: int) -> Advance:
        # What git counts includes its own headers.
        return lambda count: self.meter.reach(done + min(count, size))


def own_among(ledger: Ledger) -> tuple[dict[str, Shelf], Shelf]:
    """All shelves there, and our own; a new one where the server's tree is not what ours was."""
    writers = ledger.read()
    held = shelves.shelves(writers)
    writer = ledger.own(writers)
    own = held.get(writer.name) or Shelf(writer)
    if not own.sure:
        own = Shelf(Writer(ledger.begin()))
    return held, own


def silent(held: Iterable[Shelf], own: Shelf) -> list[Shelf]:
    """The shelves to be taken over: those of writers that have not been heard of for a day, where
    there are many."""
    others = [shelf for shelf in held if shelf.writer.name != own.writer.name]
    if len(others) < MANY_WRITERS:
        return []
    before = now() - SILENT
    return [
        shelf
        for shelf in others
        if shelf.sure
        and shelf.parts.keys() == shelf.writer.lines.keys() != set()
        and all(line.at < before for line in shelf.writer.lines.values())
    ]


def publish(
    ledger: Ledger,
    scratch: Scratch,
    own: Shelf,
    lines: Lines,
    absorbed: Sequence[Shelf] = (),
    progress: Advance | None = None,
    donors: Sequence[Shelf] = (),
) -> Shelf:
    """Push our list with `lines` set in it and the tree that goes with it; our shelf after that.

    Every chunk must lie in `scratch`, on our shelf, or on one of `absorbed`, which go, or
    `donors`, which stay. Raises Stale when somebody was faster.
    """
    merged: Lines = {}
    for shelf in (own, *absorbed):
        for pointer, line in _going_on(shelf).items():
            if pointer not in merged or shelf.whole(pointer) is not None:
                merged[pointer] = line
    merged.update(lines)
    after = Shelf(Writer(own.writer.name, lines=merged))
    # With the trees that the server has at hand, git sends no chunk again.
    for shelf in (own, *absorbed, *donors):
        shelves.write_tree(scratch, shelf.oids())
    listed = ledger.change(scratch, own.writer, merged)
    kept = shelves.move(scratch, own.writer, after.oids())
    ledger.wire.push(
        [*_changed(listed, kept), *(c for shelf in absorbed for c in removal(shelf))],
        scratch,
        progress,
    )
    return Shelf(Writer(own.writer.name, listed.new, kept.new, merged))


def removal(shelf: Shelf) -> list[Change]:
    """What to push so that a shelf is gone."""
    root = f"{ROOT}{shelf.writer.name}/"
    pairs = ((root + "list", shelf.writer.list), (root + "data", shelf.writer.data))
    return [Change(ref, old, None) for ref, old in pairs if old is not None]


def _changed(*changes: Change) -> list[Change]:
    return [change for change in changes if change.new != change.old]


def _going_on(shelf: Shelf) -> Lines:
    """A shelf's lines without those of content that nobody went on to send."""
    before = now() - GIVEN_UP
    return {
        pointer: line
        for pointer, line in shelf.ours().items()
        if line.at > before or shelf.whole(pointer) is not None
    }


def _mib(size: int) -> str:
    return f"{size / 1024**2:.1f} MiB"
