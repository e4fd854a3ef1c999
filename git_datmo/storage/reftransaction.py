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
from functools import cached_property
from pathlib import Path

from git_datmo.errors import Conflict
from git_datmo.storage.durability import sync_file, sync_folder

_ABSENT = "0" * 40
PACKED = "packed-refs"
NEW = ".ours.lock"
"""What follows `packed-refs` in the name of the file that takes its place."""


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
        rooms = {"/".join(name.split("/")[:2]) for name in changes}
        packed = _Packed(packed_refs(self._common), rooms)
        for name, oid in new.items():
            self._lock(name, f"{self._common}/{name}", f"{oid}\n".encode())
        for name in gone:
            self._lock(name, f"{self._common}/{name}", b"")
        if gone:
            self._lock(PACKED, packed.path, b"")
            packed.forget()  # until now git could pack others
        for name in new:
            self._free(name, packed)
        for name, oid in new.items():
            self._log(name, oid, packed)
        if first is not None and first in new:
            self._put(first)
            self._sync()
        for name in new:
            if name != first:
                self._put(name)
        if gone:
            self._sync()  # a ref that goes may be one that came elsewhere
            self._delete(gone, packed)
        self._sync()

    def _lock(self, name: str, path: str, data: bytes) -> None:
        lock = f"{path}.lock"
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
            path = f"{self._common}/{name}"
            if not os.path.isdir(path):  # of other refs
                with suppress(FileNotFoundError):
                    os.unlink(path)
                    self._unsynced[os.path.dirname(path)] = None
            with suppress(OSError):
                os.unlink(f"{self._common}/logs/{name}")

    def _prune(self, name: str) -> None:
        """Remove the folders that a deleted ref leaves empty, as git does."""
        parts = name.split("/")[:-1]
        with suppress(OSError):
            while len(parts) > 2:
                os.rmdir("/".join((self._common, *parts)))
                parts.pop()

    def _log(self, name: str, oid: str, packed: _Packed) -> None:
        """Go on with the reflog of a ref that has one; hidden refs are given none."""
        path = f"{self._common}/logs/{name}"
        if not os.path.isfile(path):
            return
        try:
            with open(f"{self._common}/{name}", "rb") as file:
                before = file.read(40).decode("ascii", "replace")
        except OSError:
            before = packed.value(name) or _ABSENT
        stamp = f"git-datmo <git-datmo> {int(time.time())} +0000"
        with open(path, "ab") as log:
            log.write(f"{before} {oid} {stamp}\n".encode())

    def _sync(self) -> None:
        if self._durable:
            for folder in self._unsynced:
                self._sync_folder(folder)
        self._unsynced.clear()

    def _sync_folder(self, folder: str) -> None:
        """Flush a folder; where git packed its refs just now and removed it, the one above."""
        try:
            sync_folder(folder)
        except FileNotFoundError:
            if folder == self._common:
                raise
            self._sync_folder(os.path.dirname(folder))


def packed_refs(common_dir: str | os.PathLike[str]) -> str:
    """The file of packed refs, where git locks it: behind a link, at the link's end."""
    return os.path.realpath(os.path.join(common_dir, PACKED))


class _Packed:
    """The file `packed-refs`, read when it is first asked, as far as it is about some `rooms`:
    `refs/datmo` is one."""

    def __init__(self, path: str, rooms: Iterable[str]) -> None:
        self.path, self.new = path, f"{path}{NEW}"
        self._rooms = tuple(os.fsencode(room) for room in rooms)

    @cached_property
    def data(self) -> bytes:
        try:
            with open(self.path, "rb") as file:
                return file.read()
        except FileNotFoundError:
            return b""

    @cached_property
    def _names(self) -> frozenset[bytes]:
        lines = self.data.split(b"\n")
        return frozenset(line[41:] for line in lines if line[41:].startswith(self._rooms))

    @cached_property
    def _folders(self) -> frozenset[bytes]:
        """Every part of a name before a slash."""
        return frozenset(name[:at] for name in self._names for at in _slashes(name))

    def forget(self) -> None:
        """Read it anew when it is next asked."""
        for kept in ("data", "_names", "_folders"):
            self.__dict__.pop(kept, None)

    def holds(self, names: Iterable[str]) -> bool:
        return not self._names.isdisjoint(map(os.fsencode, names))

    def value(self, name: str) -> str | None:
        at = self.data.find(b" %s\n" % os.fsencode(name))
        return self.data[at - 40 : at].decode("ascii", "replace") if at >= 40 else None

    def in_the_way(self, name: str) -> str | None:
        """A ref above or below `name`, which cannot be there together with it."""
        own = os.fsencode(name)
        for at in _slashes(own):
            if own[:at] in self._names:
                return os.fsdecode(own[:at])
        return f"{name}/…" if own in self._folders else None

    def rewrite(self, without: frozenset[str], *, durable: bool) -> None:
        """Leave some refs out, with the lines that say what their tags point to. Under its lock."""
        kept, keep = [], True
        names = frozenset(os.fsencode(name) for name in without)
        for line in self.data.splitlines(keepends=True):
            if not line.startswith(b"^"):
                keep = line[41:].removesuffix(b"\n") not in names
            if keep:
                kept.append(line)
        # Not git's own name for it, `packed-refs.new`: git stumbles over one that a kill left.
        with suppress(FileNotFoundError):
            os.unlink(self.new)
        fd = os.open(self.new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
        with open(fd, "wb") as file:
            file.write(b"".join(kept))
            if durable:
                file.flush()
                sync_file(fd)
        os.rename(self.new, self.path)


def _slashes(name: bytes) -> list[int]:
    return [at for at, byte in enumerate(name) if byte == 0x2F]
