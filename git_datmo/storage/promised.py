"""Objects that a partial clone left with its remote, brought when they are needed.

libgit2 knows nothing of them: to it they are missing. They are fetched the way git itself does
it, but many at once, for each time costs a process and a round trip.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from functools import cached_property
from pathlib import Path

from git_datmo.errors import RemoteError
from git_datmo.storage.git import Git

_MARK = re.compile(rb"promisor|partialclone", re.IGNORECASE)
_NOT_THERE = re.compile(r"not our ref ([0-9a-f]{40})")
# git's own way to ask for single objects; what is here is not compared with what is there.
_FETCH = (
    *("-c", "fetch.negotiationAlgorithm=noop", "-c", "protocol.ext.allow=never"),
    *("-c", "fetch.fsckObjects=true", "-c", "maintenance.auto=false", "fetch", "--quiet"),
    *("--no-tags", "--no-write-fetch-head", "--recurse-submodules=no", "--no-prune"),
)


class Promised:
    """What the remotes of one repository hold for it; nothing unless it is a partial clone."""

    def __init__(self, common_dir: Path) -> None:
        self._common = common_dir
        self._swept: set[str] = set()

    @cached_property
    def remotes(self) -> tuple[str, ...]:
        """The remotes that promised to keep what was left out; none for a whole clone."""
        try:
            if _MARK.search((self._common / "config").read_bytes()) is None:
                return ()
        except OSError:
            return ()
        git = Git(self._common, None)
        asked = ["config", "-z", "--bool", "--get-regexp", r"^remote\..*\.promisor$"]
        pairs = [item.partition("\n") for item in os.fsdecode(git.attempt(*asked)[1]).split("\0")]
        named = [key for key, _, value in pairs if key and value != "false"]
        names = [key.removeprefix("remote.").removesuffix(".promisor") for key in named]
        _, out, _ = git.attempt("config", "extensions.partialClone")
        return tuple(dict.fromkeys((*names, *os.fsdecode(out).split())))

    def bring(self, oids: Iterable[str]) -> bool:
        """Fetch objects that are not here, with a tree all trees below it; False for a whole
        clone. What the remote does not have either stays missing. Raises RemoteError."""
        wanted = list(dict.fromkeys(oids))
        if not wanted or not self.remotes:
            return False
        self._fetch(["--filter=blob:none"], wanted)
        return True

    def sweep(self, trees: Iterable[str], limit: int) -> bool:
        """Fetch everything in some trees that is no blob of more than `limit` bytes.

        What is still missing then is larger. False for a whole clone. Raises RemoteError.
        """
        wanted = [oid for oid in dict.fromkeys(trees) if oid not in self._swept]
        if not self.remotes:
            return False
        if wanted:
            self._fetch([f"--filter=blob:limit={limit + 1}", "--refetch"], wanted)
            self._swept.update(wanted)
        return True

    def _fetch(self, options: list[str], oids: list[str]) -> None:
        git = Git(self._common, None)
        reasons = []
        for remote in self.remotes:
            left = list(oids)
            while left:
                # No hook of ours has anything to deliver or to heal while objects come.
                code, _, err = git.attempt(
                    *(*_FETCH, *options, "--stdin", remote),
                    data="".join(f"{oid}\n" for oid in left).encode(),
                    env={"GIT_DATMO_IN_HOOK": "1"},
                )
                if code == 0:
                    return
                said = err.decode(errors="replace")
                # One that the remote has lost must not keep the others away.
                strange = set(_NOT_THERE.findall(said)) & set(left)
                if not strange:
                    reasons.append(f"{remote}: {_gist(said) or f'exit {code}'}")
                    break
                left = [oid for oid in left if oid not in strange]
            else:
                return
        noun = f"the git object {oids[0]}" if len(oids) == 1 else f"{len(oids)} git objects"
        raise RemoteError(
            f"this partial clone left {noun} with its remote and cannot fetch it now: "
            + "; ".join(reasons),
            hint="try again when the remote answers",
        )


def _gist(said: str) -> str | None:
    """The line of git's error output that says what is wrong."""
    lines = [line for line in said.splitlines() if line.startswith(("fatal:", "error:"))]
    return lines[0] if lines else None
