"""Our own figures for README's table of others: the same work as a multiple of the plainest way."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from tests.bench.harness import DATMO, Row, pair, project, run

_READ_ALL = """
import os
for folder, _, names in os.walk("."):
    if ".git" not in folder:
        for name in names:
            with open(os.path.join(folder, name), "rb", buffering=0) as file:
                file.read()
"""
_NOTHING = (sys.executable, "-c", "pass")


def rows(base: Path, files: int) -> Iterator[Row]:
    """Snapshots of many files, starting the program, and a run of nothing in a small project."""
    root = project(base / "many", files)
    count = iter(range(10**9))

    def snapshot() -> None:
        run(DATMO, "snapshot", "-m", "bench", cwd=root)

    def read() -> None:
        run(sys.executable, "-c", _READ_ALL, cwd=root)

    def change() -> None:
        (root / "d0" / "s0" / "f1.txt").write_text(f"changed {next(count)}\n")

    title = f"snapshot, {files:,} files"
    yield pair(f"{title}, unchanged", snapshot, read, "reading them")
    yield pair(f"{title}, one changed", snapshot, read, "reading them", before=change)
    yield pair(
        "git datmo version", lambda: run(DATMO, "version"), lambda: run(*_NOTHING), "python -c pass"
    )
    small = project(base / "small", 10)
    run("git", "config", "datmo.runner", "local", cwd=small)
    yield pair(
        "git datmo run -- python -c pass",
        lambda: run(DATMO, "run", "--", *_NOTHING, cwd=small),
        lambda: run(*_NOTHING),
        "python -c pass",
    )
