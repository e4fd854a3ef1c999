"""One large file: into the store, back out, to a remote and from it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from tests.bench.harness import DATMO, Row, pair, peak_mib, project, run

_READ = """
import os, sys, xxhash
h = xxhash.xxh3_128()
with open(sys.argv[1], "rb", buffering=0) as f:
    while data := f.read(262144):
        h.update(data)
"""


def rows(base: Path, size: int) -> Iterator[Row]:
    """`size` bytes of random data, new in each round."""
    import sys

    root = project(base / "large", 10)
    big, copy = root / "big.bin", base / "copy.bin"
    title = f"{size >> 20} MiB"
    count = iter(range(10**9))

    def fresh() -> None:
        with big.open("r+b" if big.exists() else "wb") as file:
            if big.stat().st_size != size:
                for _ in range(size >> 20):
                    file.write(os.urandom(1 << 20))
            file.seek(0)
            file.write(b"%032d" % next(count))
        copy.unlink(missing_ok=True)
        shutil.rmtree(root / ".git" / "datmo" / "store", ignore_errors=True)
        run("sync", "-f", base)

    def track() -> None:
        run(DATMO, "snapshot", "-m", "large", cwd=root)

    def plain() -> None:
        run("cp", big, copy)
        fd = os.open(copy, os.O_RDWR)
        os.fsync(fd)
        os.close(fd)
        run(sys.executable, "-c", _READ, big)

    fresh()
    peak = peak_mib(DATMO, "snapshot", "-m", "memory", cwd=root)
    yield pair(
        f"track a new file of {title}, durable", track, plain,
        "<= 1.5x cp + fsync + xxh3", before=fresh, rounds=3,
    )  # fmt: skip
    yield Row(f"peak memory of that, MiB ({title})", peak, None, None, "< 200")

    target = base / "restored"

    def clear() -> None:
        shutil.rmtree(target, ignore_errors=True)
        copy.unlink(missing_ok=True)
        run("sync", "-f", base)

    track()
    yield pair(
        f"restore it ({title})",
        lambda: run(DATMO, "snapshot", "checkout", "latest", "--into", target, cwd=root),
        lambda: run("cp", big, copy),
        "<= 1.2x cp",
        before=clear,
        rounds=3,
    )

    bare = base / "bare.git"

    def empty_remote() -> None:
        shutil.rmtree(bare, ignore_errors=True)
        run("git", "init", "-q", "--bare", bare)
        for name in run(
            "git", "for-each-ref", "--format=%(refname)", "refs/datmo-remotes", cwd=root
        ).split():
            run("git", "update-ref", "-d", name, cwd=root)
        clear()

    run("git", "remote", "add", "origin", bare, cwd=root)
    for old in run(DATMO, "snapshot", "ls", "-a", "--columns", "id", cwd=root).split()[2:]:
        run(DATMO, "snapshot", "delete", old, cwd=root)
    yield pair(
        f"push it to a path remote ({title})",
        lambda: run(DATMO, "push", "origin", cwd=root),
        lambda: run("cp", big, copy),
        "<= 1.5x cp",
        before=empty_remote,
        rounds=3,
    )
    run("git", "push", "-q", "origin", "HEAD:refs/heads/main", cwd=root)
    run(DATMO, "push", "origin", cwd=root)
    other = base / "other"

    def clone() -> None:
        run("git", "clone", "-q", bare, other)
        run(DATMO, "init", "--force", cwd=other)
        run(DATMO, "pull", "origin", "latest", cwd=other)

    def no_clone() -> None:
        shutil.rmtree(other, ignore_errors=True)
        clear()

    yield pair(
        f"clone and pull it ({title})", clone, lambda: run("cp", big, copy), "<= 2x cp",
        before=no_clone, rounds=3,
    )  # fmt: skip
