"""Names of git's: what commit a branch, a tag or a prefix of an id is."""

from __future__ import annotations

from git_datmo.errors import CommitDoesNotExist, InvalidArgumentType
from git_datmo.model.revision import BRANCH, COMMIT, TAG, Revision
from git_datmo.records.project import Project

_PREFIXES = {"refs/heads/": BRANCH, "refs/remotes/": BRANCH, "refs/tags/": TAG}


def find(project: Project, *, revision: str) -> Revision:
    """What git understands by `main`, `v1.0`, `origin/main`, `refs/tags/v1.0`, `HEAD` (the branch
    that is checked out) or an id. Raises CommitDoesNotExist, InvalidArgumentType."""
    if not isinstance(revision, str):
        raise InvalidArgumentType(f"a revision is text, not {type(revision).__name__}")
    git = project.repository.git
    missing = CommitDoesNotExist(f"git knows no branch, tag or commit '{revision}'")
    if not revision or revision.startswith("-") or "\0" in revision or "\n" in revision:
        raise missing
    code, out, _ = git.attempt(
        "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}"
    )
    if code != 0:
        raise missing
    commit = out.decode().strip()
    code, out, _ = git.attempt(
        "rev-parse", "--symbolic-full-name", "--verify", "--quiet", "--end-of-options", revision
    )
    name = out.decode("utf-8", "surrogateescape").strip() if code == 0 else ""
    for prefix, kind in _PREFIXES.items():
        if name.startswith(prefix):
            return Revision(kind, name.removeprefix(prefix), commit)
    return Revision(COMMIT, commit, commit)
