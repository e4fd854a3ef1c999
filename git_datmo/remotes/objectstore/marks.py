"""Marks beside old content that say when it was last asked for.

Whoever finds content by name relies on it from then on, but an object's date cannot be set, and
putting or copying it anew costs as much as its size. So the names that were found are written
into one small object, and its date counts for all of them.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable

from git_datmo.errors import RemoteError
from git_datmo.remotes.objectstore.bucket import Bucket
from git_datmo.remotes.objectstore.names import MARKS, read_name
from git_datmo.remotes.objectstore.refusals import is_forbidden

# No grace period is so long, in seconds: older marks say nothing.
FORGOTTEN = 400 * 86_400
# One mark holds so many names, and no more bytes are read of one.
NAMES = 10_000
_LINE = 98


def leave(bucket: Bucket, names: Iterable[str]) -> None:
    """Note that these objects were asked for now; without the right to write, nothing is."""
    wanted = sorted(names)
    try:
        for start in range(0, len(wanted), NAMES):
            text = "".join(f"{name}\n" for name in wanted[start : start + NAMES])
            bucket.overwrite(f"{MARKS}/{uuid.uuid4().hex}", text.encode())
    except RemoteError as error:
        if not is_forbidden(error):
            raise


def ages(bucket: Bucket) -> dict[str, float]:
    """Seconds since objects were last asked for, by name, where a mark says it."""
    found: dict[str, float] = {}
    for page in bucket.objects(MARKS):
        for mark in page:
            age = bucket.age(mark)
            if age > FORGOTTEN or mark["size"] > NAMES * _LINE or not mark["size"]:
                continue
            text = bytes(bucket.read(mark["path"], 0, mark["size"])).decode("ascii", "replace")
            for name in text.splitlines():
                if read_name(name):
                    found[name] = min(age, found.get(name, age))
    return found


def sweep(bucket: Bucket) -> None:
    """Take away marks that say nothing any more."""
    old = [
        mark["path"]
        for page in bucket.objects(MARKS)
        for mark in page
        if bucket.age(mark) > FORGOTTEN
    ]
    if old:
        bucket.delete(old)
