"""Who may take content out of a store, and when: `flock` on `<store>/lock`.

Whoever records content, or counts on what is there, shares the lock until refs mention it.
Whoever takes content out holds it alone, and looks again at what is mentioned before it does.
The kernel lets go of it when a process dies.
"""

from __future__ import annotations

import errno
import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock

from git_datmo.errors import RepositoryBusy
from git_datmo.storage.durability import disk_errors

WAIT_SECONDS = 30.0
# Some network file systems have no locks: there the grace period alone guards.
_NONE = (errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS, errno.EINVAL)


class StoreLock:
    """The lock of one store folder, as one user of the store holds it; any thread may call."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "lock"
        self._fd: int | None = None
        self._users, self._held = 0, False
        self._mutex = Lock()

    def hold(self) -> None:
        """Keep content from being taken out until `release`; waits while some is."""
        with self._mutex:
            self._open()
            self._held = True

    def release(self) -> None:
        """What was counted on is mentioned now, or given up."""
        with self._mutex:
            self._held = False
            self._close()

    @contextmanager
    def shared(self) -> Iterator[None]:
        """Keep content from being taken out meanwhile."""
        with self._mutex:
            self._open()
            self._users += 1
        try:
            yield
        finally:
            with self._mutex:
                self._users -= 1
                self._close()

    def _open(self) -> None:
        if self._fd is not None:
            return
        with disk_errors(self._path):
            # Another user of a shared folder may have made it: reading it is enough to share it.
            fd = os.open(self._path, os.O_RDONLY | os.O_CREAT | os.O_CLOEXEC, 0o664)
            try:
                fcntl.flock(fd, fcntl.LOCK_SH)
            except OSError as error:
                if error.errno not in _NONE:
                    os.close(fd)
                    raise
        self._fd = fd

    def _close(self) -> None:
        if self._fd is not None and not self._users and not self._held:
            os.close(self._fd)
            self._fd = None

    @contextmanager
    def alone(self, wait: float = WAIT_SECONDS) -> Iterator[None]:
        """Hold it alone. Raises RepositoryBusy after `wait` seconds."""
        self.release()
        with disk_errors(self._path):
            try:
                # Network file systems want a file that can be written for this.
                fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o664)
            except PermissionError:
                fd = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            deadline = time.monotonic() + wait
            while not _taken(fd):
                if time.monotonic() > deadline:
                    raise RepositoryBusy(
                        f"a snapshot or run has been reading content into {self._path.parent} "
                        f"for {wait:.0f} s",
                        hint="try again when it is done; nothing that it needs is freed",
                    )
                time.sleep(0.02)
            yield
        finally:
            os.close(fd)

    def __del__(self) -> None:
        if self._fd is not None:
            os.close(self._fd)


def _taken(fd: int) -> bool:
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        if error.errno not in _NONE:
            raise
    return True
