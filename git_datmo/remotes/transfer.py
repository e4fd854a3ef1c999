"""Several transfers at once, and again after a hiccup."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

from git_datmo.errors import ContentMissing, DamagedContent, DatmoError
from git_datmo.model.pointer import Pointer

T = TypeVar("T")
R = TypeVar("R")

TRIES = 4


def concurrently(work: Callable[[T], None], items: Iterable[T], workers: int) -> None:
    """Do `work` on each item in at most `workers` threads.

    After the first error no further item is begun; those under way end, then it is raised.
    """
    listed = list(items)
    if workers < 2 or len(listed) < 2:
        for item in listed:
            work(item)
        return
    from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait

    pool = ThreadPoolExecutor(min(workers, len(listed)), thread_name_prefix="transfer")
    try:
        begun = [pool.submit(work, item) for item in listed]
        done, _ = wait(begun, return_when=FIRST_EXCEPTION)
        for future in done:
            if not future.cancelled() and (error := future.exception()) is not None:
                raise error
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def each(
    work: Callable[[Pointer], None], pointers: Sequence[Pointer], workers: int
) -> dict[Pointer, DatmoError]:
    """`concurrently`, where content that is missing or damaged is returned, not raised."""
    failed: dict[Pointer, DatmoError] = {}

    def attempt(pointer: Pointer) -> None:
        try:
            work(pointer)
        except (ContentMissing, DamagedContent) as error:
            failed[pointer] = error

    concurrently(attempt, pointers, workers)
    return failed


def patiently(
    work: Callable[[], R], transient: tuple[type[Exception], ...], tries: int = TRIES
) -> R:
    """The result of `work`, tried again after errors that may pass; the last one is raised."""
    for attempt in range(1, tries):
        try:
            return work()
        except transient:
            time.sleep(0.2 * 2**attempt * (0.5 + random.random()))
    return work()
