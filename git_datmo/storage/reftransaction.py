"""Refs that move together, by git's own rules: `<ref>.lock` first, `packed-refs.lock` to delete.

Loading libgit2 for three small files would cost more than all the rest of a short command
(docs/decisions/0024). The files and the order are those of git's `refs/files-backend.c` and
`refs/packed-backend.c`.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path

from git_datmo.errors import Conflict
from git_datmo.storage.durability import sync_file, sync_folder

_ABSENT = "0" * 40
NEW = "ours.lock"
"""What follows `packed-refs.` in the name of the file that takes its place."""


class Transaction:
    """The locks of some refs; leaving lets go of those that are still held."""

    def __init__(self, common_dir: Path, *, durable: bool) -> None:
        self._common = os.fspath(common_dir)
        self._durable = durable
        self._held: dict[str, str] = {}
        self._unsynced: dict[str, None] = {}
        self._gone: list[str] = []

    def __enter__(self) -> Transaction:
        return self

    def __exit__(self, *_: object) -> None:
        for lock in self._held.values():
            with suppress(FileNotFoundError):
                os.unlink(lock)
        for name in (*self._gone, *self._held):
            self._prune(name)

    def move(self, changes: Mapping[str, str | None], first: str | None) -> None:
        """Set each ref, `first` before the others, and delete those whose id is None.

        Raises BlockingIOError where a lock is taken and Conflict where a ref stands in the way of
        another, with nothing changed; OSError.
        """
        new = {name: oid for name, oid in changes.items() if oid is not None}
        self._gone = gone = [name for name, oid in changes.items() if oid is None]
        packed = _Packed(os.path.realpath(f"{self._common}/packed-refs"))
        for name, oid in new.items():
            self._lock(name, f"{oid}\n".encode())
            self._free(name, packed)
        for name in gone:
            self._lock(name, b"")
        if gone:
            self._lock("packed-refs", b"")
            packed.forget()  # until now git could pack others
        logs = [line for name, oid in new.items() if (line := self._log(name, oid, packed))]
        if first is not None and first in new:
            self._put(first)
            self._sync()
        for name in new:
            if name != first:
                self._put(name)
        self._delete(gone, packed)
        for path, entry in logs:
            with open(path, "ab") as reflog:
                reflog.write(entry)
        self._sync()

    def _lock(self, name: str, data: bytes) -> None:
        lock = f"{self._common}/{name}.lock"
        fd = self._open(lock)
        self._held[name] = lock
        with open(fd, "wb") as file:
            file.write(data)
            if self._durable and data:
                file.flush()
                sync_file(fd)

    def _open(self, lock: str) -> int:
        for attempts_left in reversed(range(5)):
            try:
                return os.open(lock, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
            except FileExistsError as error:
                raise BlockingIOError(f"{lock} is there") from error
            except NotADirectoryError as error:
                raise Conflict(f"cannot write {lock}: another ref stands in its way") from error
            except FileNotFoundError:
                # git removes a folder of refs when it has emptied it, perhaps just now.
                if not attempts_left:
                    raise
            self._make_folder(os.path.dirname(lock))
        raise AssertionError("the last attempt returns or raises")

    def _make_folder(self, folder: str) -> None:
        above = os.path.dirname(folder)
        if not os.path.isdir(above):
            self._make_folder(above)
        with suppress(FileExistsError, FileNotFoundError):
            os.mkdir(folder)
            self._unsynced[above] = None

    def _free(self, name: str, packed: _Packed) -> None:
        """Make sure that a locked ref can be put where it belongs."""
        path = f"{self._common}/{name}"
        if os.path.isdir(path) and not os.path.islink(path):
            for folder, _, _ in os.walk(path, topdown=False):
                with suppress(OSError):
                    os.rmdir(folder)
            if os.path.isdir(path):
                raise Conflict(f"cannot write the ref {name}: other refs lie below that name")
        elif not os.path.exists(path) and (other := packed.in_the_way(name)):
            raise Conflict(f"cannot write the ref {name}: the ref {other} is in its way")

    def _put(self, name: str) -> None:
        os.rename(self._held[name], f"{self._common}/{name}")
        del self._held[name]
        self._unsynced[os.path.dirname(f"{self._common}/{name}")] = None

    def _delete(self, names: list[str], packed: _Packed) -> None:
        if packed.holds(names):
            packed.rewrite(frozenset(names), durable=self._durable)
            self._unsynced[os.path.dirname(packed.path)] = None
        for name in names:
            with suppress(FileNotFoundError, IsADirectoryError):
                os.unlink(f"{self._common}/{name}")
                self._unsynced[os.path.dirname(f"{self._common}/{name}")] = None
            with suppress(OSError):
                os.unlink(f"{self._common}/logs/{name}")

    def _prune(self, name: str) -> None:
        """Remove the folders that a deleted ref leaves empty, as git does."""
        parts = name.split("/")[:-1]
        with suppress(OSError):
            while len(parts) > 2:
                os.rmdir("/".join((self._common, *parts)))
                parts.pop()

    def _log(self, name: str, oid: str, packed: _Packed) -> tuple[str, bytes] | None:
        """The line for the reflog of a ref that has one; hidden refs are given none."""
        path = f"{self._common}/logs/{name}"
        if not os.path.isfile(path):
            return None
        try:
            with open(f"{self._common}/{name}", "rb") as file:
                before = file.read(40).decode("ascii", "replace")
        except OSError:
            before = packed.value(name) or _ABSENT
        stamp = f"git-datmo <git-datmo> {int(time.time())} +0000"
        return path, f"{before} {oid} {stamp}\n".encode()

    def _sync(self) -> None:
        if self._durable:
            for folder in self._unsynced:
                sync_folder(folder)
        self._unsynced.clear()


class _Packed:
    """The file `packed-refs`, read when it is first asked."""

    def __init__(self, path: str) -> None:
        self.path, self.new = path, f"{path}.{NEW}"
        self._data: bytes | None = None

    @property
    def data(self) -> bytes:
        if self._data is None:
            try:
                with open(self.path, "rb") as file:
                    self._data = file.read()
            except FileNotFoundError:
                self._data = b""
        return self._data

    def forget(self) -> None:
        self._data = None

    def holds(self, names: Iterable[str]) -> bool:
        return any(b" %s\n" % os.fsencode(name) in self.data for name in names)

    def value(self, name: str) -> str | None:
        at = self.data.find(b" %s\n" % os.fsencode(name))
        return self.data[at - 40 : at].decode("ascii", "replace") if at >= 40 else None

    def in_the_way(self, name: str) -> str | None:
        """A ref above or below `name`, which cannot be there together with it."""
        parts = name.split("/")
        for count in range(2, len(parts)):
            above = "/".join(parts[:count])
            if self.holds([above]):
                return above
        below = b" %s/" % os.fsencode(name)
        at = self.data.find(below)
        if at < 0:
            return None
        return os.fsdecode(self.data[at + 1 : self.data.find(b"\n", at)])

    def rewrite(self, without: frozenset[str], *, durable: bool) -> None:
        """Leave some refs out, with the lines that say what their tags point to. Under its lock."""
        kept, keep = [], True
        names = frozenset(os.fsencode(name) for name in without)
        for line in self.data.splitlines(keepends=True):
            if not line.startswith(b"^"):
                keep = line[41:].rstrip(b"\n") not in names
            if keep:
                kept.append(line)
        # Not git's own name for it, `packed-refs.new`: git stumbles over one that a kill left.
        fd = os.open(self.new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o666)
        with open(fd, "wb") as file:
            file.write(b"".join(kept))
            if durable:
                file.flush()
                sync_file(fd)
        os.rename(self.new, self.path)
