"""Which objects are there, in few round trips."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from git_datmo.remotes.objectstore.bucket import WORKERS, Bucket
from git_datmo.remotes.transfer import concurrently

# Up to so many names are asked for one by one.
FEW = 256

# Size in bytes and age in seconds.
Facts = tuple[int, float]


def find(bucket: Bucket, names: Iterable[str]) -> dict[str, Facts]:
    """Those of `names` that are there, with their facts.

    Few are asked for one by one. Many are looked up in listings of the 256 folders; in a folder
    that holds far more than is asked for, the rest is asked for one by one again.
    """
    wanted = set(names)
    found: dict[str, Facts] = {}
    if len(wanted) > FEW:
        wanted = _listed(bucket, wanted, found)

    def ask(name: str) -> None:
        there = bucket.head(name)
        if there is not None:
            found[name] = (there["size"], bucket.age(there))

    concurrently(ask, sorted(wanted), WORKERS)
    return found


def _listed(bucket: Bucket, wanted: set[str], found: dict[str, Facts]) -> set[str]:
    """Look names up in listings; returns those that are still unknown."""
    folders: dict[str, set[str]] = defaultdict(set)
    for name in wanted:
        folders[name.partition("/")[0]].add(name)
    unknown: set[str] = set()

    def look(folder: str) -> None:
        left = folders[folder]
        for number, page in enumerate(bucket.objects(folder), start=1):
            for there in page:
                if there["path"] in left:
                    left.discard(there["path"])
                    found[there["path"]] = (there["size"], bucket.age(there))
            if not left or number > len(left):
                unknown.update(left)
                return

    concurrently(look, sorted(folders), WORKERS)
    return unknown
