"""A few objects of packs, asked of `git cat-file`: starting it costs a tenth of loading libgit2."""

from __future__ import annotations

import os
import re
import subprocess
import threading
import weakref
from pathlib import Path

from git_datmo.storage.git import Git
from git_datmo.storage.gitformat import object_id

# From here on the library is quicker, its loading included.
QUESTIONS = 300
_OID = re.compile(r"[0-9a-f]{40}")
_ENV = {"GIT_NO_REPLACE_OBJECTS": "1", "GIT_NO_LAZY_FETCH": "1"}


class CatFile:
    """One conversation with git about the objects of a whole clone.

    It starts with the first question, and anew in a process that was forked off.
    """

    def __init__(self, common_dir: Path) -> None:
        self._git = Git(common_dir, None)
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._pid = 0
        self._lock = threading.Lock()
        self.left = QUESTIONS

    def read(self, oid: str) -> tuple[str, bytes] | None:
        """The kind and bytes of an object, its id computed from them; None for one that is not
        there. Raises EOFError where git does not answer, or not with
        what was asked for: the library may know more."""
        with self._lock:
            process, found = self._ask("--batch", oid)
            if found is None:
                return None
            kind, size = found
            assert process.stdout is not None
            data = process.stdout.read(size)
            if len(data) != size or process.stdout.read(1) != b"\n" or object_id(kind, data) != oid:
                self._end()
                raise EOFError(oid)
            return kind, data

    def header(self, oid: str) -> tuple[str, int] | None:
        """The kind and size in bytes of an object; None for one that is not there.

        Raises EOFError.
        """
        with self._lock:
            return self._ask("--batch-check", oid)[1]

    def close(self) -> None:
        """End the conversation; the next question begins another."""
        with self._lock:
            self._end()

    def _ask(self, how: str, oid: str) -> tuple[subprocess.Popen[bytes], tuple[str, int] | None]:
        if _OID.fullmatch(oid) is None:
            raise EOFError(oid)
        self.left -= 1
        process = self._process(how)
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            process.stdin.write(oid.encode() + b"\n")
            process.stdin.flush()
            line = process.stdout.readline().split()
        except OSError as error:
            self._end()
            raise EOFError(oid) from error
        if line == [oid.encode(), b"missing"]:
            return process, None
        if len(line) != 3 or line[0] != oid.encode():
            self._end()
            raise EOFError(oid)
        return process, (line[1].decode(), int(line[2]))

    def _process(self, how: str) -> subprocess.Popen[bytes]:
        if self._pid != os.getpid():
            self._processes, self._pid = {}, os.getpid()
            weakref.finalize(self, _stop, self._processes, self._pid)
        if how not in self._processes:
            try:
                self._processes[how] = subprocess.Popen(
                    self._git.command(["cat-file", how]),
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.DEVNULL,
                    cwd=self._git.git_dir,
                    env={**self._git.env, **_ENV},
                )
            except OSError as error:
                raise EOFError(how) from error
        return self._processes[how]

    def _end(self) -> None:
        _stop(self._processes, self._pid)


def _stop(processes: dict[str, subprocess.Popen[bytes]], owner: int) -> None:
    """End the processes that `owner` started; whoever was forked off since only forgets them."""
    if owner == os.getpid():
        for process in processes.values():
            process.kill()
            process.communicate()
    processes.clear()
