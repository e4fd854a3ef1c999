"""How long the index takes at 1k, 10k and 100k records: python -m tests.bench.index [SIZE …]

Times are medians in milliseconds, in process, on an index that was just opened.
"""

from __future__ import annotations

import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from hashlib import sha1
from pathlib import Path

from git_datmo.model.query import parse, parse_sort
from git_datmo.storage.index import Index, Record

WARM_RUNS = 7


def record(number: int, *, acc: float | None = None) -> Record:
    """A synthetic snapshot with seven leaves; every fifth is hidden."""
    chance = random.Random(number)
    stats = {"acc": chance.random() if acc is None else acc, "loss": chance.random(), "best": 1}
    config = {"model": chance.choice(["vit", "cnn", "mlp"]), "lr": 10 ** -chance.uniform(1, 5)}
    if number % 500 == 0:
        config["rare"] = number
    return Record(
        id=sha1(b"%d" % number).hexdigest(),
        kind="snapshot",
        created=1_700_000_000_000 + number * 1000,
        visible=number % 5 != 0,
        deleted=False,
        label=f"label-{number}" if number % 50 == 0 else None,
        message=f"experiment {number}: " + "words " * 8,
        session="default" if number % 3 else f"session-{number % 30}",
        tree=sha1(b"tree %d" % number).hexdigest(),
        environment=sha1(b"env %d" % (number % 20)).hexdigest(),
        author="A U Thor <author@example.com>",
        at_max=(1_700_000_000_000 + number * 1000) * 4096,
        doc={"config": config, "stats": stats, "code": sha1(b"code").hexdigest()},
    )


def measure(name: str, call: Callable[[], object]) -> None:
    """Print the first and the median time of a call, in ms."""
    times = []
    for _ in range(WARM_RUNS):
        start = time.perf_counter()
        call()
        times.append((time.perf_counter() - start) * 1000)
    print(f"  {name:<44} first {times[0]:8.2f}   median {statistics.median(times):8.2f}")


def fill(path: Path, size: int) -> None:
    start = time.perf_counter()
    with Index.open(path) as index, index.update() as update:
        for number in range(size):
            made = record(number)
            update.put(made)
            update.set_note("refs/datmo/notes/0123456789abcdef", made.id, made.id)
    seconds = time.perf_counter() - start
    print(f"{size} records: filled in {seconds:.2f} s, {path.stat().st_size / 2**20:.0f} MiB")


def queries(path: Path, size: int) -> None:
    measure("open and close", lambda: Index.open(path).close())
    with Index.open(path) as index:

        def listing(**what: object) -> Callable[[], object]:
            what.setdefault("limit", 20)
            return lambda: [r.doc for r in index.select("snapshot", **what)]  # type: ignore[arg-type]

        def where(text: str, **what: object) -> Callable[[], object]:
            return listing(where=parse(text), **what)

        measure("ls -n 20", listing())
        measure("ls --all -n 20", listing(include_hidden=True))
        measure("--sort -stats.acc", listing(sort=parse_sort("-stats.acc")))
        measure("--sort stats.acc,-config.lr", listing(sort=parse_sort("stats.acc,-config.lr")))
        measure("--sort -stats.best (all equal)", listing(sort=parse_sort("-stats.best")))
        measure("--sort -config.rare (few have it)", listing(sort=parse_sort("-config.rare")))
        measure("--sort label", listing(sort=parse_sort("label")))
        measure("--where stats.acc > 0.9", where("stats.acc > 0.9"))
        measure("--where stats.acc > 0.999", where("stats.acc > 0.999"))
        measure("--where stats.acc > 2 (none)", where("stats.acc > 2"))
        measure("--where model and acc", where("config.model == 'vit' and stats.acc > 0.9"))
        measure(
            "--where model and acc --sort -stats.loss",
            where("config.model == 'vit' and stats.acc > .9", sort=parse_sort("-stats.loss")),
        )
        measure("--where config.rare is not null", where("config.rare is not null"))
        measure("--where not (none)", where("not (stats.loss >= 0)"))
        measure("--filter experiment", listing(text="experiment"))
        measure("--filter, none", listing(text="no such words"))
        measure("--session session-3", listing(session="session-3"))
        measure("--session default", listing(session="default"))
        tree = sha1(b"tree 77").hexdigest()
        measure("by tree", listing(tree=tree, include_hidden=True))
        measure("count", lambda: index.count("snapshot"))
        measure(
            "count stats.acc > 0.9", lambda: index.count("snapshot", where=parse("stats.acc>.9"))
        )
        measure("everything", listing(limit=None, include_hidden=True))
        measure("everything --sort -stats.acc", listing(limit=None, sort=parse_sort("-stats.acc")))
        measure("find_prefix", lambda: index.find_prefix("77a", "snapshot"))
        measure("latest", lambda: index.latest("snapshot"))
        fresh = iter(range(size, size + 100))

        def put(number: int) -> None:
            with index.update() as update:
                made = record(number)
                update.put(made)
                update.set_note("refs/datmo/notes/0123456789abcdef", made.id, made.id)
                update.set_tip("refs/datmo/notes/0123456789abcdef", made.id)

        measure("put one new, committed", lambda: put(next(fresh)))
        measure("put one again, committed", lambda: put(7))


def main() -> None:
    for size in map(int, sys.argv[1:] or (1_000, 10_000, 100_000)):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "index.sqlite"
            fill(path, size)
            queries(path, size)


if __name__ == "__main__":
    main()
