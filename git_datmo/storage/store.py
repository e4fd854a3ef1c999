"""The content-addressed store: `<common dir>/datmo/store/ab/cdef…`, named by xxh3-128.

The name finds content fast and proves nothing; the pointer's BLAKE3 proves it. Two contents
that share a name are both kept: the second carries its BLAKE3 in its file name. Files are
read-only and never handed out as hard links.
"""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from git_datmo.errors import ContentMissing, DamagedContent
from git_datmo.model.pointer import Pointer
from git_datmo.storage.checkedcopy import copy_checked, copy_trusted
from git_datmo.storage.durability import disk_errors, start_writeback, sync_file, sync_folder
from git_datmo.storage.hashing import BLOCK, Advance, hash_only
from git_datmo.storage.litter import sweep
from git_datmo.storage.stamps import Stamps
from git_datmo.storage.storeid import StoreId
from git_datmo.storage.storelock import StoreLock

if TYPE_CHECKING:
    from collections.abc import Iterable

WRITEBACK = 8 * 1024 * 1024
# What was last counted on so long ago is touched when it is again.
STALE_SECONDS = 86_400


class Store:
    """One store folder. `stamps` remembers which files were verified, and how they looked; `mark`
    says whether it is the store it always was, and is made where there is none if it `marks`."""

    def __init__(self, folder: Path, *, marks: bool = False) -> None:
        self.folder = folder
        self.mark = StoreId(folder, marks=marks)
        self.stamps = Stamps(folder.parent / "stamps.sqlite")
        self.lock = StoreLock(folder)

    def path(self, pointer: Pointer) -> Path:
        """Where content of this name lies if no other content has the name."""
        return self.folder / pointer.key[:2] / pointer.key[2:]

    def candidates(self, pointer: Pointer) -> list[Path]:
        """The places where the content can be, the likelier first."""
        plain = self.path(pointer)
        return [plain, plain.with_name(f"{plain.name}-{pointer.blake3}")]

    def has(self, pointer: Pointer) -> bool:
        """Whether a file of this name and size is here, that is not known to hold something else;
        its bytes are not read."""
        return self._kept(pointer) is not None

    def holds(self, pointer: Pointer) -> bool:
        """Whether content is here by what was verified; what was not yet is read now."""
        for path in self.candidates(pointer):
            if _size(path) == pointer.size and (found := self.identify(path)) is not None:
                self.stamps.record(path, found)
                if found == pointer:
                    return True
        return False

    def _kept(self, pointer: Pointer) -> Path | None:
        for path in self.candidates(pointer):
            if _size(path) == pointer.size and self.stamps.recall(path) in (None, pointer):
                return path
        return None

    def keep(self, pointer: Pointer) -> bool:
        """`has`, for a snapshot that is about to mention the content: nobody takes it away until
        `lock.release`, and it counts as new."""
        if not self.has(pointer):
            return False
        self.lock.hold()
        path = self._kept(pointer)
        if path is not None:
            self.stamps.refresh(path, STALE_SECONDS)
        return path is not None

    def ingest(self, source: int, *, sync: bool, advance: Advance | None = None) -> Pointer:
        """Copy the open file `source` into the store in one pass, hashing as it goes.

        `sync` flushes the file before it gets its name; otherwise the caller flushes the file
        system before anything refers to it.
        """
        fd, temporary = self._begin()
        try:
            with open(fd, "wb", buffering=0) as target, disk_errors(self.folder):
                sweep(self.folder)
                pointer = copy_and_hash(source, target.fileno(), advance=advance)
                os.fchmod(fd, 0o444)
                if sync:
                    sync_file(fd)
            self.lock.hold()
            self._adopt(temporary, pointer, sync=sync)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
        return pointer

    def _begin(self) -> tuple[int, str]:
        self.mark.require()
        with disk_errors(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
            return tempfile.mkstemp(prefix="tmp-", dir=self.folder)

    def accept(
        self,
        source: int,
        pointer: Pointer,
        *,
        trusted: bool = False,
        advance: Advance | None = None,
    ) -> None:
        """Copy content in; raises DamagedContent when it is not what `pointer` says.

        `trusted` content was verified where it comes from: it is flushed to the disk, not read
        again. Foreign content is checked as it lands and not flushed, for there is another copy
        of it; so it has no stamp, and is checked again when it is first used.
        """
        fd, temporary = self._begin()
        try:
            with open(fd, "w+b", buffering=0), disk_errors(self.folder):
                if trusted:
                    size = copy_trusted(source, fd, pointer.size, advance)
                    found = pointer if size == pointer.size else hash_only(fd)
                else:
                    found = copy_checked(source, fd, pointer.size, advance)
                os.fchmod(fd, 0o444)
                if trusted:
                    sync_file(fd)
            if found != pointer:
                raise DamagedContent(mismatch("the content that was sent", pointer, found))
            with self.lock.shared():
                self._adopt(temporary, pointer, sync=trusted, stamp=trusted)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise

    def adopt(self, path: Path, pointer: Pointer) -> Path:
        """Name a file on the store's own disk whose bytes were checked; it is not flushed, and
        not remembered as verified. Returns where it is now."""
        self.mark.require()
        with self.lock.shared():
            return self._adopt(os.fspath(path), pointer, sync=False, stamp=False)

    def _adopt(self, temporary: str, pointer: Pointer, *, sync: bool, stamp: bool = True) -> Path:
        plain, apart = self.candidates(pointer)
        target = plain
        with disk_errors(self.folder):
            plain.parent.mkdir(exist_ok=True)
            if plain.exists() or plain.is_symlink():
                there = self.identify(plain)
                if there == pointer:
                    os.unlink(temporary)
                    os.utime(plain)
                    self.stamps.record(plain, pointer)
                    return plain
                if there is None or there.key != pointer.key:
                    self.quarantine(plain)
                else:
                    target = apart
            os.replace(temporary, target)
            if sync:
                sync_folder(target.parent)
                sync_folder(self.folder)
        if stamp:
            self.stamps.record(target, pointer)
        return target

    def identify(self, path: Path) -> Pointer | None:
        """What a store file really holds: from its stamp while it looks as it did, else read."""
        known = self.stamps.recall(path)
        return known if known is not None else self.measure(path)

    def measure(self, path: Path, *, advance: Advance | None = None) -> Pointer | None:
        """Read a store file and return what it holds; None when it is no regular file."""
        try:
            fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError:
            return None
        try:
            regular = stat.S_ISREG(os.fstat(fd).st_mode)
            return hash_only(fd, advance=advance) if regular else None
        finally:
            os.close(fd)

    def open(self, pointer: Pointer) -> int:
        """A descriptor of verified content. Raises ContentMissing or DamagedContent.

        Content that changed since it was last verified is read and checked first; what fails
        is moved to `bad/`, never deleted.
        """
        damaged: str | None = None
        for path in self.candidates(pointer):
            try:
                fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
            except OSError:
                continue
            if not stat.S_ISREG(os.fstat(fd).st_mode):
                os.close(fd)
                continue
            try:
                found = self.stamps.recall(path)
                if found is None:
                    found = hash_only(fd)
                    os.lseek(fd, 0, os.SEEK_SET)
                    if found.key == pointer.key:
                        self.stamps.record(path, found)
                if found == pointer:
                    return fd
            except BaseException:
                os.close(fd)
                raise
            os.close(fd)
            if found.key != pointer.key:
                self.quarantine(path)
                damaged = mismatch(f"the store file {path.name}", pointer, found)
        if damaged is not None:
            raise DamagedContent(
                damaged + "; it was moved to 'bad'",
                hint="'git datmo pull --content' fetches it again from a remote that has it",
            )
        self.mark.check()
        raise ContentMissing(f"content {pointer.key} ({pointer.size} bytes) is not here")

    def quarantine(self, path: Path) -> Path:
        """Move a bad file aside, so that good content can take its place."""
        bad = self.folder.parent / "bad"
        bad.mkdir(exist_ok=True)
        target = bad / f"{path.parent.name}{path.name}"
        number = 1
        while target.exists():
            target = bad / f"{path.parent.name}{path.name}.{number}"
            number += 1
        os.replace(path, target)
        return target

    def files(self) -> Iterator[Path]:
        """Every content file in the store."""
        if not self.folder.is_dir():
            return
        for folder in sorted(self.folder.iterdir()):
            if folder.is_dir() and len(folder.name) == 2:
                yield from sorted(folder.iterdir())

    def missing(self, pointers: Iterable[Pointer]) -> list[Pointer]:
        """Those of `pointers` whose content is not here."""
        return [pointer for pointer in pointers if not self.has(pointer)]


def copy_and_hash(source: int, target: int, *, advance: Advance | None = None) -> Pointer:
    """Copy from descriptor to descriptor and return what was copied. One pass, flat memory."""
    import blake3
    import xxhash

    fast, strong, size, flushed = xxhash.xxh3_128(), blake3.blake3(), 0, 0
    buffer = bytearray(BLOCK)
    view = memoryview(buffer)
    while count := os.readv(source, [buffer]):
        part = view[:count]
        fast.update(part)
        strong.update(part)
        while part:
            part = part[os.write(target, part) :]
        size += count
        if size - flushed >= WRITEBACK:
            start_writeback(target, flushed, size - flushed)
            flushed = size
        if advance is not None:
            advance(count)
    return Pointer(fast.hexdigest(), strong.hexdigest(), size)


def mismatch(what: str, wanted: Pointer, found: Pointer) -> str:
    """One sentence on content that is not what its pointer says."""
    return (
        f"{what} is damaged: it holds {found.size} bytes with blake3 {found.blake3[:16]}…, "
        f"the pointer {wanted.key} says {wanted.size} bytes with {wanted.blake3[:16]}…"
    )


def _size(path: Path) -> int:
    try:
        state = os.lstat(path)
    except OSError:
        return -1
    return state.st_size if stat.S_ISREG(state.st_mode) else -1
