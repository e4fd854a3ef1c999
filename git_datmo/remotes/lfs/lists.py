"""Our list of what a Git LFS server has, at the git remote, and its pointer files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from git_datmo.model.pointer import Pointer
from git_datmo.remotes.gitwire import Change, Wire
from git_datmo.remotes.ledger import ROOT, Ledger, Line, Lines, Writer, now
from git_datmo.remotes.lfs import pointerfiles
from git_datmo.remotes.lfs.batch import OID, Object
from git_datmo.remotes.refusals import Stale

TRIES = 8
# With more writers than this, those that were silent for a day are taken over: CI jobs, mostly.
MANY_WRITERS = 20
SILENT = 86_400


def oid_of(line: Line) -> str | None:
    """The SHA-256 in a line, if it is one of ours."""
    oid = line.rest.get("sha256")
    return oid if isinstance(oid, str) and OID.fullmatch(oid) else None


def publish(ledger: Ledger, wire: Wire, sent: Mapping[Pointer, Object]) -> None:
    """List what the server has got, and name it in pointer files, which keep it from being freed.

    Raises RemoteError.
    """
    with ledger.holding():
        for attempt in range(TRIES):
            writers = ledger.read()
            own = ledger.own(writers)
            added = {
                pointer: Line(pointer, now(), {"sha256": thing.oid})
                for pointer, thing in sent.items()
                if pointer not in own.lines or oid_of(own.lines[pointer]) != thing.oid
            }
            if not added:
                return
            lines = {**own.lines, **added}
            gone = list(_taken_over(writers, own, lines))
            with ledger.scratch() as scratch:
                changes = [ledger.change(scratch, own, lines)]
                refs = wire.refs(f"{ROOT}*/pointers")
                files = pointerfiles.change(wire, scratch, refs, own.name, list(_objects(lines)))
                changes += [files] if files is not None else []
                for writer in gone:
                    name = f"{ROOT}{writer.name}/"
                    changes.append(Change(name + "list", writer.list, None))
                    if (oid := refs.get(name + "pointers")) is not None:
                        changes.append(Change(name + "pointers", oid, None))
                try:
                    wire.push(changes, scratch)
                    return
                except Stale:
                    if attempt == TRIES - 1:
                        raise


def _taken_over(writers: Mapping[str, Writer], own: Writer, lines: Lines) -> Iterator[Writer]:
    """The silent writers whose lines all go into `lines`, where they are put, with their times.

    A list holds one line for each content. One that disagrees with ours stays beside it: which
    of them lies shows when the content is fetched.
    """
    theirs = [w for w in writers.values() if w.lines and all(map(oid_of, w.lines.values()))]
    if len(theirs) <= MANY_WRITERS:
        return
    before = now() - SILENT
    for writer in theirs:
        if writer.name == own.name or writer.data is not None:
            continue
        silent = all(line.at < before for line in writer.lines.values())
        agrees = all(
            oid_of(lines.get(pointer, line)) == oid_of(line)
            for pointer, line in writer.lines.items()
        )
        if silent and agrees:
            for pointer, line in writer.lines.items():
                lines.setdefault(pointer, line)
            yield writer


def _objects(lines: Lines) -> Iterator[Object]:
    for pointer, line in lines.items():
        if (oid := oid_of(line)) is not None:
            yield Object(oid, pointer.size)
