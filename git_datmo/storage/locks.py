"""One writer of refs at a time, and no lock that outlives its process.

The mutex is `flock` on `<common dir>/datmo/lock`: the kernel lets go of it when a process dies.
git's own `*.lock` files are not so kind, so before any is taken its name is written to
`<common dir>/datmo/intent`; whoever gets the mutex next removes what a dead process left.
"""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from git_datmo.errors import RepositoryBusy
from git_datmo.storage.durability import disk_errors

WAIT_SECONDS = 60.0
# A process takes the locks it announced at once, or announces them anew.
TAKEN_WITHIN_SECONDS = 10.0


@contextmanager
def mutex(home: Path) -> Iterator[None]:
    """Hold the mutex of the repository whose datmo folder is `home`.

    Raises RepositoryBusy after a minute.
    """
    with disk_errors(home):
        home.mkdir(parents=True, exist_ok=True)
        fd = os.open(home / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        _wait(fd, home, fcntl.LOCK_EX)
        _recover(home)
        yield
    finally:
        os.close(fd)


@contextmanager
def quiet(home: Path) -> Iterator[None]:
    """Keep writers of refs out while something is looked at; writes nothing at all.

    Raises RepositoryBusy after a minute.
    """
    try:
        fd = os.open(home / "lock", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        yield  # Nobody ever wrote here, or nobody can.
        return
    try:
        _wait(fd, home, fcntl.LOCK_SH)
        yield
    finally:
        os.close(fd)


def unfinished(home: Path) -> list[Path] | None:
    """The locks that a process which died had announced and did not let go of; None when none
    died so. Only under `quiet`."""
    path = home / "intent"
    if not path.exists():
        return None
    return [lock for lock in _announced(path)[0] if lock.exists()]


@contextmanager
def intent(home: Path, locks: Sequence[Path]) -> Iterator[None]:
    """Announce the lock files about to be taken. Only under `mutex`."""
    path = home / "intent"
    text = json.dumps({"locks": [os.fspath(lock) for lock in locks], "pid": os.getpid()})
    with disk_errors(home):
        temporary = home / f"intent.{os.getpid()}"
        temporary.write_text(text, encoding="utf-8", errors="surrogateescape")
        os.replace(temporary, path)
    yield
    # Reached only when every lock was let go of; on an error the next writer looks. So it does
    # when one is there still: the library says nothing when it cannot remove it.
    if not any(lock.exists() for lock in locks if lock.name != "packed-refs.lock"):
        path.unlink(missing_ok=True)


def _wait(fd: int, home: Path, how: int) -> None:
    deadline = time.monotonic() + WAIT_SECONDS
    pause = 0.001
    while True:
        try:
            fcntl.flock(fd, how | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise RepositoryBusy(
                    f"another git-datmo has held {home / 'lock'} for {WAIT_SECONDS:.0f} s",
                    hint="wait for it to end, or stop it",
                ) from None
            time.sleep(pause)
            pause = min(pause * 1.5, 0.05)


def _announced(path: Path) -> tuple[list[Path], float]:
    """The locks that an intent names, and when it was written."""
    try:
        announced = path.stat().st_mtime
        record = json.loads(path.read_text(encoding="utf-8", errors="surrogateescape"))
        return [Path(name) for name in record.get("locks", ())], announced
    except (OSError, ValueError):
        return [], 0.0


def _recover(home: Path) -> None:
    path = home / "intent"
    if not path.exists():
        return
    locks, announced = _announced(path)
    for lock in locks:
        try:
            # What was there before, or came much later, belongs to somebody else.
            age = lock.stat().st_mtime - announced
            if lock.name.endswith(".lock") and 0 <= age <= TAKEN_WITHIN_SECONDS:
                lock.unlink()
        except OSError:
            continue
    path.unlink(missing_ok=True)
