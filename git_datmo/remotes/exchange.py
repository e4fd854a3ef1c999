"""Refs over git's own transport.

Only our own refs are ever pushed; what comes back lands under `refs/datmo-remotes/<remote>/`.
"""

from __future__ import annotations

import os
from collections.abc import Sequence

from git_datmo.errors import RemoteError
from git_datmo.records import layout
from git_datmo.records.project import Project
from git_datmo.remotes import places

ZERO = "0" * 40


def listed(project: Project, remote: str) -> dict[str, str]:
    """The refs below refs/datmo/ that every push address of a remote has alike.

    Raises RemoteError when one cannot be asked.
    """
    pushed = places.urls_of(project, remote, push=True)
    if pushed == places.urls_of(project, remote, push=False):
        pushed = [remote]
    found: list[dict[str, str]] = []
    for address in pushed:
        out = _network(project, "ls-remote", "--refs", "--", address, layout.OWN + "*")
        lines = [line.split("\t", 1) for line in os.fsdecode(out).splitlines()]
        found.append({name: oid for oid, name in lines})
    first, *others = found
    return {n: oid for n, oid in first.items() if all(o.get(n) == oid for o in others)}


def push_refs(project: Project, remote: str, specs: Sequence[str]) -> None:
    """Push refspecs, all or nothing. Raises RemoteError."""
    _network(project, "push", "--porcelain", "--atomic", "--no-verify", "--", remote, *specs)


def fetch_refs(project: Project, remote: str) -> None:
    """Bring a remote's datmo refs, checked by git as they come. Raises RemoteError."""
    line = layout.fetch_line(places.room(project, remote))
    args = ["--no-tags", "--no-write-fetch-head", "--refmap=", "--", remote, line]
    _network(project, "-c", "fetch.fsckObjects=true", "fetch", *args)


def _network(project: Project, *args: str) -> bytes:
    # What is delivered before refs has been: no hook of ours needs to do it again.
    env = {"GIT_DATMO_IN_HOOK": "1"}
    code, out, err = project.repository.git.attempt(
        "-c", "protocol.ext.allow=never", *args, env=env
    )
    if code != 0:
        said = (err.decode(errors="replace").strip() or out.decode(errors="replace")).strip()
        lines = [line for line in said.splitlines() if line.startswith(("fatal:", "error:"))]
        shown = lines[0] if lines else f"exit {code}"
        verb = next(word for word in args if word in ("push", "fetch", "ls-remote"))
        raise RemoteError(f"git {verb} failed: {shown}", hint=said or None)
    return out
