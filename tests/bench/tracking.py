"""One large file: into the store, back out, to a remote and from it."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.bench.harness import DATMO, Row, pair, peak_mib, project, run

_READ = """
import os, sys, xxhash
h = xxhash.xxh3_128()
with open(sys.argv[1], "rb", buffering=0) as f:
    while data := f.read(262144):
        h.update(data)
"""


def growth(base: Path, sizes: Sequence[int]) -> Iterator[Row]:
    """How tracking and restoring one file grow with its size in bytes, and what memory it takes."""
    for size in sizes:
        large = _Large(base / f"large{size}", size)
        title, how = large.title, {"rounds": 3}
        yield pair(f"track {title}", large.track, large.plain, "", before=large.renew, **how)
        large.track()
        yield pair(f"restore {title}", large.restore, large.cp, "", before=large.clear, **how)
        large.clear()
        memory = [peak_mib(*large.restoring, cwd=large.root)]
        large.renew()
        memory.append(peak_mib(*large.tracking, cwd=large.root))
        yield Row(f"peak memory of both, MiB ({title})", max(memory), None, None, "< 200")
        large.clear()
        shutil.rmtree(large.root)


class _Large:
    """A project with one large file, whose content can be made new."""

    def __init__(self, root: Path, size: int) -> None:
        self.root, self.size = project(root, 10), size
        self.big, self.copy = root / "big.bin", root.parent / "copy.bin"
        self.target = root.parent / "restored"
        self.title = f"{size >> 20} MiB"
        self.tracking = (DATMO, "snapshot", "-m", "large")
        self.restoring = (*(DATMO, "snapshot", "checkout", "latest"), "--into", str(self.target))
        self._count = 0
        self.renew()

    def renew(self) -> None:
        """New content, no store, no copy, and nothing left to be written to the disk."""
        with self.big.open("r+b" if self.big.exists() else "wb") as file:
            if self.big.stat().st_size != self.size:
                for _ in range(self.size >> 20):
                    file.write(os.urandom(1 << 20))
            file.seek(0)
            self._count += 1
            file.write(b"%032d" % self._count)
        for folder in (self.root / ".git" / "datmo" / "store").glob("??"):
            shutil.rmtree(folder)
        self.clear()

    def clear(self) -> None:
        """Remove what was copied."""
        shutil.rmtree(self.target, ignore_errors=True)
        self.copy.unlink(missing_ok=True)
        run("sync", "-f", self.root)

    def track(self) -> None:
        """A snapshot that takes the file."""
        run(*self.tracking, cwd=self.root)

    def restore(self) -> None:
        """The file once more, somewhere else."""
        run(*self.restoring, cwd=self.root)

    def cp(self) -> None:
        """The plainest way to do that."""
        run("cp", self.big, self.copy)

    def plain(self) -> None:
        """What can be no quicker: a copy that is on the disk, and one reading that hashes."""
        self.cp()
        fd = os.open(self.copy, os.O_RDWR)
        os.fsync(fd)
        os.close(fd)
        run(sys.executable, "-c", _READ, self.big)


def rows(base: Path, size: int) -> Iterator[Row]:
    """`size` bytes of random data, new in each round."""
    large = _Large(base / "large", size)
    root, title = large.root, large.title
    peak = peak_mib(*large.tracking, cwd=root)
    yield pair(
        f"track a new file of {title}, durable", large.track, large.plain,
        "<= 1.5x cp + fsync + xxh3", before=large.renew, rounds=3,
    )  # fmt: skip
    yield Row(f"peak memory of that, MiB ({title})", peak, None, None, "< 200")

    large.track()
    yield pair(
        f"restore it ({title})", large.restore, large.cp, "<= 1.2x cp",
        before=large.clear, rounds=3,
    )  # fmt: skip

    bare = base / "bare.git"

    def empty_remote() -> None:
        shutil.rmtree(bare, ignore_errors=True)
        run("git", "init", "-q", "--bare", bare)
        for name in run(
            "git", "for-each-ref", "--format=%(refname)", "refs/datmo-remotes", cwd=root
        ).split():
            run("git", "update-ref", "-d", name, cwd=root)
        large.clear()

    run("git", "remote", "add", "origin", bare, cwd=root)
    for old in run(DATMO, "snapshot", "ls", "-a", "--columns", "id", cwd=root).split()[2:]:
        run(DATMO, "snapshot", "delete", old, cwd=root)
    yield pair(
        f"push it to a path remote ({title})",
        lambda: run(DATMO, "push", "origin", cwd=root),
        large.cp,
        "<= 1.5x cp",
        before=empty_remote,
        rounds=3,
    )
    run("git", "push", "-q", "origin", "HEAD:refs/heads/main", cwd=root)
    run(DATMO, "push", "origin", cwd=root)
    other = base / "other"

    def clone() -> None:
        run(DATMO, "clone", "--content", bare, other)

    def no_clone() -> None:
        shutil.rmtree(other, ignore_errors=True)
        large.clear()

    yield pair(
        f"clone and pull it ({title})", clone, large.cp, "<= 2x cp",
        before=no_clone, rounds=3,
    )  # fmt: skip
