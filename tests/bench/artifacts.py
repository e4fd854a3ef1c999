"""Artifacts against `cp`; runs and points through t9k.em's API against lines by hand."""

from __future__ import annotations

import itertools
import json
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.bench.harness import DATMO, Row, pair, project, run


def content(base: Path, files: int, size: int) -> Iterator[Row]:
    """A folder of so many files of `size` bytes as a version, and out again."""
    root = project(base / "artifacts", 10)
    source, copy, out = base / "source", base / "copy", base / "out"
    source.mkdir()
    for number in range(files):
        (source / f"f{number:06}").write_bytes(os.urandom(size))
    title = f"{files:,} x {size >> 10} KiB"
    names = (f"a{number}" for number in itertools.count())

    def fresh() -> None:
        for folder in (copy, out, root / ".git" / "datmo" / "store"):
            shutil.rmtree(folder, ignore_errors=True)
        run("sync", "-f", base)

    def create() -> None:
        run(DATMO, "artifact", "create", next(names), source, cwd=root)

    def plain() -> None:
        run("cp", "-r", source, copy)
        run("sync", "-f", base)

    yield pair(
        f"an artifact of {title}, durable", create, plain, "(cp + sync)", before=fresh, rounds=3
    )
    run(DATMO, "artifact", "create", "kept", source, cwd=root)

    def clear() -> None:
        for folder in (copy, out):
            shutil.rmtree(folder, ignore_errors=True)

    yield pair(
        f"get it ({title})",
        lambda: run(DATMO, "artifact", "get", "kept", "--into", out, cwd=root),
        lambda: run("cp", "-r", source, copy),
        "(cp)",
        before=clear,
        rounds=3,
    )


def em(base: Path, points: int) -> Iterator[Row]:
    """A script that logs through t9k.em's API, less what it takes to write the lines by hand."""
    root = project(base / "em", 100)
    (root / "bare.py").write_text("pass\n")
    (root / "empty.py").write_text(
        "from git_datmo import em\nrun = em.create_run(name='bench')\nrun.finish()\n"
    )
    python = sys.executable
    yield pair(
        "t9k.em: create_run and finish, to bare + 300 ms",
        lambda: run(python, "empty.py", cwd=root),
        lambda: run(python, "bare.py", cwd=root),
        "<= 1x",
        plus=300,
    )
    (root / "log.py").write_text(
        "import sys\nfrom git_datmo import em\nrun = em.create_run(name='bench')\n"
        "for step in range(int(sys.argv[1])):\n"
        "    run.log('train', {'loss': 1 / (step + 1)}, step=step, epoch=0)\n"
        "run.finish()\n"
    )
    (root / "hand.py").write_text(
        "import json, sys\n"
        "with open('hand.jsonl', 'w') as file:\n"
        "    for step in range(int(sys.argv[1])):\n"
        "        file.write(json.dumps({'loss': 1 / (step + 1), 'step': step}) + '\\n')\n"
        "        file.flush()\n"
    )
    yield pair(
        f"t9k.em: {points:,} points, to lines by hand + 300 ms",
        lambda: run(python, "log.py", str(points), cwd=root),
        lambda: run(python, "hand.py", str(points), cwd=root),
        "",
        plus=300,
        rounds=3,
    )
    reading = base / "points.jsonl"
    reading.write_text(
        "".join(json.dumps({"loss": 1 / (n + 1), "step": n}) + "\n" for n in range(10_000))
    )
    (root / "parse.py").write_text(
        "import json, sys\nprint(len([json.loads(line) for line in open(sys.argv[1])]))\n"
    )
    run(python, "log.py", "10000", cwd=root)
    (root / "load.py").write_text(
        "from pathlib import Path\nfrom git_datmo import em\n"
        "found = max(Path('.em/runs').iterdir(), key=lambda p: p.stat().st_mtime)\n"
        "assert len(em.load_run(str(found)).metrics['train']) == 10000\n"
    )
    yield pair(
        "t9k.em: load_run with 10,000 points, to Python that parses them + 150 ms",
        lambda: run(python, "load.py", cwd=root),
        lambda: run(python, "parse.py", reading, cwd=root),
        "<= 1 s",
        plus=150,
    )
