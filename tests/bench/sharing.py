"""Sharing: content to and from a path remote, and pushes and fetches beside a long shared history.

Content is compared to `cp` and to git-lfs over a file:// remote, where it is installed.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.bench.harness import DATMO, Row, clock, pair, peak_mib, project, run
from tests.bench.history import grow

KEPT = 100  # refs that a clone keeps for its newest snapshots
BATCH = 100  # snapshots to a notes commit
LFS = {
    "filter.lfs.process": "git-lfs filter-process",
    "filter.lfs.clean": "git-lfs clean -- %f",
    "filter.lfs.smudge": "git-lfs smudge -- %f",
    "filter.lfs.required": "true",
}


def content(base: Path, files: int, size: int) -> Iterator[Row]:
    """Push `files` files of `size` bytes each to an empty remote; clone and pull them."""
    root, bare, copy, other = (base / name for name in ("root", "bare.git", "copy", "other"))
    project(root, 10)
    _fill(root, files, size)
    run(DATMO, "snapshot", "-m", "content", cwd=root)
    run("git", "remote", "add", "origin", bare, cwd=root)
    total = files * size
    title = f"{total >> 20} MiB in {files:,} files"

    def settle() -> None:
        for path in (copy, other):
            shutil.rmtree(path, ignore_errors=True)
        run("sync", "-f", base)

    def empty_remote() -> None:
        _emptied(bare)
        for name in run(
            "git", "for-each-ref", "--format=%(refname)", "refs/datmo-remotes", cwd=root
        ).split():
            run("git", "update-ref", "-d", name, cwd=root)
        settle()

    def plainly() -> None:
        run("cp", "-r", root / "data", copy)

    def push() -> None:
        run(DATMO, "push", "origin", cwd=root)

    yield pair(
        f"push {title} to a path remote", push, plainly, "<= 1.5x cp",
        before=empty_remote, rounds=3,
    )  # fmt: skip
    empty_remote()
    yield Row(
        f"peak memory of that push, MiB ({title})",
        peak_mib(DATMO, "push", "origin", cwd=root), None, None, "< 200",
    )  # fmt: skip
    run("git", "push", "-q", "origin", "HEAD:refs/heads/main", cwd=root)

    def clone(*, out: bool = False) -> None:
        run(DATMO, "clone", "--content", bare, other)
        if out:
            run(DATMO, "snapshot", "checkout", "latest", cwd=other)

    yield pair(
        f"clone and pull {title}", clone, plainly, "<= 2x cp", before=settle, rounds=3
    )  # fmt: skip
    if shutil.which("git-lfs") is None:
        return
    peer, lfs_bare = _lfs_repository(base, root)
    tip = run("git", "rev-parse", "HEAD", cwd=peer).strip()

    def both_empty() -> None:
        empty_remote()
        _emptied(lfs_bare)
        run("git", "update-ref", "-d", "refs/remotes/origin/main", cwd=peer)

    def lfs_push() -> None:
        run("git", "lfs", "push", "--all", "origin", cwd=peer)
        run("git", "push", "-q", "--no-verify", "origin", f"{tip}:refs/heads/main", cwd=peer)

    yield pair(
        f"push {title}, git-lfs", push, lfs_push, "git-lfs, linking", before=both_empty, rounds=3
    )
    both_empty()
    push()
    run("git", "push", "-q", "origin", "HEAD:refs/heads/main", cwd=root)
    lfs_push()
    settings = [word for name, value in LFS.items() for word in ("-c", f"{name}={value}")]
    yield pair(
        f"clone, pull and check out {title}, git-lfs",
        lambda: clone(out=True),
        lambda: run("git", *settings, "clone", "-q", lfs_bare.as_uri(), other),
        "< 1x",
        before=settle,
        rounds=3,
    )


def _fill(root: Path, files: int, size: int) -> None:
    """Random files that go to the store, whatever their size."""
    (root / ".gitattributes").write_text("data/** datmo\n")
    for number in range(files):
        target = root / "data" / f"d{number // 1000}" / f"f{number}.bin"
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("wb") as file:
            for start in range(0, size, 1 << 20):
                file.write(os.urandom(min(1 << 20, size - start)))


def _emptied(bare: Path) -> None:
    shutil.rmtree(bare, ignore_errors=True)
    run("git", "init", "-q", "--bare", "-b", "main", bare)


def _lfs_repository(base: Path, root: Path) -> tuple[Path, Path]:
    """A repository with the same files tracked by git-lfs, and a bare one to push to."""
    peer, bare = base / "peer", base / "lfs.git"
    run("git", "init", "-q", "-b", "main", peer)
    for name, value in LFS.items():
        run("git", "config", name, value, cwd=peer)
    (peer / ".gitattributes").write_text("data/** filter=lfs diff=lfs merge=lfs -text\n")
    run("cp", "-r", root / "data", peer / "data")
    run("git", "add", "-A", cwd=peer)
    run("git", "commit", "-qm", "content", cwd=peer)
    run("git", "remote", "add", "origin", bare.as_uri(), cwd=peer)
    _emptied(bare)
    return peer, bare


@dataclass
class Hub:
    """A shared remote and three clones: `ours` and `mate` with the project, `plain` without."""

    bare: Path
    ours: Path
    mate: Path
    plain: Path
    first_fetch: float
    first_list: float


def hub(base: Path, clones: int, each: int) -> Hub:
    """`clones` clones that shared `each` snapshots each; the last two then fetched them all."""
    base.mkdir()
    bare, seed = base / "hub.git", project(base / "seed", 100)
    _emptied(bare)
    run("git", "push", "-q", bare, "HEAD:refs/heads/main", cwd=seed)

    def clone(name: str, *, init: bool = True) -> Path:
        made = base / name
        # A clone over a path would have all objects and bitmaps of the hub from the start.
        run("git", "clone", "-q", bare.as_uri(), made)
        run("git", "remote", "set-url", "origin", bare, cwd=made)
        if init:
            run(DATMO, "init", "--force", cwd=made)
            run("git", "config", "datmo.autoSnapshot", "false", cwd=made)
        return made

    for number in range(clones):
        maker = clone(f"maker{number}")
        run("git", "config", "datmo.durability", "off", cwd=maker)
        grow(maker, each, number, batch=BATCH, kept=min(KEPT, each))
        run(DATMO, "push", cwd=maker)
        shutil.rmtree(maker)
    run("git", "gc", "-q", cwd=bare)
    ours, mate, plain = clone("ours"), clone("mate"), clone("plain", init=False)
    fetched = clock(lambda: run("git", "fetch", "-q", cwd=ours))
    listed = clock(lambda: run(DATMO, "snapshot", "ls", "-n", "1", cwd=ours))
    run(DATMO, "fetch", cwd=mate)
    for made in (ours, mate):
        run("git", "gc", "-q", cwd=made)
    return Hub(bare, ours, mate, plain, fetched, listed)


def history(base: Path, few: int, many: int, clones: int = 10) -> Iterator[Row]:
    """What `many` shared snapshots cost everyone, against `few` and against none."""
    none = hub(base / "none", 0, 0)
    small = hub(base / "few", clones, few // clones)
    large = hub(base / "many", clones, many // clones)
    title, against = f"{many:,} shared snapshots", f"<= 1.5x of {few:,}"
    refs = len(run("git", "for-each-ref", "refs/datmo", cwd=large.bare).splitlines())
    yield Row(f"refs of {clones} clones beside {title}", refs, None, None, "bounded")
    yield Row(f"first git fetch of {title}", large.first_fetch, None, None, "")
    yield Row(f"first listing of {title}", large.first_list, None, None, "")
    count = iter(range(10**9))

    def write(root: Path) -> None:
        (root / "d0" / "s0" / "f0.txt").write_text(f"{next(count)}\n")

    def commits() -> None:
        for root in (large.plain, none.plain, large.mate, none.mate):
            write(root)
            run("git", "commit", "-qam", "code", cwd=root)

    def snapshots(where: str) -> Callable[[], None]:
        def make() -> None:
            for each in (large, small):
                write(getattr(each, where))
                run(DATMO, "snapshot", "-m", "new", cwd=getattr(each, where))

        return make

    def pushed() -> None:
        snapshots("mate")()
        for each in (large, small):
            run(DATMO, "push", cwd=each.mate)

    def timed(
        what: str, goal: str, args: list[str], other: Hub, where: str, before: Callable[[], None]
    ) -> Row:
        return pair(
            f"{what}, {title}",
            lambda: run(*args, cwd=getattr(large, where)),
            lambda: run(*args, cwd=getattr(other, where)),
            goal,
            before=before,
            rounds=9,
        )

    def still() -> None:
        """Nothing is new."""

    same = "<= 1.3x of none"
    push, fetch = [DATMO, "push"], [DATMO, "fetch"]
    plain_push = ["git", "push", "-q", "origin", "refs/datmo/*"]
    plain_fetch = ["git", "fetch", "-q"]
    code = ["git", "push", "-q", "origin", "HEAD:refs/heads/main"]
    yield timed("a teammate's plain push", same, code, none, "plain", commits)
    to_branch = ["git", "push", "-q", "origin", "HEAD:refs/heads/mates"]
    yield timed("the same from a clone that has them all", same, to_branch, none, "mate", commits)
    yield timed("a teammate's plain fetch of nothing new", same, plain_fetch, none, "plain", still)
    yield timed("git fetch of nothing new", against, plain_fetch, small, "ours", still)
    yield timed("git datmo fetch of nothing new", against, fetch, small, "ours", still)
    yield timed("git datmo push of nothing new", against, push, small, "ours", still)
    yield timed("git datmo push of one new", against, push, small, "ours", snapshots("ours"))
    yield timed("git push of one new", against, plain_push, small, "ours", snapshots("ours"))
    yield timed("git datmo fetch of one new", against, fetch, small, "ours", pushed)
    yield timed("git fetch of one new", against, plain_fetch, small, "ours", pushed)
