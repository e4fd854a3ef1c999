"""Taking snapshots of many small files."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from tests.bench.harness import DATMO, Row, pair, project, run


def rows(base: Path, files: int) -> Iterator[Row]:
    """Cold, unchanged and one changed, against git's own work of the same kind."""
    root = project(base / f"files{files}", files)
    count = iter(range(10**9))
    index = os.fspath(base / "private-index")
    env = f"GIT_INDEX_FILE={index}"

    def snapshot() -> None:
        run(DATMO, "snapshot", "-m", "bench", cwd=root)

    def add_and_write() -> None:
        run("env", env, "git", "add", "-A", cwd=root)
        run("env", env, "git", "write-tree", cwd=root)

    def status() -> None:
        run("git", "status", cwd=root)

    def change() -> None:
        (root / "d0" / "s0" / "f1.txt").write_text(f"changed {next(count)}\n")

    def forget() -> None:
        for path in (root / ".git" / "datmo").glob("*"):
            if path.name in ("index", "capture", "environment"):
                path.unlink()
        Path(index).unlink(missing_ok=True)

    title = f"{files:,} files"
    if files <= 10_000:
        yield pair(
            f"snapshot, {title}, cold", snapshot, add_and_write, "<= 1 of git + 150 ms",
            before=forget, plus=150,
        )  # fmt: skip
        run("env", env, "git", "add", "-A", cwd=root)
        yield pair(
            f"snapshot, {title}, unchanged", snapshot, add_and_write, "<= 1 of git + 150 ms",
            plus=150,
        )  # fmt: skip
        yield pair(
            f"snapshot, {title}, one changed", snapshot, add_and_write, "<= 1 of git + 150 ms",
            before=change, plus=150,
        )  # fmt: skip
    else:
        snapshot()
        yield pair(f"snapshot, {title}, unchanged", snapshot, status, "<= 1.3x git status")
        yield pair(
            f"snapshot, {title}, one changed", snapshot, status, "<= 2x git status", before=change
        )
