"""Points from inside a program, one call each and flushed, and the run around them."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path

from git_datmo.tracking.run import TrackedRun
from git_datmo.tracking.sink import Sink
from tests.bench.harness import Row, pair, project, run


def rows(base: Path, points: int) -> Iterator[Row]:
    """Against lines of JSON appended by hand to one open file."""
    task = base / "task"
    task.mkdir()

    def by_hand() -> None:
        with open(base / "hand.jsonl", "a") as file:
            for step in range(points):
                file.write(json.dumps({"loss": 1 / (step + 1), "step": step}) + "\n")
                file.flush()

    def one_value() -> None:
        sink = Sink(task)
        for step in range(points):
            sink.log({"loss": 1 / (step + 1)}, step=step)
        sink.close()
        complete()

    def by_module() -> None:
        from git_datmo import log

        attached = TrackedRun(task, "bench", None)
        attached.begin()
        for step in range(points):
            log("train", {"loss": 1 / (step + 1)}, step=step, epoch=0)
        attached.finish()
        complete()

    def complete() -> None:
        size = (task / "metrics.jsonl").stat().st_size
        if size < points * len('{"step":1,"time":1.0,"loss":1}\n'):
            raise SystemExit(f"points are missing: {size} bytes")

    def clear() -> None:
        for file in (base / "hand.jsonl", task / "metrics.jsonl"):
            file.unlink(missing_ok=True)

    yield pair(f"{points:,} points, run.log", one_value, by_hand, "<= 1.5x", before=clear)
    yield pair(
        f"{points:,} points, datmo.log with type", by_module, by_hand, "<= 1.5x", before=clear
    )


def scripts(base: Path, files: int) -> Iterator[Row]:
    """A script that is a run and does nothing, less the script alone."""
    root = project(base / "scripts", files)
    (root / "bare.py").write_text("pass\n")
    (root / "tracked.py").write_text(
        "import git_datmo as datmo\nwith datmo.start_run():\n    pass\n"
    )
    python = os.fspath(sys.executable)
    yield pair(
        f"a script that is a run, {files:,} files, to bare + 150 ms",
        lambda: run(python, "tracked.py", cwd=root),
        lambda: run(python, "bare.py", cwd=root),
        "<= 1x",
        plus=150,
    )
