"""Getting bytes onto the disk, and saying plainly when there is no room for them."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from git_datmo.errors import Conflict, DatmoError, NoSpace, ReadOnlyRepository

if TYPE_CHECKING:
    import ctypes

MODES = ("batch", "full", "off")

_F_FULLFSYNC = 51
_SYNC_FILE_RANGE_WRITE = 2


@cache
def _libc() -> ctypes.CDLL | None:
    import ctypes

    try:
        return ctypes.CDLL(None, use_errno=True)
    except OSError:
        return None


def sync_file(fd: int) -> None:
    """Flush one open file to stable storage."""
    if sys.platform == "darwin":
        import fcntl

        fcntl.fcntl(fd, _F_FULLFSYNC)
    else:
        os.fsync(fd)


def sync_folder(folder: str | os.PathLike[str]) -> None:
    """Flush the names in a folder, so that a rename in it survives a power cut."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def sync_file_system(folder: str | os.PathLike[str]) -> bool:
    """Flush the whole file system that holds `folder`; False where it cannot be asked to."""
    libc = _libc()
    if libc is None or not hasattr(libc, "syncfs"):
        os.sync()
        return sys.platform == "linux"
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        if libc.syncfs(fd) != 0:
            import ctypes

            code = ctypes.get_errno()
            raise OSError(code, os.strerror(code), os.fspath(folder))
        return True
    finally:
        os.close(fd)


def start_writeback(fd: int, offset: int, count: int) -> None:
    """Ask the kernel to begin writing a range; a hint, silently skipped where unknown."""
    libc = _libc()
    if libc is not None and hasattr(libc, "sync_file_range"):
        import ctypes

        libc.sync_file_range(
            fd, ctypes.c_int64(offset), ctypes.c_int64(count), _SYNC_FILE_RANGE_WRITE
        )


def write_file(path: Path, data: bytes, *, sync: bool = True, mode: int = 0o644) -> None:
    """Put `data` at `path` by way of a temporary file, so that readers see old or new."""
    import tempfile

    path.parent.mkdir(parents=True, exist_ok=True)
    with disk_errors(path.parent):
        fd, temporary = tempfile.mkstemp(prefix=".tmp-", dir=path.parent)
        try:
            with open(fd, "wb") as file:
                file.write(data)
                file.flush()
                os.fchmod(fd, mode)
                if sync:
                    sync_file(fd)
            os.replace(temporary, path)
        except BaseException:
            os.unlink(temporary)
            raise
        if sync:
            sync_folder(path.parent)


@contextmanager
def disk_errors(folder: str | os.PathLike[str]) -> Iterator[None]:
    """Turn what the operating system says about a disk into an error of ours."""
    try:
        yield
    except OSError as error:
        raise explain(error, folder) from error


def explain(error: OSError, folder: str | os.PathLike[str]) -> DatmoError:
    """The error of ours for `error`, met while writing under `folder`.

    libgit2 reports a full disk without its number, so the disk itself is asked too.
    """
    where = os.fspath(error.filename) if error.filename else os.fspath(folder)
    number = error.errno
    text = str(error).lower()
    if number in (errno.ENOSPC, errno.EDQUOT) or "no space left" in text or _full(folder):
        return NoSpace(
            f"no space left on the disk that holds {folder}",
            hint="free some space and try again; nothing that was saved before is affected",
        )
    if number == errno.EROFS or "read-only file system" in text:
        return ReadOnlyRepository(f"cannot write {where}: the file system is read-only")
    if number in (errno.EACCES, errno.EPERM) or "permission denied" in text:
        return ReadOnlyRepository(
            f"cannot write {where}: permission denied", hint="check who owns the .git folder"
        )
    return Conflict(f"cannot write {where}: {error.strerror or error}")


def _full(folder: str | os.PathLike[str]) -> bool:
    try:
        state = os.statvfs(folder)
    except OSError:
        return False
    return state.f_bavail == 0 or (state.f_files > 0 and state.f_favail == 0)
