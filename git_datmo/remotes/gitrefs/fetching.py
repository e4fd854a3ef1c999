"""Fetching content: just the chunks that are wanted, a window of them at a time."""

from __future__ import annotations

import subprocess
import threading
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress

from git_datmo.errors import ContentMissing, DamagedContent, DatmoError, RemoteError
from git_datmo.model.pointer import Pointer
from git_datmo.remotes.base import Advance
from git_datmo.remotes.gitrefs.chunks import Chunk, total
from git_datmo.remotes.gitrefs.meter import Meter
from git_datmo.remotes.gitrefs.shelves import Shelf
from git_datmo.remotes.gitwire import Scratch
from git_datmo.remotes.ledger import Ledger
from git_datmo.remotes.refusals import Cut, Unadvertised
from git_datmo.remotes.transfer import concurrently, patiently
from git_datmo.storage.arrivals import Arrival, receive
from git_datmo.storage.hashing import BLOCK
from git_datmo.storage.store import Store

# What is fetched in one go, in bytes, and in files.
WINDOW = 64 * 1024**2
MANY = 2000
WORKERS = 2


class Fetching:
    """One `get`: which chunks make up what, and which of it failed."""

    def __init__(
        self, ledger: Ledger, held: Mapping[str, Shelf], target: Store, advance: Advance
    ) -> None:
        self.ledger, self.target = ledger, target
        self._meters: defaultdict[Pointer, Meter] = defaultdict(lambda: Meter(advance))
        # Whose tree the server has comes first.
        self.held = sorted(held.values(), key=lambda shelf: not shelf.sure)
        self.failed: dict[Pointer, DatmoError] = {}
        self._by_ref: dict[str, Scratch] = {}
        self._lock = threading.Lock()

    def fetch(self, pointers: Sequence[Pointer]) -> dict[Pointer, DatmoError]:
        """Fetch them; what could not be had, and why."""
        wanted = list(dict.fromkeys(pointers))
        try:
            concurrently(self._group, list(self._groups(wanted)), WORKERS)
        finally:
            for scratch in self._by_ref.values():
                scratch.close()
        return self.failed

    def _groups(self, wanted: Iterable[Pointer]) -> Iterator[list[Pointer]]:
        """Small files together, large ones alone."""
        group: list[Pointer] = []
        size = 0
        for pointer in wanted:
            if not self._offers(pointer):
                self.failed[pointer] = ContentMissing(
                    f"{self.ledger.wire.name} has no content {pointer.key} in its git refs"
                )
                continue
            if group and (size + pointer.size > WINDOW or len(group) == MANY):
                yield group
                group, size = [], 0
            group.append(pointer)
            size += pointer.size
        if group:
            yield group

    def _offers(self, pointer: Pointer) -> list[tuple[Shelf, tuple[Chunk, ...]]]:
        """What it can be put together from, each way once."""
        offers: dict[tuple[Chunk, ...], Shelf] = {}
        for shelf in self.held:
            chunks = shelf.whole(pointer)
            if chunks is not None:
                offers.setdefault(chunks, shelf)
        return [(shelf, chunks) for chunks, shelf in offers.items()]

    def _group(self, group: list[Pointer]) -> None:
        if len(group) == 1:
            self._alone(group[0])
            return
        first = {pointer: self._offers(pointer)[0][1] for pointer in group}
        with self.ledger.scratch() as scratch:
            try:
                self._bring((chunk for chunks in first.values() for chunk in chunks), scratch)
            except Unadvertised:
                for pointer in group:
                    self._alone(pointer)
                return
            with Blobs(scratch) as blobs:
                again = [p for p in group if not self._taken(p, first[p], blobs)]
        for pointer in again:
            self._alone(pointer)

    def _taken(self, pointer: Pointer, chunks: Sequence[Chunk], blobs: Blobs) -> bool:
        try:
            with receive(self.target, pointer) as arrival:
                self._copy(arrival, chunks, blobs)
        except DamagedContent:
            return False
        return True

    def _alone(self, pointer: Pointer) -> None:
        """Fetch one file, from one offer after the other, going on with what is here of it.

        What was here may be the beginning of something else: then it is fetched from the first
        byte, from every offer again.
        """
        offers = self._offers(pointer)
        resumed = False
        for attempt in range(2):
            for shelf, chunks in offers:
                try:
                    with receive(self.target, pointer) as arrival:
                        resumed = resumed or arrival.offset > 0
                        self._windows(arrival, shelf, chunks)
                    self.failed.pop(pointer, None)
                    return
                except (ContentMissing, DamagedContent) as error:
                    self.failed[pointer] = error
            if not resumed or attempt or isinstance(self.failed[pointer], ContentMissing):
                return

    def _windows(self, arrival: Arrival, shelf: Shelf, chunks: Sequence[Chunk]) -> None:
        here = 0
        window: list[Chunk] = []
        for chunk in chunks:
            if here + chunk.size <= arrival.offset and not window:
                here += chunk.size
                continue
            window.append(chunk)
            if total(window) >= WINDOW:
                self._window(arrival, shelf, window, here)
                here += total(window)
                window = []
        if window:
            self._window(arrival, shelf, window, here)

    def _window(self, arrival: Arrival, shelf: Shelf, window: Sequence[Chunk], here: int) -> None:
        try:
            with self._source(shelf, window) as scratch, Blobs(scratch) as blobs:
                self._copy(arrival, window, blobs, here)
        except DamagedContent:
            arrival.restart()
            raise

    @contextmanager
    def _source(self, shelf: Shelf, window: Sequence[Chunk]) -> Iterator[Scratch]:
        known = self._by_ref.get(shelf.writer.name)
        if known is not None:
            yield known
            return
        with self.ledger.scratch() as scratch:
            try:
                self._bring(window, scratch)
            except Unadvertised as refusal:
                yield self._whole(shelf, refusal)
                return
            yield scratch

    def _whole(self, shelf: Shelf, refusal: RemoteError) -> Scratch:
        """All that a writer keeps there, for servers that give only what a ref points to."""
        if shelf.writer.data is None or not shelf.sure:
            raise ContentMissing(
                f"{self.ledger.wire.name} lists content that it does not have"
            ) from refusal
        with self._lock:
            name = shelf.writer.name
            if name not in self._by_ref:
                scratch = self.ledger.scratch()
                try:
                    self.ledger.wire.fetch([shelf.writer.data], scratch)
                except BaseException:
                    scratch.close()
                    raise
                self._by_ref[name] = scratch
            return self._by_ref[name]

    def _bring(self, chunks: Iterable[Chunk], scratch: Scratch) -> None:
        oids = list(dict.fromkeys(chunk.oid for chunk in chunks))
        if oids:
            patiently(lambda: self.ledger.wire.fetch(oids, scratch), (Cut,), tries=3)

    def _copy(self, arrival: Arrival, chunks: Sequence[Chunk], blobs: Blobs, here: int = 0) -> None:
        """Write chunks of which the first begins at `here`; what has come already is skipped."""
        for chunk in chunks:
            for block in blobs.read(chunk):
                new = block[max(0, arrival.offset - here) :]
                if new:
                    arrival.write(new)
                here += len(block)
                self._meters[arrival.pointer].reach(here)


