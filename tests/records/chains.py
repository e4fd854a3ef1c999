"""Notes chains and snapshots as another program might write them, good and bad."""

from __future__ import annotations

from collections.abc import Mapping

import orjson

from git_datmo.records import layout
from git_datmo.records.project import Project
from git_datmo.storage import notes
from git_datmo.storage.objects import EMPTY_TREE
from tests.kit.git import Repo

SOMEONE = "ffffffffffffffff"
TRAILERS = {
    "Datmo-Id": "1" * 32,
    "Datmo-Code": EMPTY_TREE,
    "Datmo-Environment": EMPTY_TREE,
    "Datmo-Files": EMPTY_TREE,
}


class Someone:
    """Another clone, whose chain this repository got from a remote called `away`."""

    def __init__(self, repo: Repo, clone: str = SOMEONE) -> None:
        self.repo, self.clone = repo, clone
        self.project = Project.open(repo.path)
        self.objects = self.project.repository.objects
        self.ref = f"refs/datmo-remotes/away/notes/{clone}"

    def snapshot(self, message: str = "theirs", trailers: Mapping[str, str] = TRAILERS) -> str:
        """A snapshot's commit."""
        return self.commit(layout.message(message, dict(trailers)))

    def commit(self, message: str, tree: str = EMPTY_TREE, *parents: str) -> str:
        """Any commit."""
        if tree == EMPTY_TREE:
            self.repo.git("hash-object", "-t", "tree", "-w", "--stdin", input="")
        return self.objects.write_commit(
            tree=tree,
            parents=parents,
            author="Some One <one@example.com>",
            when=(1_700_000_000, 0),
            message=message,
        )

    def line(self, at: int = 1 << 53 - 12, **values: object) -> bytes:
        """One operation, canonical."""
        made = {"at": at, "by": "Some One <one@example.com>", "clone": self.clone, "set": values}
        return orjson.dumps(made, option=orjson.OPT_SORT_KEYS) + b"\n"

    def tell(self, lines: Mapping[str, bytes], message: str = layout.NOTES_MESSAGE) -> str:
        """Publish a chain with these notes and nothing else; its tip."""
        tip = self.commit(message, notes.append(self.objects, EMPTY_TREE, lines), *lines)
        self.repo.git("update-ref", self.ref, tip)
        return tip
