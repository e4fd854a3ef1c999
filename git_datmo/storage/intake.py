"""Reading what a task left into objects and into the store."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path

from git_datmo.errors import FileChanging, UnreadableFile, UnsafePath
from git_datmo.model.frozen import frozen
from git_datmo.model.pointer import Pointer
from git_datmo.storage import attributes, secrets
from git_datmo.storage.attributes import FORBIDDEN, FORCED
from git_datmo.storage.dirfd import Directories
from git_datmo.storage.leftovers import Leftovers
from git_datmo.storage.objects import EXECUTABLE, LINK
from git_datmo.storage.packing import Packing
from git_datmo.storage.reader import Known, Reader
from git_datmo.storage.repository import Repository
from git_datmo.storage.store import Store
from git_datmo.storage.treediff import Leaf

_PACK_FROM = 64  # new files from which on they go into a pack instead of loose objects


@frozen
class Options:
    """How to read. `threshold`, in bytes, from which on content goes to the store; `max_files`
    and `max_bytes` (None: the free space of the disk) limit what is read."""

    threshold: int
    include_secrets: bool = False
    sync: bool = False
    max_files: int = 1_000_000
    max_bytes: int | None = None
    advance: Callable[[int], None] | None = None


class Intake:
    """Reads files and links. `old` is what the tree before had at a path.

    `secrets` are new files that look like one and were left out, with the reason; `included`
    those that were read, for that was asked. `pointers` are those of what went to the store, by
    the id of their blob.
    """

    def __init__(
        self,
        repository: Repository,
        store: Store,
        options: Options,
        old: Callable[[bytes], Leaf | None],
    ) -> None:
        self._repository, self._options, self._old = repository, options, old
        self._store = store
        self.secrets: dict[bytes, str] = {}
        self.included: set[bytes] = set()
        self._flags: dict[bytes, int] = {}
        self._packing: Packing | None = None
        self.pointers: dict[str, Pointer] = {}

    @cached_property
    def reader(self) -> Reader:
        """Made when there is something to read, for it asks git for a setting."""
        return Reader(
            write_blob=self._write_blob,
            store=self._store,
            threshold=self._options.threshold,
            sync=self._options.sync,
            executable_bit=self._repository.config.boolean("core.filemode", True),
            advance=self._options.advance,
            inspect=secrets.in_content,
            keep_secrets=self._options.include_secrets,
            pointers=self.pointers,
        )

    @contextmanager
    def expecting(self, paths: Collection[bytes]) -> Iterator[None]:
        """Around the reading of these paths of the tree: attributes are asked for at once, and
        many files become one pack."""
        if paths and self._repository.work_tree is not None:
            self._flags = attributes.look_up(self._repository, paths)
        if len(paths) <= _PACK_FROM:
            yield
            return
        with Packing(self._repository) as self._packing:
            yield
        self._packing = None

    def read(
        self, root: Path, left: Leftovers, place: Callable[[bytes], bytes]
    ) -> dict[bytes, Known]:
        """What the fresh files of a folder hold; `place` is where a path goes in the tree."""
        found: dict[bytes, Known] = {}
        if not left.fresh:
            return found
        fd = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            with Directories(fd) as directories:
                for path in left.fresh:
                    known = self._file(directories, left, path, place(path))
                    if known is not None:
                        found[path] = known
        finally:
            os.close(fd)
        return found

    def _file(
        self, directories: Directories, left: Leftovers, path: bytes, place: bytes
    ) -> Known | None:
        old = self._old(place)
        reason = secrets.in_name(place) if old is None else None
        if reason is not None and self._found(place, reason):
            return None
        flags = self._flags.get(place, 0)
        store = True if flags & FORCED else False if flags & FORBIDDEN else None
        folder, _, name = path.rpartition(b"/")
        try:
            known = self.reader.read(
                name,
                os.fsdecode(place),
                store=store,
                check=old is None,
                folder=directories.open(folder),
            )
        except (UnreadableFile, FileChanging) as error:
            left.skip(path, error.message)
            return None
        except (FileNotFoundError, PermissionError, UnsafePath):
            left.skip(path, "changed while it was read")
            return None
        if known is not None and known.secret and self._found(place, known.secret):
            return None
        executable = old is not None and old[0] == EXECUTABLE and not self.reader.executable_bit
        if known is not None and executable and known.mode != LINK:
            known = known._replace(mode=EXECUTABLE)
        return known

    def _write_blob(self, data: bytes) -> str:
        if self._packing is None:
            return self._repository.objects.write_blob(data)
        return self._packing.write_blob(data)

    def _found(self, place: bytes, reason: str) -> bool:
        """Note what looks like a secret; True when it is left out."""
        if self._options.include_secrets:
            self.included.add(place)
        else:
            self.secrets[place] = reason
        return not self._options.include_secrets
