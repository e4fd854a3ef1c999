"""How content is cut into git blobs, and what a list says of them.

A line's own part is `"chunks": [[<blob id>, <size>], …]`, in order. When the sizes add up to less
than the content's, the rest has not been sent yet: its writer goes on from there.
"""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from typing import NamedTuple

from git_datmo.errors import DamagedContent, GitFailed
from git_datmo.model.pointer import Pointer
from git_datmo.remotes.gitwire import Scratch, room_left
from git_datmo.remotes.ledger import Line, now
from git_datmo.storage.git import failure
from git_datmo.storage.hashing import BLOCK
from git_datmo.storage.store import Store

# Public hosts refuse objects of 100 MB.
LARGEST = 100 * 1000**2
# A server keeps a push of 100 objects and more as it came; fewer it compresses one by one, which
# takes ten times as long.
CHUNKS = 64
SMALL, LARGE = 256 * 1024, 2 * 1024**2
# So that no line of a list grows beyond what is read.
MOST_CHUNKS = 10_000
_OID = re.compile(r"[0-9a-f]{40}\Z")


class Chunk(NamedTuple):
    """A blob and its size in bytes."""

    oid: str
    size: int


class Piece(NamedTuple):
    """A part of content that is to become a chunk: where it begins, and its size in bytes."""

    pointer: Pointer
    offset: int
    size: int


def chunk_size(pointer: Pointer, sent: int, push: int) -> int:
    """The bytes of a chunk of this content, where `sent` bytes go in pushes of at most `push`."""
    usual = min(LARGE, max(SMALL, min(sent, push) // CHUNKS))
    return min(push, LARGEST, max(usual, pointer.size // MOST_CHUNKS))


def line_of(pointer: Pointer, chunks: Sequence[Chunk]) -> Line:
    """The line for content of which these chunks are there, as of now."""
    return Line(pointer, now(), {"chunks": [list(chunk) for chunk in chunks]})


def chunks_of(line: Line) -> tuple[Chunk, ...] | None:
    """What a line says; None for one that breaks the grammar or is not about chunks."""
    listed = line.rest.get("chunks")
    if not isinstance(listed, list):
        return None
    found = []
    left = line.pointer.size
    for entry in listed:
        if not isinstance(entry, list) or len(entry) != 2:
            return None
        oid, size = entry
        if not isinstance(oid, str) or not _OID.match(oid) or type(size) is not int:
            return None
        left -= size
        if not 0 < size <= LARGEST or left < 0:
            return None
        found.append(Chunk(oid, size))
    return tuple(found)


def total(chunks: Iterable[Chunk]) -> int:
    """The bytes of some chunks."""
    return sum(chunk.size for chunk in chunks)


def sent_before(source: Store, pointer: Pointer, chunks: Sequence[Chunk]) -> tuple[Chunk, ...]:
    """Those first chunks that are what our own content would be cut into.

    A list can be written by anybody who may push: going on with somebody's wrong beginning would
    deliver damaged content. Raises ContentMissing or DamagedContent.
    """
    if not chunks:
        return ()
    good: list[Chunk] = []
    fd = source.open(pointer)
    try:
        for chunk in chunks:
            digest = hashlib.sha1(b"blob %d\0" % chunk.size, usedforsecurity=False)
            for block in _blocks(fd, pointer, chunk.size):
                digest.update(block)
            if digest.hexdigest() != chunk.oid:
                break
            good.append(chunk)
    finally:
        os.close(fd)
    return tuple(good)


def cut(pointer: Pointer, offset: int, largest: int) -> Iterator[Piece]:
    """The pieces of what follows after `offset`."""
    while offset < pointer.size:
        size = min(largest, pointer.size - offset)
        yield Piece(pointer, offset, size)
        offset += size


def stage(source: Store, pieces: Sequence[Piece], scratch: Scratch) -> list[Chunk]:
    """Write pieces as blobs into a scratch folder, uncompressed; in the order of `pieces`.

    Raises ContentMissing, DamagedContent, or NoSpace when they do not fit on our own disk.
    """
    if not pieces:
        return []
    marks = scratch.folder / "marks"
    options = ["-c", "pack.compression=0", "-c", "core.bigFileThreshold=512k"]
    options += ["-c", "fastimport.unpackLimit=0"]
    command = (*options, "fast-import", "--quiet", "--depth=0", f"--export-marks={marks}")
    process = scratch.git.start(*command, env=scratch.env, stdin=subprocess.PIPE)
    try:
        if process.stdin is None:
            raise GitFailed("git fast-import has no input")
        with suppress(BrokenPipeError):
            for block in _stream(source, pieces):
                process.stdin.write(block)
        _, said = process.communicate()
    except BaseException:
        process.kill()
        process.communicate()
        raise
    finally:
        # Where it fails it leaves a report among the user's own files.
        report = scratch.git.git_dir / f"fast_import_crash_{process.pid}"
        report.unlink(missing_ok=True)
    if process.returncode != 0:
        room_left(scratch.folder, said)
        raise failure(command, process.returncode, said)
    named = dict(line.split() for line in marks.read_text("ascii").splitlines())
    return [Chunk(named[f":{n}"], piece.size) for n, piece in enumerate(pieces, 1)]


def _stream(source: Store, pieces: Sequence[Piece]) -> Iterator[bytes]:
    """The pieces as `git fast-import` reads them; each file is opened, and checked, once."""
    fd, opened = -1, None
    try:
        for number, piece in enumerate(pieces, 1):
            if piece.pointer != opened:
                if fd >= 0:
                    os.close(fd)
                    fd = -1
                fd, opened = source.open(piece.pointer), piece.pointer
            os.lseek(fd, piece.offset, os.SEEK_SET)
            yield b"blob\nmark :%d\ndata %d\n" % (number, piece.size)
            yield from _blocks(fd, piece.pointer, piece.size)
            yield b"\n"
    finally:
        if fd >= 0:
            os.close(fd)


def _blocks(fd: int, pointer: Pointer, size: int) -> Iterator[bytes]:
    while size:
        block = os.read(fd, min(BLOCK, size))
        if not block:
            raise DamagedContent(f"the store file of {pointer.key} became shorter meanwhile")
        size -= len(block)
        yield block
