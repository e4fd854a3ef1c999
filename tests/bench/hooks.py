"""What the post-commit hook adds to a commit, and eight writers at once."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator
from pathlib import Path

from tests.bench.harness import DATMO, Row, clock, processes, project, run


def rows(base: Path, files: int) -> Iterator[Row]:
    """A commit with the hook, less one without."""
    root = project(base / "hooked", files)
    run("git", "config", "--unset", "datmo.autoSnapshot", cwd=root)
    hook = root / ".git" / "hooks" / "post-commit"
    aside = hook.with_name("aside")

    def commit(number: int) -> float:
        (root / "d0" / "s0" / "f0.txt").write_text(f"{number}\n")
        run("git", "add", "d0/s0/f0.txt", cwd=root)
        took = clock(lambda: run("git", "commit", "-qm", "c", cwd=root))
        # The detached snapshot must not run into the next commit.
        time.sleep(1)
        return took

    added = []
    for number in range(8):
        with_hook = commit(2 * number)
        hook.rename(aside)
        added.append(with_hook - commit(2 * number + 1))
        aside.rename(hook)
    yield Row(
        f"what the hook adds to git commit, {files:,} files, ms",
        statistics.median(added[1:]), None, None, "<= 15 ms",
    )  # fmt: skip


def crowd(base: Path, each: int) -> Iterator[Row]:
    """Eight processes that snapshot and annotate against one that does all of it."""
    root = project(base / "crowd", 100)
    script = (
        f'for n in $(seq {each}); do "{DATMO}" snapshot -m "$0 $n" -s "w$0:$n" >/dev/null '
        f"|| exit 1; done"
    )
    took = clock(lambda: processes([["sh", "-c", script, str(w)] for w in range(8)], root))
    seen = len(run(DATMO, "snapshot", "ls", "--columns", "id", cwd=root).split()) - 1
    alone = clock(lambda: run("sh", "-c", script, "9", cwd=root))
    rate = (8 * each / took) / (each / alone)
    yield Row(f"8 writers x {each}: {seen} of {8 * each} kept", took, alone, rate, ">= 1x rate")
