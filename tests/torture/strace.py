"""Faults at single system calls, by strace: which calls there are, and what one of them meets."""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

needed = pytest.mark.skipif(shutil.which("strace") is None, reason="NOT TRIED: no strace here")

KILL = "signal=KILL"
# What changes a file system. Python and SQLite write through the same calls as libgit2.
MUTATING = (
    *("rename", "renameat", "renameat2", "link", "linkat", "unlink", "unlinkat", "mkdir"),
    *("mkdirat", "rmdir", "fsync", "fdatasync", "ftruncate", "fchmod", "syncfs", "pwrite64"),
    *("write", "openat", "symlinkat", "utimensat", "copy_file_range", "sendfile"),
)
# Those of them whose number does not hang on what is imported.
CALLS = ",".join(call for call in MUTATING if call not in ("write", "openat"))
READING = ("read", "pread64", "close")
# Which calls can meet what.
MEETS = {
    KILL: MUTATING,
    "error=EIO": (*(call for call in MUTATING if call not in ("openat", "fchmod")), *READING),
    "error=ENOSPC": (
        *("rename", "renameat2", "link", "linkat", "mkdir", "mkdirat", "write", "pwrite64"),
        *("openat", "symlinkat", "fsync", "copy_file_range"),
    ),
    "error=EMFILE": ("openat",),
}
_CALL = re.compile(r"(?:(\d+) +)?(\w+)\(")
_PATH = re.compile(r"\(\d+<(/[^>]+)>")
# The names of such files are others each time.
_FLEETING = re.compile(r"tmp|[0-9a-f]{16}|\.\d+$")


@dataclass(frozen=True)
class Point:
    """The `count`-th `call` of that name in a process; of those on `path`, where there is one.

    `line` is how strace told it.
    """

    call: str
    count: int
    path: str
    line: str


@dataclass(frozen=True)
class Struck:
    """What became of a program that met a fault; `effective` when it did, below the folder."""

    code: int
    stdout: str
    stderr: str
    effective: bool


def points(
    words: Sequence[str], cwd: Path, below: Path, fault: str = KILL, *, family: bool = False
) -> list[Point]:
    """Run a program once; its calls on files below a folder, in order, that can meet `fault`.

    With `family` those of the processes that it starts are among them.
    """
    calls = MEETS[fault]
    done, log = _traced(words, cwd, ["-e", f"trace={','.join(calls)}"], family)
    assert done.returncode == 0, done.stderr
    counts: Counter[tuple[str, str, str]] = Counter()
    found: dict[tuple[str, int, str], Point] = {}
    for line in log.splitlines():
        began = _CALL.match(line)
        if began is None:
            continue
        process, call = began[1] or "", began[2]
        # How often a program reads in all depends on what its children say, and when.
        on = _PATH.search(line)
        path = on[1] if on and call in READING else ""
        counts[process, call, path] += 1
        writes = any(flag in line for flag in ("O_CREAT", "O_WRONLY", "O_TRUNC", "O_RDWR"))
        relevant = call != "openat" or writes or fault == "error=EMFILE"
        relevant &= call not in READING or (path != "" and not _FLEETING.search(path))
        key = call, counts[process, call, path], path
        if relevant and str(below) in line:
            found.setdefault(key, Point(*key, line))
    return list(found.values())


def strike(
    words: Sequence[str], cwd: Path, below: Path, point: Point, fault: str, *, family: bool = False
) -> Struck:
    """Run a program whose one call at `point` meets `fault`."""
    inject = f"inject={point.call}:{fault}:when={point.count}"
    options = ["-e", f"trace={point.call}", "-e", inject]
    if point.path:
        options += ["-P", point.path]
    done, log = _traced(words, cwd, options, family)
    if fault == KILL:
        effective = done.returncode == -signal.SIGKILL or "killed by SIGKILL" in log
    else:
        effective = any("(INJECTED)" in line and str(below) in line for line in log.splitlines())
    return Struck(done.returncode, done.stdout, done.stderr, effective)


def _traced(
    words: Sequence[str], cwd: Path, options: Sequence[str], family: bool
) -> tuple[subprocess.CompletedProcess[str], str]:
    follow = ["-f"] if family else []
    with tempfile.NamedTemporaryFile() as log:
        done = subprocess.run(
            ["strace", *follow, "-qq", "-y", "-o", log.name, *options, *words],
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
            timeout=120,
        )
        return done, Path(log.name).read_text(errors="replace")