class Blobs:
    """Reads the blobs of a scratch folder, one after the other, through one process."""

    def __init__(self, scratch: Scratch) -> None:
        self._scratch = scratch
        self._process = self._start()

    def _start(self) -> subprocess.Popen[bytes]:
        options = ("-c", "core.bigFileThreshold=512k")
        scratch = self._scratch
        return scratch.git.start(
            *options, "cat-file", "--batch", env=scratch.env, stdin=subprocess.PIPE
        )

    def __enter__(self) -> Blobs:
        return self

    def __exit__(self, *_: object) -> None:
        self._end()

    def _end(self) -> None:
        # What it still has to say can be as long as a stranger likes: it is not read.
        self._process.kill()
        for pipe in (self._process.stdin, self._process.stdout, self._process.stderr):
            if pipe is not None:
                with suppress(BrokenPipeError):
                    pipe.close()
        self._process.wait()

    def read(self, chunk: Chunk) -> Iterator[bytes]:
        """A blob's bytes. Raises ContentMissing, or DamagedContent when it is no such blob."""
        requests, answers = self._process.stdin, self._process.stdout
        if requests is None or answers is None:
            raise RemoteError("git cat-file has no pipes")
        with suppress(BrokenPipeError):
            requests.write(chunk.oid.encode() + b"\n")
            requests.flush()
        header = answers.readline().split()
        if len(header) != 3:
            raise ContentMissing(f"the server did not give the blob {chunk.oid}")
        if header[1:] != [b"blob", b"%d" % chunk.size]:
            self._end()
            self._process = self._start()
            raise DamagedContent(f"{chunk.oid} is not the blob of {chunk.size} bytes it should be")
        left = chunk.size
        while left:
            block = answers.read(min(BLOCK, left))
            if not block:
                raise DamagedContent(f"the blob {chunk.oid} cannot be read")
            left -= len(block)
            yield block
        answers.read(1)
