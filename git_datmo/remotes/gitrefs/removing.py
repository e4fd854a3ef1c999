"""Taking content out of the lists at a server, whoever wrote them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from git_datmo.errors import RemoteError
from git_datmo.model.pointer import Pointer
from git_datmo.remotes.base import Held
from git_datmo.remotes.gitrefs import shelves
from git_datmo.remotes.gitrefs.shelves import Shelf
from git_datmo.remotes.gitwire import Change, Scratch
from git_datmo.remotes.ledger import ROOT, TRIES, Ledger, Lines, Writer
from git_datmo.remotes.refusals import Stale


def remove(ledger: Ledger, held: Sequence[Held]) -> int:
    """Take content out; what somebody relied on since it was listed stays. Returns the bytes.

    Only while the ledger is held. Raises RemoteError.
    """
    asked = dict(_named(file) for file in held)
    for attempt in range(TRIES):
        there = shelves.shelves(ledger.read())
        young = {
            pointer
            for shelf in there.values()
            for pointer, line in shelf.ours().items()
            if line.at > asked.get(_short(pointer), line.at)
        }
        gone: set[Pointer] = set()
        with ledger.scratch() as scratch:
            changes: list[Change] = []
            for shelf in there.values():
                kept = {
                    pointer: line
                    for pointer, line in shelf.writer.lines.items()
                    if pointer not in shelf.parts
                    or pointer in young
                    or _short(pointer) not in asked
                }
                if len(kept) < len(shelf.writer.lines):
                    gone.update(shelf.writer.lines.keys() - kept.keys())
                    changes += _rewritten(ledger, scratch, shelf, kept)
            try:
                if changes:
                    ledger.wire.push(changes, scratch)
                return sum(pointer.size for pointer in gone)
            except Stale:
                if attempt == TRIES - 1:
                    raise
    raise RemoteError(f"the lists at {ledger.wire.name} kept changing", hint="try again")


def _rewritten(
    ledger: Ledger, scratch: Scratch, shelf: Shelf, kept: Mapping[Pointer, object]
) -> list[Change]:
    lines: Lines = {p: line for p, line in shelf.writer.lines.items() if p in kept}
    changes = [ledger.change(scratch, shelf.writer, lines)]
    if shelf.sure:
        # The tree there now says which chunks the server has: none is sent for the new one.
        shelves.write_tree(scratch, shelf.oids())
        after = Shelf(Writer(shelf.writer.name, lines=lines))
        changes.append(shelves.move(scratch, shelf.writer, after.oids()))
    elif not lines and shelf.writer.data is not None:
        changes.append(Change(f"{ROOT}{shelf.writer.name}/data", shelf.writer.data, None))
    return [change for change in changes if change.old != change.new]


def _named(file: Held) -> tuple[str, int]:
    name, _, at = file.name.rpartition("@")
    return name, int(at)


def _short(pointer: Pointer) -> str:
    return f"{pointer.key}-{pointer.blake3}"
