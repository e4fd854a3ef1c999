"""A long history, written through the real format but many snapshots to a note commit."""

from __future__ import annotations

import random
from pathlib import Path

from git_datmo.records import chain, layout, snapshots
from git_datmo.records.project import Project
from git_datmo.storage.objects import EMPTY_TREE
from tests.bench.harness import run

BATCH = 1000


def grow(root: Path, count: int, seed: int = 1, *, batch: int = BATCH, kept: int = 0) -> Project:
    """Add `count` snapshots with config and stats to the project at `root`.

    `batch` of them share one notes commit; the newest `kept` have a ref of their own.
    """
    project = Project.open(root)
    chance = random.Random(seed)
    head = run("git", "rev-parse", "HEAD", cwd=root).strip()
    tree = run("git", "rev-parse", "HEAD^{tree}", cwd=root).strip()
    # A collection in the background would be in the way of the one below.
    run("git", "config", "gc.auto", "0", cwd=root)
    session = layout.DEFAULT_SESSION_ID
    for start in range(0, count, batch):
        with chain.writing(project) as writer:
            for number in range(start, min(start + batch, count)):
                oid = snapshots.write(
                    project,
                    tree=tree,
                    parents=[head],
                    message=f"run {number}",
                    code=tree,
                    environment=EMPTY_TREE,
                    files=EMPTY_TREE,
                    paths=[],
                )
                writer.mention(oid)
                if number >= count - kept:
                    writer.ref(layout.SNAPSHOTS + oid, oid)
                writer.note(
                    oid,
                    set={
                        "message": f"run {number}",
                        "session": session,
                        "config": {"lr": chance.random(), "model": chance.choice("abcd")},
                        "stats": {"acc": chance.random(), "loss": chance.random()},
                    },
                )
    run("git", "gc", "-q", cwd=root)
    return project
