"""What moved in the work tree, as `git status` sees it from an index of our own.

The index lies beside the user's (`<git dir>/datmo/index`), seeded by copying theirs, with the
untracked cache on. Theirs is never written.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from git_datmo.errors import DatmoError, GitFailed
from git_datmo.storage.durability import disk_errors
from git_datmo.storage.git import failure
from git_datmo.storage.repository import Repository

# A line of `git ls-files -v`: S is skip-worktree, a lower-case letter assume-unchanged.
_HIDDEN = re.compile(rb"(?<![^\0])([Sa-z]) ([^\0]+)\0")


@dataclass
class Scan:
    """Paths by what happened to them since the private index was seeded.

    `changed` are tracked paths that differ from the index (mode there), `submodules` maps a
    gitlink's path to its status flags, `unmerged` paths are in conflict.
    """

    changed: dict[bytes, int] = field(default_factory=dict)
    submodules: dict[bytes, str] = field(default_factory=dict)
    unmerged: list[bytes] = field(default_factory=list)
    untracked: list[bytes] = field(default_factory=list)
    nested: list[bytes] = field(default_factory=list)


def index_path(repository: Repository) -> Path:
    """Our private index for this work tree."""
    return repository.git_dir / "datmo" / "index"


def index_look(repository: Repository) -> tuple[int, int, int]:
    """A stamp of the user's index: size, mtime in ns, inode; zeros when there is none."""
    try:
        state = os.stat(repository.git_dir / "index")
    except FileNotFoundError:
        return (0, 0, 0)
    return (state.st_size, state.st_mtime_ns, state.st_ino)


def seed(repository: Repository) -> None:
    """Copy the user's index over our own."""
    target = index_path(repository)
    with disk_errors(repository.git_dir):
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary = target.with_name(f"index.{os.getpid()}")
        try:
            with open(repository.git_dir / "index", "rb") as source, open(temporary, "wb") as copy:
                shutil.copyfileobj(source, copy)
                state = os.fstat(source.fileno())
            # git distrusts entries as young as their index: the copy must look as old.
            os.utime(temporary, ns=(state.st_atime_ns, state.st_mtime_ns))
            os.replace(temporary, target)
        except FileNotFoundError:
            target.unlink(missing_ok=True)
        (target.with_name("index.lock")).unlink(missing_ok=True)


def start(repository: Repository) -> subprocess.Popen[bytes]:
    """Start the status of the whole work tree against our index."""
    options = ["core.untrackedCache=true", "status.showUntrackedFiles=all", "core.splitIndex=false"]
    args = [part for option in options for part in ("-c", option)]
    return repository.git.start(
        *args,
        "status",
        "--porcelain=v2",
        "-z",
        "--no-renames",
        "--no-ahead-behind",
        "--ignore-submodules=none",
        env={"GIT_INDEX_FILE": os.fspath(index_path(repository)), "GIT_OPTIONAL_LOCKS": "1"},
    )


def hidden(repository: Repository) -> dict[bytes, bool]:
    """Tracked paths that git does not look at; True for those a sparse checkout leaves away."""
    env = {"GIT_INDEX_FILE": os.fspath(index_path(repository))}
    out = repository.git.run("ls-files", "-v", "-z", env=env)
    return {found[2]: found[1] in b"Ss" for found in _HIDDEN.finditer(out)}


class Ahead(NamedTuple):
    """A status that was started before anything else, and the lock it runs under."""

    lock: int
    process: subprocess.Popen[bytes]


def begin(repository: Repository) -> None:
    """Start the status now, while the rest of a command is still being imported.

    Only when our index looks usable and no other capture is under way; `take` gets it.
    """
    try:
        if os.stat(index_path(repository)).st_mtime_ns < index_look(repository)[1]:
            return
        lock = open_lock(index_path(repository).parent)
    except (OSError, DatmoError):
        return
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(lock)
        return
    repository.__dict__["_ahead"] = Ahead(lock, start(repository))


def take(repository: Repository) -> Ahead | None:
    """What `begin` started, once."""
    found: Ahead | None = repository.__dict__.pop("_ahead", None)
    return found


def open_lock(folder: Path) -> int:
    """The file whose `flock` makes captures of one work tree wait for each other, in the folder
    that our index lies in."""
    with disk_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        return os.open(folder / "capture.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)


def finish(process: subprocess.Popen[bytes]) -> Scan:
    """Read the answer of `start`. Raises GitFailed."""
    out, err = process.communicate()
    if process.returncode != 0:
        raise failure(["status"], process.returncode, err)
    return parse(out)


def parse(out: bytes) -> Scan:
    """Read `git status --porcelain=v2 -z`. Raises GitFailed on anything unknown."""
    scan = Scan()
    for line in out.split(b"\0"):
        if not line or line.startswith(b"#"):
            continue
        if line.startswith(b"? "):
            path = line[2:]
            (scan.nested if path.endswith(b"/") else scan.untracked).append(path.rstrip(b"/"))
        elif line.startswith(b"1 "):
            _, flags, sub, _, mode, _, _, _, path = line.split(b" ", 8)
            if flags[1:2] == b".":
                continue
            if sub.startswith(b"S") and flags[1:2] == b"M":
                scan.submodules[path] = sub.decode()
            else:
                scan.changed[path] = int(mode, 8)
        elif line.startswith(b"u "):
            scan.unmerged.append(line.split(b" ", 10)[10])
        else:
            raise GitFailed(f"git status printed a line that is not understood: {line[:80]!r}")
    return scan


def base_tree(repository: Repository, unmerged: list[bytes]) -> str:
    """The tree of our index; paths in conflict are left out, they are read from disk."""
    index = index_path(repository)
    if not index.exists():
        # An unborn repository with nothing added: the index is empty.
        return repository.git.run("hash-object", "-w", "-t", "tree", "--stdin").decode().strip()
    env = {"GIT_INDEX_FILE": os.fspath(index), "GIT_OPTIONAL_LOCKS": "1"}
    if unmerged:
        aside = index.with_name(f"index.{os.getpid()}")
        shutil.copy2(index, aside)
        env["GIT_INDEX_FILE"] = os.fspath(aside)
        gone = b"".join(b"0 " + b"0" * 40 + b"\t" + path + b"\0" for path in unmerged)
        try:
            repository.git.run("update-index", "-z", "--index-info", data=gone, env=env)
            return repository.git.run("write-tree", "--missing-ok", env=env).decode().strip()
        finally:
            aside.unlink(missing_ok=True)
    return repository.git.run("write-tree", "--missing-ok", env=env).decode().strip()
