"""Where the links of a folder lead, with the other links that they go through."""

from __future__ import annotations

from collections.abc import Mapping

MAX_HOPS = 40
"""So many links in a row the kernel follows; longer ways, and circles, open nothing."""
MAX_TARGET = 4095  # bytes; no link that a file system holds has more
MAX_DEPTH = 512


def leads_out(path: bytes, links: Mapping[bytes, bytes]) -> bool:
    """Whether the link at `path` leads out of the folder whose links, all of them, are `links`:
    targets by path. `x/y/out -> up/..` does when `x/y/up -> ../..`."""
    here = path.split(b"/")[:-1]
    rest = [path.rpartition(b"/")[2]]
    hops = 0
    while rest:
        part = rest.pop()
        if part in (b"", b"."):
            continue
        if part == b"..":
            if not here:
                return True
            here.pop()
            continue
        target = links.get(b"/".join([*here, part]))
        if target is None:
            here.append(part)
        elif target.startswith(b"/") or len(target) > MAX_TARGET:
            return True
        else:
            hops += 1
            rest += reversed(target.split(b"/"))
        if hops > MAX_HOPS or len(here) > MAX_DEPTH:
            return False
    return False
