"""What it means when git does not push or fetch our refs, and what to do about it."""

from __future__ import annotations

import os
import re

from git_datmo.errors import RemoteError

_REJECTED = re.compile(r"\[remote rejected\] \((.*)\)$", re.MULTILINE)
_ADDRESS = re.compile(r"failed to push some refs to '(.*)'$", re.MULTILINE)
_SUBMODULES = re.compile(r"not be found on any remote:\n((?:  .*\n)+)")


def denial(verb: str, code: int, out: str, err: str) -> RemoteError:
    """The error to raise when `git <verb>` ended with `code` and printed `out` and `err`.

    Passwords have been taken out of both.
    """
    said = err.strip() or out.strip()
    reasons = list(dict.fromkeys(_REJECTED.findall(out)))
    if any("hidden ref" in reason for reason in reasons):
        return RemoteError(
            "the remote hides refs/datmo/* and takes none of them (its transfer.hideRefs or "
            "receive.hideRefs)",
            hint="ask whoever runs it to let refs/datmo through, or share by another remote",
        )
    if any("shallow update not allowed" in reason for reason in reasons):
        return RemoteError(
            "this clone is shallow: what is pushed stands on commits below its cut, which the "
            "remote does not have either",
            hint="git fetch --unshallow from a remote that has them, then push again",
        )
    found = _SUBMODULES.search(err)
    if found is not None:
        paths = [line.strip() for line in found[1].splitlines()]
        return RemoteError(
            f"snapshots name commits of submodules that no remote has: {', '.join(paths)}",
            hint=f"push them first: git -C {paths[0]} push",
        )
    address = _ADDRESS.search(err)
    if verb == "push" and address is not None and os.path.isfile(address[1]):
        return RemoteError(
            f"{address[1]} is a file (a bundle), to which nothing can be pushed",
            hint="git bundle create FILE --all makes a new one; or push to a repository",
        )
    lines = [line for line in said.splitlines() if line.startswith(("fatal:", "error:"))]
    shown = lines[0] if lines else f"exit {code}"
    if reasons:
        shown = f"the remote refused: {'; '.join(reasons)}"
    return RemoteError(f"git {verb} failed: {shown}", hint=said or None)
