"""Paired timings: A and B by turns in one run, so that a ratio holds on a noisy machine."""

from __future__ import annotations

import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

DATMO = os.fspath(Path(sys.executable).with_name("git-datmo"))
ROUNDS = 5


@dataclass
class Row:
    """One line of the results: medians in milliseconds, their ratio, and what it must reach."""

    name: str
    ours: float
    theirs: float | None
    ratio: float | None
    goal: str

    def __str__(self) -> str:
        theirs = f"{self.theirs:10.1f}" if self.theirs is not None else " " * 10
        ratio = f"{self.ratio:6.2f}x" if self.ratio is not None else " " * 7
        return f"| {self.name:<58} | {self.ours:10.1f} | {theirs} | {ratio} | {self.goal} |"


def environment() -> dict[str, str]:
    """A quiet git, compiled bytecode, no configuration of the user."""
    env = {k: v for k, v in os.environ.items() if not k.startswith("GIT_")}
    env.pop("PYTHONDONTWRITEBYTECODE", None)
    env |= {"GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": os.devnull, "LC_ALL": "C.UTF-8"}
    for role in ("AUTHOR", "COMMITTER"):
        env |= {f"GIT_{role}_NAME": "Bench", f"GIT_{role}_EMAIL": "bench@example.com"}
    return env


ENV = environment()


def run(*args: str | os.PathLike[str], cwd: Path | None = None) -> str:
    """Run a program that must succeed."""
    done = subprocess.run(
        [os.fspath(a) for a in args], cwd=cwd, env=ENV, capture_output=True, check=False
    )
    if done.returncode:
        raise SystemExit(f"{args}: {done.stderr.decode()}")
    return done.stdout.decode(errors="replace")


def clock(action: Callable[[], object]) -> float:
    """Milliseconds that `action` takes."""
    start = time.perf_counter()
    action()
    return (time.perf_counter() - start) * 1000


def pair(
    name: str,
    ours: Callable[[], object],
    theirs: Callable[[], object],
    goal: str,
    *,
    rounds: int = ROUNDS,
    before: Callable[[], object] = lambda: None,
    plus: float = 0.0,
) -> Row:
    """Time both by turns; `before` runs untimed ahead of each. The ratio is pair by pair.

    With `plus`, the goal is theirs + `plus` ms, and the ratio is to that sum.
    """
    mine, others = [], []
    for number in range(rounds + 1):
        before()
        a = clock(ours)
        before()
        b = clock(theirs)
        if number:
            mine.append(a)
            others.append(b)
    ratio = statistics.median(a / (b + plus) for a, b in zip(mine, others, strict=True))
    return Row(name, statistics.median(mine), statistics.median(others), ratio, goal)


def peak_mib(*args: str, cwd: Path) -> float:
    """The peak memory of a program, in MiB."""
    code = (
        "import resource,subprocess,sys;subprocess.run(sys.argv[1:],stdout=subprocess.DEVNULL,"
        "check=True);print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss/1024)"
    )
    return float(run(sys.executable, "-c", code, *args, cwd=cwd))


@contextmanager
def folder(where: str | None) -> Iterator[Path]:
    """A temporary folder, on `where` when it is given."""
    path = Path(tempfile.mkdtemp(prefix="bench-", dir=where))
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


def project(root: Path, files: int, *, commit: bool = True) -> Path:
    """A repository with `files` small files, 100 to a folder, and a project in it."""
    root.mkdir(parents=True)
    run("git", "init", "-q", root)
    for number in range(files):
        target = root / f"d{number // 5000}" / f"s{number // 100}"
        if number % 100 == 0:
            target.mkdir(parents=True)
        (target / f"f{number % 100}.txt").write_text(f"{number}\n" * 40)
    if commit:
        run("git", "add", "-A", cwd=root)
        run("git", "commit", "-qm", "all", cwd=root)
    run(DATMO, "init", "--force", cwd=root)
    run("git", "config", "datmo.autoSnapshot", "false", cwd=root)
    return root


def processes(commands: Sequence[Sequence[str]], cwd: Path) -> None:
    """Run programs at the same time; all must succeed."""
    started = [
        subprocess.Popen(command, cwd=cwd, env=ENV, stdout=subprocess.DEVNULL)
        for command in commands
    ]
    for process in started:
        if process.wait():
            raise SystemExit(f"{process.args!r} failed")


def machine() -> str:
    """What the figures were measured on."""
    import platform

    import pygit2

    git = run("git", "--version").strip()
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return (
        f"{os.cpu_count()} cores, Linux {platform.release()}, {git}, "
        f"Python {platform.python_version()}, libgit2 {pygit2.LIBGIT2_VERSION}, {limit} files"
    )
