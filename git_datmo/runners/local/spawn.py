"""Starting a process: in a session of its own, its streams straight into files."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from git_datmo.errors import EngineError
from git_datmo.model.frozen import frozen
from git_datmo.runners.base import End

NOT_FOUND, NOT_EXECUTABLE = 127, 126


@frozen
class Streams:
    """Descriptors for the three streams of a process."""

    stdin: int
    stdout: int
    stderr: int


def spawn(
    argv: Sequence[str],
    cwd: Path,
    environ: Mapping[str, str],
    streams: Streams,
    cpus: frozenset[int] | None = None,
) -> subprocess.Popen[bytes] | End:
    """Start a command, or say with which end a shell would have answered.

    A script without a `#!` line is given to `/bin/sh`, as shells do. With `cpus` it runs on
    these processors only. Raises EngineError when the machine can start no process.
    """
    try:
        return _popen(argv, cwd, environ, streams, cpus)
    except (FileNotFoundError, NotADirectoryError):
        found = _find(argv[0], cwd, environ)
        if found is not None and os.path.lexists(found) and not os.path.isdir(found):
            reason = f"{argv[0]!r} names an interpreter in its first line that does not exist"
        else:
            reason = f"there is no command {argv[0]!r}"
        return End(NOT_FOUND, reason=reason)
    except PermissionError:
        return End(NOT_EXECUTABLE, reason=f"{argv[0]!r} is not executable")
    except OSError as error:
        if error.errno == errno.ENOEXEC:
            return _as_script(argv, cwd, environ, streams, cpus)
        if error.errno == errno.E2BIG:
            reason = "its arguments and environment are longer than this system takes"
            return End(NOT_EXECUTABLE, reason=reason)
        if error.errno in (errno.ELOOP, errno.ENAMETOOLONG, errno.EISDIR, errno.ETXTBSY):
            return End(NOT_EXECUTABLE, reason=f"{argv[0]!r}: {error.strerror}")
        raise EngineError(
            f"cannot start a process: {error.strerror}",
            hint="this machine is out of processes or memory, see 'ulimit -a'",
        ) from error


def missing(argv: Sequence[str], cwd: Path, environ: Mapping[str, str]) -> End | None:
    """The end of a command of which it is plain beforehand that it cannot be executed."""
    found = _find(argv[0], cwd, environ)
    if found is None or not os.path.exists(found):
        return End(NOT_FOUND, reason=f"there is no command {argv[0]!r}")
    if os.path.isdir(found) or not os.access(found, os.X_OK):
        return End(NOT_EXECUTABLE, reason=f"{argv[0]!r} is not executable")
    return None


def _popen(
    argv: Sequence[str],
    cwd: Path,
    environ: Mapping[str, str],
    streams: Streams,
    cpus: frozenset[int] | None,
) -> subprocess.Popen[bytes]:
    with _bound_to(cpus):
        return subprocess.Popen(
            argv,
            cwd=cwd,
            env=environ,
            stdin=streams.stdin,
            stdout=streams.stdout,
            stderr=streams.stderr,
            start_new_session=True,
        )


def _as_script(
    argv: Sequence[str],
    cwd: Path,
    environ: Mapping[str, str],
    streams: Streams,
    cpus: frozenset[int] | None,
) -> subprocess.Popen[bytes] | End:
    found = _find(argv[0], cwd, environ)
    if found is None or _is_binary(found):
        reason = f"{argv[0]!r} is a program for another kind of machine"
        return End(NOT_EXECUTABLE, reason=reason)
    return _popen(["/bin/sh", found, *argv[1:]], cwd, environ, streams, cpus)


def _find(word: str, cwd: Path, environ: Mapping[str, str]) -> str | None:
    """The absolute path a command stands for."""
    if "/" in word:
        return os.path.join(os.path.abspath(cwd), word)
    found = shutil.which(word, path=environ.get("PATH", os.defpath))
    return None if found is None else os.path.join(os.path.abspath(cwd), found)


def _is_binary(file: str) -> bool:
    try:
        with open(file, "rb") as stream:
            return b"\0" in stream.read(128).partition(b"\n")[0]
    except OSError:
        return True


@contextmanager
def _bound_to(cpus: frozenset[int] | None) -> Iterator[None]:
    """A child begins on the processors of the thread that starts it; no other thread notices."""
    if cpus is None:
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cpus)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)
