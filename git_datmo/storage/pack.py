"""Many new objects at once, as one pack file instead of one loose file each.

Ten thousand loose objects cost ten thousand file creations; a pack costs two. Format: git's
`Documentation/gitformat-pack.txt` (pack version 2, index version 2).
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import struct
import time
import zlib
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType

from git_datmo.errors import Conflict
from git_datmo.storage.durability import disk_errors

_KINDS = {"commit": 1, "tree": 2, "blob": 3}
_KEEP = b"git-datmo: until a ref names what is inside\n"
# What a process that was killed left behind is swept away after this many seconds.
_STALE = 3600


class PackWriter:
    """Collects objects; leaving puts pack and index into the object database.

    Used as a context manager: on an error nothing of it stays. Not synced: the caller flushes
    the file system before any ref names what is inside. With `keep` git leaves the pack alone
    until `let_go`. Temporary files lie with us, for `git prune` deletes those among the packs.
    """

    def __init__(self, common_dir: Path, *, keep: bool = False) -> None:
        self._folder = common_dir / "objects" / "pack"
        import tempfile  # what only reads, never needs it

        self._home = common_dir / "datmo"
        self._keep = keep
        self.kept: Path | None = None
        with disk_errors(common_dir):
            self._folder.mkdir(parents=True, exist_ok=True)
            self._home.mkdir(exist_ok=True)
            _sweep(common_dir)
            fd, self._temporary = tempfile.mkstemp(prefix="tmp-pack-", dir=self._home)
        self._file = open(fd, "w+b", buffering=1 << 17)  # noqa: SIM115 -- closed in __exit__
        self._entries: dict[bytes, tuple[int, int]] = {}
        self._file.write(b"PACK" + struct.pack(">II", 2, 0))
        self._offset = 12

    def add(self, data: bytes, kind: str = "blob") -> str:
        """Add an object and return its id."""
        oid = hashlib.sha1(b"%s %d\0" % (kind.encode(), len(data)))
        oid.update(data)
        name = oid.digest()
        if name in self._entries:
            return name.hex()
        packed = _header(_KINDS[kind], len(data)) + zlib.compress(data, 1)
        self._entries[name] = (zlib.crc32(packed), self._offset)
        with disk_errors(self._folder):
            self._file.write(packed)
        self._offset += len(packed)
        return name.hex()

    def __len__(self) -> int:
        return len(self._entries)

    def __enter__(self) -> PackWriter:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is None and self._entries:
            self._finish()
        else:
            self._file.close()
            os.unlink(self._temporary)

    def _finish(self) -> None:
        try:
            with disk_errors(self._folder):
                trailer = self._seal()
                os.fchmod(self._file.fileno(), 0o444)
                self._file.close()
                names = sorted(self._entries)
                stem = self._folder / f"pack-{hashlib.sha1(b''.join(names)).hexdigest()}"
                index = self._index(names, trailer)
                import tempfile

                fd, listed = tempfile.mkstemp(prefix="tmp-pack-", dir=self._home)
                with open(fd, "wb") as file:
                    file.write(index)
                    os.fchmod(fd, 0o444)
                if self._keep and not os.path.exists(f"{stem}.idx"):
                    self.kept = stem.with_name(f"{stem.name}.keep")
                    self.kept.write_bytes(_KEEP)
                # The pack first: git looks for packs by their index.
                os.replace(self._temporary, f"{stem}.pack")
                os.replace(listed, f"{stem}.idx")
        except BaseException:
            self._file.close()
            if os.path.exists(self._temporary):
                os.unlink(self._temporary)
            raise

    def _seal(self) -> bytes:
        """Write the count and the checksum over the whole pack; return the checksum."""
        if self._offset >= 2**31:
            raise Conflict("more than 2 GiB of small files in one snapshot", hint=_SPLIT)
        self._file.seek(8)
        self._file.write(struct.pack(">I", len(self._entries)))
        self._file.flush()
        self._file.seek(0)
        whole = hashlib.sha1()
        while chunk := self._file.read(1 << 18):
            whole.update(chunk)
        self._file.write(whole.digest())
        self._file.flush()
        return whole.digest()

    def _index(self, names: list[bytes], trailer: bytes) -> bytes:
        counts = [0] * 256
        for name in names:
            counts[name[0]] += 1
        total, fanout = 0, []
        for count in counts:
            total += count
            fanout.append(total)
        body = b"".join(
            (
                b"\xfftOc" + struct.pack(">I", 2),
                struct.pack(">256I", *fanout),
                b"".join(names),
                struct.pack(f">{len(names)}I", *(self._entries[n][0] for n in names)),
                struct.pack(f">{len(names)}I", *(self._entries[n][1] for n in names)),
                trailer,
            )
        )
        return body + hashlib.sha1(body).digest()


def let_go(keep: Path) -> None:
    """Tell git that it may treat a kept pack like any other."""
    with contextlib.suppress(FileNotFoundError):
        keep.unlink()


def litter(common_dir: Path) -> Iterator[Path]:
    """What processes left that were killed while they wrote a pack."""
    old = time.time() - _STALE
    folder, home = common_dir / "objects" / "pack", common_dir / "datmo"
    for path in (*folder.glob("pack-*.keep"), *home.glob("tmp-pack-*")):
        with contextlib.suppress(OSError):
            ours = path.suffix != ".keep" or path.read_bytes() == _KEEP
            if ours and path.stat().st_mtime < old:
                yield path


def _sweep(common_dir: Path) -> None:
    for path in litter(common_dir):
        with contextlib.suppress(OSError):
            path.unlink()


_SPLIT = "lower datmo.largeFile, so that more of them go to the store"


def _header(kind: int, size: int) -> bytes:
    """Type and size of a packed object: 4 bits of size, then 7 a byte."""
    first = (kind << 4) | (size & 15)
    size >>= 4
    out = bytearray()
    while size:
        out.append(first | 0x80)
        first = size & 0x7F
        size >>= 7
    out.append(first)
    return bytes(out)
