"""Listings, single notes and pushes beside a long history."""

from __future__ import annotations

import statistics
import sys
from collections.abc import Iterator
from pathlib import Path

from git_datmo.api import changes
from git_datmo.records import catalogue
from git_datmo.storage import notes
from tests.bench.harness import DATMO, Row, clock, pair, project, run
from tests.bench.history import grow


def rows(base: Path, count: int) -> Iterator[Row]:
    """Everything that must not grow with the number of snapshots."""
    root = project(base / f"history{count}", 100)
    found = grow(root, count)
    run(DATMO, "snapshot", "ls", "-n", "1", cwd=root)
    title = f"{count:,} snapshots"

    def nothing() -> None:
        run(sys.executable, "-c", "pass")

    for what, args in (
        ("--sort -stats.acc -n 20", ["--sort", "-stats.acc", "-n", "20"]),
        ("--where 'stats.acc > 0.9' -n 20", ["--where", "stats.acc > 0.9", "-n", "20"]),
    ):
        yield pair(
            f"ls {what}, {title}",
            lambda args=args: run(DATMO, "snapshot", "ls", *args, cwd=root),  # type: ignore[misc]
            nothing,
            "<= 5x python -c pass",
            rounds=9,
        )
    oid = next(found.index.select("snapshot", limit=1)).id
    objects = found.repository.objects
    tip = next(iter(catalogue.sources(found).values()))
    tree = catalogue.notes_tree(found, tip)
    alone = [
        clock(lambda n=n: notes.append(objects, tree, {oid: b"x%d\n" % n}))  # type: ignore[misc]
        for n in range(20)
    ]
    yield Row(f"one note tree written, {title}", statistics.median(alone), None, None, "<= 10 ms")
    whole = [clock(lambda n=n: changes.update(found, oid, stats={"n": n})) for n in range(20)]  # type: ignore[misc]
    yield Row(
        f"one update: note, sync, refs, index, {title}",
        statistics.median(whole), None, None, "(note and index <= 10 ms each)",
    )  # fmt: skip
    yield from _push(base, root, title)


def _push(base: Path, root: Path, title: str) -> Iterator[Row]:
    full, empty = base / "full.git", base / "empty.git"
    clones = {}
    for bare in (full, empty):
        run("git", "init", "-q", "--bare", bare)
        run("git", "push", "-q", bare, "HEAD:refs/heads/main", cwd=root)
    run("git", "remote", "add", "full", full, cwd=root)
    run(DATMO, "push", "full", cwd=root)
    for bare in (full, empty):
        clones[bare] = base / f"mate-{bare.stem}"
        run("git", "clone", "-q", "-b", "main", bare, clones[bare])
    count = iter(range(10**9))

    def commit() -> None:
        for clone in clones.values():
            (clone / "code.py").write_text(f"{next(count)}\n")
            run("git", "add", "code.py", cwd=clone)
            run("git", "commit", "-qm", "code", cwd=clone)

    yield pair(
        f"a teammate's plain push beside {title}",
        lambda: run("git", "push", "-q", "origin", "main", cwd=clones[full]),
        lambda: run("git", "push", "-q", "origin", "main", cwd=clones[empty]),
        "<= 1.3x of a remote without any",
        before=commit,
        rounds=9,
    )
