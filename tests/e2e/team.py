"""A shared bare repository and clones of it, as people would set them up."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

from git_datmo.api import location
from git_datmo.api.project import init as initialize
from git_datmo.cli.project import program
from tests.kit.git import Repo
from tests.kit.program import Result, datmo

GLOB = "refs/datmo/*"
BOTH = "refs/datmo/*:refs/datmo/*"
LARGE = 1_100_000  # bytes; more than datmo.largeFile


class Team:
    """`origin` has one commit; clones are made, by `git clone`, beside it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.origin = Repo.bare(root / "origin.git")
        seed = Repo.init(root / "seed")
        seed.write("train.py", "print('hello')\n")
        seed.commit("one")
        seed.git("push", "-q", str(self.origin.path), "main")

    def clone(self, name: str, *, init: bool = True) -> Repo:
        """A clone, after `git datmo init` unless told otherwise."""
        made = self.origin.clone(self.root / name)
        made.git("config", "user.name", name)
        if init:
            datmo("init", cwd=made.path)
        return made

    def member(self, name: str) -> Repo:
        """`clone`, made ready in this process, which is quicker."""
        made = self.clone(name, init=False)
        initialize(location.find(made.path), program=program())
        return made


def large(seed: int) -> bytes:
    """Bytes that go to the store, the same for the same seed."""
    return random.Random(seed).randbytes(LARGE)


def snap(repo: Repo, message: str, *args: str) -> str:
    """Take a snapshot; its id."""
    made = datmo("snapshot", "create", "-m", message, *args, "--json", cwd=repo.path)
    return str(made.json()["id"])


def state(repo: Repo) -> dict[str, Any]:
    """All that `snapshot ls` knows of every snapshot, by id; times and ids of ours aside."""
    rows = datmo("snapshot", "ls", "--all", "--json", cwd=repo.path).json()
    return {row["id"]: row for row in rows}


def update(repo: Repo, oid: str, *args: str) -> Result:
    """`snapshot update`."""
    return datmo("snapshot", "update", oid, *args, cwd=repo.path)


def push_plainly(repo: Repo) -> None:
    """`git push origin 'refs/datmo/*'`, and once more where it says so."""
    done = repo.try_git("push", "-q", "origin", GLOB)
    if done.returncode and "push again" in done.stderr:
        done = repo.try_git("push", "-q", "origin", GLOB)
    assert done.returncode == 0, done.stderr
