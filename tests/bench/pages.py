"""Pages in a project of many runs against the same pages in one of a thousand; curves; weight."""

from __future__ import annotations

import gzip
import random
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

from git_datmo.model.ids import new_nonce
from git_datmo.model.series import line
from git_datmo.records import chain, layout, runs
from git_datmo.records.project import Project
from git_datmo.storage.objects import BLOB
from tests.bench.harness import DATMO, ENV, Row, clock, pair, project, run
from tests.kit.pages import LINK, Pages

FEW = 1000
BATCH = 1000
MOMENT = 1_790_000_000_000  # milliseconds since 1970


def grow(root: Path, count: int, points: int = 50) -> Project:
    """A project at `root` with so many runs, each with config, results and a curve."""
    found = Project.open(project(root, 20))
    chance = random.Random(1)
    objects = found.repository.objects
    head = run("git", "rev-parse", "HEAD", cwd=root).strip()
    lines = (
        line({"loss": 1 / (s + 1)}, type="train", step=s, time=float(s)) for s in range(points)
    )
    metrics = objects.write_blob(b"".join(lines))
    parts = {b"metrics/train.jsonl": (BLOB, metrics), b"log": (BLOB, objects.write_blob(b"hi\n"))}
    run("git", "config", "gc.auto", "0", cwd=root)
    for start in range(0, count, BATCH):
        with chain.writing(found) as writer:
            for number in range(start, min(start + BATCH, count)):
                config = {"lr": chance.random(), "model": chance.choice("abcd"), "seed": number}
                results = {"acc": chance.random(), "loss": chance.random()}
                at = MOMENT + number * 1000
                facts = {
                    "id": new_nonce(),
                    "type": "script",
                    "command": ["python", "train.py"],
                    "status": "success" if number % 7 else "failed",
                    "runner": "local",
                    "created": at,
                    "started": at,
                    "ended": at + 900,
                    "duration": 0.9,
                    "config": config,
                    "results": results,
                    "metrics": {"train": {"loss": 1 / points}},
                }
                oid = runs.write(found, facts, parts, [head])
                writer.mention(oid)
                writer.note(oid, set={"session": layout.DEFAULT_SESSION_ID})
    run("git", "gc", "-q", cwd=root)
    return found


def rows(base: Path, count: int) -> Iterator[Row]:
    """Every table, filter and order; the first page of 100 rows unless it is said."""
    title = f"{count:,} runs"
    few, many = base / f"few{count}", base / f"many{count}"
    grow(few, FEW)
    found = grow(many, count)
    run(DATMO, "run", "ls", "-n", "1", cwd=many)
    last = next(found.index.select("run", limit=1)).doc["run_id"]
    with Pages(few) as small, Pages(many) as large:
        small.enter()
        large.enter()
        for what, address in (
            ("overview", "/"),
            ("table", "/runs"),
            ("sorted by a result", "/runs?sort=-results.acc"),
            ("a condition that many meet", "/runs?where=results.acc+%3E+0.9"),
            ("a condition, sorted", "/runs?where=config.model+%3D%3D+%22a%22&sort=-results.acc"),
            ("a text", "/runs?q=train"),
            ("columns", "/runs?columns=results.acc,config.lr"),
            ("1,000 rows", "/runs?rows=1000"),
        ):
            yield pair(
                f"{what}, {title}",
                lambda address=address: large.get(address),  # type: ignore[misc]
                lambda address=address: small.get(address),  # type: ignore[misc]
                "(1,000 rows of 100)" if "rows=" in address else f"<= 1.5x of {FEW:,} runs",
                rounds=9,
            )
        yield Row(
            f"the last page, {title}", _median(large, f"/runs?page={count // 100}"), None, None, ""
        )
        yield Row(f"one run, {title}", _median(large, f"/runs/{last}"), None, None, "")
        ids = [record.doc["run_id"] for record in found.index.select("run", limit=10)]
        chosen = "&".join(f"id={one}" for one in ids)
        address = f"/data/curves?metric=loss&{chosen}"
        yield Row(f"curves of 10 runs, {title}", _median(large, address), None, None, "")
        yield Row(
            f"10 runs compared, {title}", _median(large, f"/compare?{chosen}"), None, None, ""
        )


def curves(base: Path, points: int) -> Iterator[Row]:
    """One run with so many points: the first time and again."""
    root = base / f"points{points}"
    found = grow(root, 1, points)
    one = next(found.index.select("run", limit=1)).doc["run_id"]
    address = f"/data/curves?metric=loss&id={one}"
    with Pages(root) as pages:
        pages.enter()
        pages.get("/")
        first = clock(lambda: pages.get(address))
        size = len(gzip.compress(pages.get(address).body))
        yield Row(f"{points:,} points drawn, first", first, None, None, "")
        yield Row(
            f"{points:,} points drawn, again", _median(pages, address), None, None, "<= 200 ms"
        )
        yield Row(f"{points:,} points drawn, KiB packed", size / 1024, None, None, "<= 50 KiB")


def weight(base: Path) -> Iterator[Row]:
    """How long until it listens, and what a page brings."""
    root = base / "weight"
    grow(root, FEW)

    def begin() -> None:
        started = subprocess.Popen(
            [DATMO, "ui", "--no-browser"], cwd=root, env=ENV, stdout=subprocess.PIPE, text=True
        )
        assert started.stdout is not None
        if not LINK.search(started.stdout.readline()):
            raise SystemExit("it printed no link")
        started.terminate()
        started.communicate()

    version: Callable[[], object] = lambda: run(DATMO, "version", cwd=root)  # noqa: E731
    yield pair(
        "git datmo ui until its link, to git datmo version + 300 ms",
        begin,
        version,
        "<= 1x",
        plus=300,
    )
    with Pages(root) as pages:
        pages.enter()
        for what, address in (
            ("a table of 100 runs", "/runs"),
            ("the style", "/static/style.css"),
            ("our script", "/static/page.js"),
            ("Plotly's script, as it is", "/static/plotly.js"),
        ):
            size = len(gzip.compress(pages.get(address).body, 6)) / 1024
            yield Row(f"{what}, KiB packed", size, None, None, "")
    shutil.rmtree(root)


def _median(pages: Pages, address: str, rounds: int = 7) -> float:
    pages.get(address)
    return sorted(clock(lambda: pages.get(address)) for _ in range(rounds))[rounds // 2]
