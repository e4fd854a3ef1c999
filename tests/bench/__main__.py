"""All measurements of git-datmo, as ratios to git, cp or Python in the same run.

    python -m tests.bench [--quick] [--only snapshot,artifacts,em,…] [--dir DIR]

Prints a Markdown table. `--dir` is where the workloads lie: a disk, not a memory file system,
for what is durable.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.bench import (
    artifacts,
    comparison,
    hooks,
    listing,
    pages,
    points,
    runs,
    sharing,
    snapshot,
    tracking,
)
from tests.bench.harness import Row, folder, machine


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true", help="small workloads")
    parser.add_argument("--only", default="", help="parts, with commas")
    parser.add_argument("--dir", help="where the workloads lie")
    given = parser.parse_args()
    quick = given.quick
    parts: dict[str, Callable[[Path], Iterator[Row]]] = {
        "snapshot-small": lambda base: snapshot.rows(base, 100 if quick else 1_000),
        "snapshot": lambda base: snapshot.rows(base, 1_000 if quick else 10_000),
        "snapshot-large": lambda base: snapshot.rows(base, 20_000 if quick else 100_000),
        "tracking": lambda base: tracking.rows(base, 64 << 20 if quick else 1 << 30),
        "comparison": lambda base: comparison.rows(base, 1_000 if quick else 10_000),
        "growth": lambda base: tracking.growth(
            base, [1 << 20, 4 << 20] if quick else [1 << 20, 64 << 20, 1 << 30, 4 << 30]
        ),
        "listing-1k": lambda base: listing.rows(base, 1_000),
        "listing-10k": lambda base: listing.rows(base, 2_000 if quick else 10_000),
        "listing-100k": lambda base: listing.rows(base, 3_000 if quick else 100_000),
        "sharing-file": lambda base: sharing.content(base, 1, 64 << 20 if quick else 1 << 30),
        "sharing-files": lambda base: sharing.content(base, 500 if quick else 10_000, 64 << 10),
        "sharing-history": lambda base: (
            sharing.history(base, 200, 2_000) if quick else sharing.history(base, 1_000, 100_000)
        ),
        "artifacts-file": lambda base: artifacts.content(base, 1, 64 << 20 if quick else 1 << 30),
        "artifacts-files": lambda base: artifacts.content(base, 500 if quick else 10_000, 4 << 10),
        "em": lambda base: artifacts.em(base, 10_000 if quick else 100_000),
        "hooks": lambda base: hooks.rows(base, 1_000 if quick else 10_000),
        "points": lambda base: points.rows(base, 10_000 if quick else 100_000),
        "scripts": lambda base: points.scripts(base, 100 if quick else 10_000),
        "runs": lambda base: runs.rows(base, 1_000 if quick else 10_000),
        "containers": lambda base: runs.containers(base, 1_000 if quick else 10_000),
        "pages-10k": lambda base: pages.rows(base, 2_000 if quick else 10_000),
        "pages-100k": lambda base: pages.rows(base, 3_000 if quick else 100_000),
        "curves-10k": lambda base: pages.curves(base, 10_000),
        "curves-1m": lambda base: pages.curves(base, 50_000 if quick else 1_000_000),
        "weight": pages.weight,
        "crowd": lambda base: hooks.crowd(base, 5 if quick else 50),
    }
    chosen = [name for name in given.only.split(",") if name]
    print(f"{machine()}\n")
    print("| work | ours, ms | theirs, ms | ratio | must reach |\n|---|---|---|---|---|")
    for name, rows in parts.items():
        if chosen and not {name, name.partition("-")[0]} & set(chosen):
            continue
        with folder(given.dir) as base:
            for row in rows(base):
                print(row, flush=True)


if __name__ == "__main__":
    main()
