"""A tree as one stream for an engine: packed as it is sent, and read without being unpacked."""

from __future__ import annotations

import os
import stat
import tarfile
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import IO, Literal

from git_datmo.model.frozen import frozen

BLOCK = 2**17
END = b"\0" * 1024
# Names of any length and in any script.
_FORMAT: Literal[2] = tarfile.PAX_FORMAT


@frozen
class Owner:
    """Whose the packed files are inside, and whether they may be written."""

    uid: int
    gid: int
    writable: bool = True


def packed(
    source: Path, name: str, owner: Owner, left_out: Collection[str] = ()
) -> Iterator[bytes]:
    """`source` and all below it, under `name`. `left_out` are paths below it that are not taken.
    What is no file, folder or link is passed over."""
    yield from _entry(source, name, owner)
    if source.is_symlink() or not source.is_dir():
        return
    folders = [""]
    for folder in folders:
        with os.scandir(source / folder) as entries:
            for entry in sorted(entries, key=lambda entry: entry.name):
                inner = f"{folder}/{entry.name}" if folder else entry.name
                if inner in left_out:
                    continue
                yield from _entry(Path(entry.path), f"{name}/{inner}", owner)
                if entry.is_dir(follow_symlinks=False):
                    folders.append(inner)


def _entry(path: Path, name: str, owner: Owner) -> Iterator[bytes]:
    look = path.lstat()
    info = tarfile.TarInfo(name)
    info.uid, info.gid, info.mtime = owner.uid, owner.gid, int(look.st_mtime)
    if stat.S_ISLNK(look.st_mode):
        info.type, info.linkname, info.mode = tarfile.SYMTYPE, os.readlink(path), 0o777
    elif stat.S_ISDIR(look.st_mode):
        info.type, info.mode = tarfile.DIRTYPE, 0o755 if owner.writable else 0o555
    elif stat.S_ISREG(look.st_mode):
        runs = look.st_mode & 0o111
        info.size, info.mode = look.st_size, 0o755 if runs else 0o644
        if not owner.writable:
            info.mode &= 0o555
    else:
        return
    yield info.tobuf(_FORMAT, "utf-8", "surrogateescape")
    if info.isreg():
        yield from _bytes(path, info.size)


def _bytes(path: Path, size: int) -> Iterator[bytes]:
    left = size
    with open(path, "rb") as file:
        while left and (data := file.read(min(BLOCK, left))):
            left -= len(data)
            yield data
    # A file that became shorter, and the rest of its last block.
    while left:
        block = min(BLOCK, left)
        left -= block
        yield bytes(block)
    yield bytes(-size % tarfile.BLOCKSIZE)


class Reel:
    """What an engine sends, chunk by chunk, as a file that `tarfile` can read."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._held = b""

    def read(self, size: int) -> bytes:
        """The next `size` bytes; fewer only at the end."""
        parts, have = [self._held], len(self._held)
        while have < size and (chunk := next(self._chunks, b"")):
            parts.append(chunk)
            have += len(chunk)
        data = b"".join(parts)
        self._held = data[size:]
        return data[:size]


def members(chunks: Iterator[bytes]) -> Iterator[tuple[tarfile.TarInfo, IO[bytes] | None]]:
    """Each entry with its bytes, to be read before the next one is asked for."""
    reel: IO[bytes] = Reel(chunks)  # type: ignore[assignment]  # only `read` is used
    with tarfile.open(
        fileobj=reel, mode="r|", bufsize=BLOCK, encoding="utf-8", errors="surrogateescape"
    ) as tape:
        for info in tape:
            yield info, tape.extractfile(info) if info.isreg() else None
            # Else every entry is kept for the sake of links, which are followed by name here.
            tape.members.clear()  # type: ignore[attr-defined]
