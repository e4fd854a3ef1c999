"""Copying content that others sent, and knowing what arrived.

The kernel copies in one thread while another hashes what has landed, so the check costs little
on two cores. What is hashed is the copy itself, not the source, which may change meanwhile.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable

from git_datmo.model.pointer import Pointer
from git_datmo.storage.durability import start_writeback
from git_datmo.storage.filecopy import copy_all, write_all

Advance = Callable[[int], None]

_BLOCK = 256 * 1024
# What fits into one read costs less than a thread.
SMALL = 1024 * 1024


def copy_checked(source: int, target: int, size: int, advance: Advance | None = None) -> Pointer:
    """Copy at most `size` bytes to the empty file `target`, open for both; what it then holds."""
    import blake3
    import xxhash

    if size <= SMALL:
        return _in_one(source, target, size, advance)
    copying = _Copying(source, target, size)
    fast, strong, hashed = xxhash.xxh3_128(), blake3.blake3(), 0
    buffer = bytearray(_BLOCK)
    view = memoryview(buffer)
    copying.start()
    try:
        while (landed := copying.beyond(hashed)) > hashed:
            while hashed < landed:
                count = os.preadv(target, [view[: landed - hashed]], hashed)
                if count == 0:
                    break
                fast.update(view[:count])
                strong.update(view[:count])
                hashed += count
                if advance is not None:
                    advance(count)
    finally:
        copying.join()
    copying.check()
    return Pointer(fast.hexdigest(), strong.hexdigest(), hashed)


def _in_one(source: int, target: int, size: int, advance: Advance | None) -> Pointer:
    import blake3
    import xxhash

    data = bytearray()
    while len(data) < size and (piece := os.read(source, size - len(data))):
        data += piece
    write_all(target, data)
    if advance is not None:
        advance(len(data))
    return Pointer(xxhash.xxh3_128_hexdigest(data), blake3.blake3(data).hexdigest(), len(data))


def copy_trusted(source: int, target: int, size: int, advance: Advance | None = None) -> int:
    """Copy verified content; the kernel begins to write it out at once. Returns its bytes."""
    done = 0

    def moved(count: int) -> None:
        nonlocal done
        start_writeback(target, done, count)
        done += count
        if advance is not None:
            advance(count)

    return copy_all(source, target, size, moved)


class _Copying(threading.Thread):
    """The copying thread. `beyond` waits for news of it."""

    def __init__(self, source: int, target: int, size: int) -> None:
        super().__init__(daemon=True)
        self._source, self._target, self._size = source, target, size
        self._landed, self._ended = 0, False
        self._error: OSError | None = None
        self._news = threading.Condition()

    def run(self) -> None:
        try:
            copy_all(self._source, self._target, self._size, self._moved)
        except OSError as error:
            self._error = error
        finally:
            with self._news:
                self._ended = True
                self._news.notify()

    def beyond(self, seen: int) -> int:
        """The bytes that have landed, as soon as they are more than `seen` or all there are."""
        with self._news:
            self._news.wait_for(lambda: self._ended or self._landed > seen)
            return self._landed

    def check(self) -> None:
        """Raise what ended the copy early."""
        if self._error is not None:
            raise self._error

    def _moved(self, count: int) -> None:
        with self._news:
            self._landed += count
            self._news.notify()
