"""Content out of a bucket: large files by several ranges at a time, written in order."""

from __future__ import annotations

from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from git_datmo.errors import ContentMissing, DamagedContent
from git_datmo.model.pointer import Pointer
from git_datmo.remotes.base import Advance
from git_datmo.remotes.objectstore.bucket import Bucket
from git_datmo.remotes.objectstore.layout import MIB, PART, RANGE, parts_at_once
from git_datmo.remotes.objectstore.names import name_of
from git_datmo.storage.arrivals import Arrival, receive
from git_datmo.storage.store import Store


def fetch(bucket: Bucket, target: Store, pointer: Pointer, advance: Advance) -> None:
    """Bring one file's content into the store, going on where an earlier try ended.

    Raises ContentMissing when it is not there, DamagedContent when something else is.
    """
    name = name_of(pointer)
    with receive(target, pointer) as arrival:
        left = pointer.size - arrival.offset
        if left <= PART:
            _whole(bucket, name, pointer, arrival, advance)
        else:
            found = bucket.head(name)
            _expect(bucket, found["size"] if found is not None else None, pointer)
            _ranges(bucket, name, pointer.size, arrival, advance)


def _expect(bucket: Bucket, size: int | None, pointer: Pointer) -> None:
    if size is None:
        raise ContentMissing(f"{bucket.address.name} has no content {pointer.key}")
    if size != pointer.size:
        raise DamagedContent(
            f"{bucket.address.name} has {size} bytes as {pointer.key}, not its {pointer.size}"
        )


def _whole(bucket: Bucket, name: str, pointer: Pointer, arrival: Arrival, advance: Advance) -> None:
    if 0 < arrival.offset == pointer.size:
        return
    answer: tuple[int, Any] | None = bucket.begin(name, arrival.offset)
    _expect(bucket, answer[0] if answer is not None else None, pointer)
    if answer is None or not pointer.size:
        return
    with bucket.translated():
        for block in answer[1].stream(min_chunk_size=MIB):
            arrival.write(block)
            advance(len(block))


def _ranges(bucket: Bucket, name: str, size: int, arrival: Arrival, advance: Advance) -> None:
    window: deque[Future[Any]] = deque()
    starts = iter(range(arrival.offset, size, RANGE))
    workers = parts_at_once(RANGE)
    pool = ThreadPoolExecutor(workers, thread_name_prefix="ranges")

    def ask() -> None:
        start = next(starts, None)
        if start is not None:
            window.append(pool.submit(bucket.read, name, start, min(start + RANGE, size)))

    try:
        for _ in range(workers):
            ask()
        while window:
            block = window.popleft().result()
            ask()
            arrival.write(block)
            advance(len(block))
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
