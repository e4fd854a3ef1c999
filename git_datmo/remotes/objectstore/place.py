"""Content in a bucket, each file an object whose name says which bytes it must hold."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator, Sequence
from functools import cached_property

from git_datmo.errors import DatmoError, FileChanging, RemoteError
from git_datmo.model.pointer import Pointer
from git_datmo.remotes.base import Advance, Checkup, Held
from git_datmo.remotes.objectstore import marks
from git_datmo.remotes.objectstore.address import parse
from git_datmo.remotes.objectstore.bucket import Bucket
from git_datmo.remotes.objectstore.downloads import fetch
from git_datmo.remotes.objectstore.layout import (
    MIB,
    groups,
    in_parts,
    part_size,
    parts_at_once,
)
from git_datmo.remotes.objectstore.names import name_of, read_name
from git_datmo.remotes.objectstore.presence import find
from git_datmo.remotes.objectstore.refusals import is_forbidden
from git_datmo.remotes.transfer import concurrently, each
from git_datmo.storage.store import Store

# Content that was put or asked for so long ago, in seconds, is marked when it is asked for.
STALE = 86_400


class ObjectStore:
    """A prefix of a bucket: s3://, gs:// or az://. Raises UsageError for other addresses."""

    removes = True

    def __init__(self, url: str, *, stale: float = STALE) -> None:
        self._address = parse(url)
        self._stale = stale

    @property
    def name(self) -> str:
        """The address; there is never a secret in it."""
        return self._address.name

    @cached_property
    def _bucket(self) -> Bucket:
        bucket = Bucket(self._address)
        # Made here, before there are threads that would each make their own.
        _ = bucket.store, bucket.failures
        return bucket

    def present(self, pointers: Sequence[Pointer]) -> set[Pointer]:
        """Those that are there, by name and size; old ones are marked as asked for."""
        if not pointers:
            return set()
        found = find(self._bucket, (name_of(pointer) for pointer in pointers))
        there = {p for p in pointers if found.get(name_of(p), (-1, 0))[0] == p.size}
        old = {name for p in there if found[name := name_of(p)][1] > self._stale}
        if old:
            marks.leave(self._bucket, old)
        return there

    def put(self, source: Store, pointers: Sequence[Pointer], advance: Advance) -> None:
        """Bring content there; what is there under its name is left as it is."""
        if not pointers:
            return
        for group, workers in groups(pointers):
            concurrently(lambda pointer: self._put(source, pointer, advance), group, workers)
        for pointer in in_parts(pointers):
            self._put_large(source, pointer, advance)

    def _put(self, source: Store, pointer: Pointer, advance: Advance) -> None:
        fd = source.open(pointer)
        try:
            data = _read(fd, pointer, 0, pointer.size)
        finally:
            os.close(fd)
        name = name_of(pointer)
        if not self._bucket.create(name, data):
            there = self._bucket.head(name)
            # Another size under this name is nobody's content.
            if there is None or there["size"] != pointer.size:
                self._bucket.overwrite(name, data)
        advance(pointer.size)

    def _put_large(self, source: Store, pointer: Pointer, advance: Advance) -> None:
        bucket, name = self._bucket, name_of(pointer)
        fd = source.open(pointer)
        try:
            there = bucket.head(name)
            if there is not None and there["size"] == pointer.size:
                advance(pointer.size)
                return
            if there is not None:
                bucket.delete([name])
            if bucket.amazon is not None:
                from git_datmo.remotes.objectstore.multipart import Multipart

                Multipart(bucket, bucket.amazon).put(name, fd, pointer.size, advance)
            else:
                self._stream(name, fd, pointer, advance)
        finally:
            os.close(fd)
        there = bucket.head(name)
        if there is None or there["size"] != pointer.size:
            raise RemoteError(
                f"{self.name} took {name} and does not have it whole",
                hint="try again: what arrived is kept",
            )

    def _stream(self, name: str, fd: int, pointer: Pointer, advance: Advance) -> None:
        """Let obstore cut a file up; what arrived before a cut is not gone on with."""
        import obstore

        def blocks() -> Iterator[bytes]:
            for start in range(0, pointer.size, MIB):
                block = _read(fd, pointer, start, min(MIB, pointer.size - start))
                yield block
                advance(len(block))

        step = part_size(pointer.size)
        with self._bucket.translated():
            obstore.put(
                self._bucket.store,
                name,
                blocks(),
                use_multipart=True,
                chunk_size=step,
                max_concurrency=parts_at_once(step),
            )

    def get(
        self, target: Store, pointers: Sequence[Pointer], advance: Advance
    ) -> dict[Pointer, DatmoError]:
        """Fetch content from there; each file is checked before it gets its name."""
        if not pointers:
            return {}
        bucket = self._bucket
        failed: dict[Pointer, DatmoError] = {}
        for group, workers in [*groups(pointers), (in_parts(pointers), 1)]:
            failed |= each(lambda p: fetch(bucket, target, p, advance), group, workers)
        return failed

    def listing(self) -> Iterator[Held]:
        """Every content object below the prefix; others are not ours and not named."""
        asked = marks.ages(self._bucket)
        for page in self._bucket.objects():
            for found in page:
                name = found["path"]
                parts = read_name(name)
                if parts is not None:
                    age = self._bucket.age(found)
                    yield Held(*parts, found["size"], min(age, asked.get(name, age)), name)

    def remove(self, held: Sequence[Held]) -> int:
        """Delete objects; the sum of their sizes. Old marks and given up uploads go too."""
        if not held:
            return 0
        names = [file.name for file in held if read_name(file.name)]
        self._bucket.delete(names)
        marks.sweep(self._bucket)
        if self._bucket.amazon is not None:
            from git_datmo.remotes.objectstore.multipart import Multipart

            try:
                Multipart(self._bucket, self._bucket.amazon).sweep()
            except RemoteError as error:
                if not is_forbidden(error):
                    raise
        return sum(file.size for file in held)

    def check(self) -> Checkup:
        """List one page, then put and delete an object of no bytes."""
        try:
            bucket = self._bucket
            next(bucket.objects("probe"), None)
        except RemoteError as error:
            return Checkup(False, None, remarks=_remarks(error))
        probe = f"probe/{uuid.uuid4().hex}"
        try:
            bucket.overwrite(probe, b"")
        except RemoteError as error:
            return Checkup(True, False, remarks=_remarks(error))
        try:
            bucket.delete([probe])
        except RemoteError as error:
            return Checkup(True, True, remarks=_remarks(error))
        return Checkup(True, True)

    def close(self) -> None:
        """Forget the connection and the credentials."""
        self.__dict__.pop("_bucket", None)


def _read(fd: int, pointer: Pointer, start: int, length: int) -> bytes:
    data = os.pread(fd, length, start)
    if len(data) != length:
        raise FileChanging(f"the content {pointer.key} became shorter while it was sent")
    return data


def _remarks(error: RemoteError) -> tuple[str, ...]:
    return (error.message, error.hint) if error.hint else (error.message,)
