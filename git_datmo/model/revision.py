"""What a name of git's means at one moment."""

from __future__ import annotations

from typing import Final

from git_datmo.model.frozen import frozen

BRANCH, TAG, COMMIT = "branch", "tag", "commit"
KINDS: Final = (BRANCH, TAG, COMMIT)


@frozen
class Revision:
    """A branch, a tag or a commit: its short name (a commit's full id) and the commit that it is.

    `kind` is `branch` for a remote's branch too.
    """

    kind: str
    name: str
    commit: str
