"""Loose git objects as files: those that a crash left empty or torn, and what never became one.

git neither reads such an object nor writes it anew over the file that is there.
"""

from __future__ import annotations

import hashlib
import os
import re
import time
import zlib
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from git_datmo.storage.litter import LITTER_SECONDS

_FOLDER = re.compile(r"[0-9a-f]{2}")
_REST = re.compile(r"[0-9a-f]{38}")
# git's and libgit2's names for files and folders that are still being written.
_PART = re.compile(r"tmp_(obj|object|pack|idx|rev|mtimes|midx|bitmap)[_A-Za-z0-9.-]*")
_PACKING = re.compile(r"\.tmp-[0-9]+-pack-[0-9a-f]+[.a-z]*|pack_git2_[A-Za-z0-9_]+")
_QUARANTINE = re.compile(r"(tmp_objdir-)?(incoming|bulk-fsync|unpack|pack)-[A-Za-z0-9_-]+")


def damaged(common_dir: Path, *, thorough: bool) -> Iterator[tuple[Path, str]]:
    """The files of objects that git cannot read, with the reason.

    Empty ones and those that do not even begin as one; `thorough` reads them all.
    """
    for path in _files(common_dir):
        reason = _whole(path) if thorough else _beginning(path)
        if reason is not None:
            yield path, reason


def is_damaged(path: Path, *, thorough: bool) -> bool:
    """Whether git still cannot read the object of a file."""
    return (_whole(path) if thorough else _beginning(path)) is not None


def litter(common_dir: Path) -> Iterator[Path]:
    """Files and quarantines of git processes that died, older than a day."""
    objects, before = common_dir / "objects", time.time() - LITTER_SECONDS
    for folder in (objects, *_folders(objects), objects / "pack"):
        for entry in _entries(folder):
            part = _PART.fullmatch(entry.name) or _PACKING.fullmatch(entry.name)
            is_folder = entry.is_dir(follow_symlinks=False)
            if (part and not is_folder) or (
                folder == objects and is_folder and _QUARANTINE.fullmatch(entry.name)
            ):
                with suppress(OSError):
                    if entry.stat(follow_symlinks=False).st_mtime < before:
                        yield Path(entry.path)


def absent_alternates(common_dir: Path) -> list[str]:
    """The object folders that this repository borrows from and that are not there."""
    try:
        lines = (common_dir / "objects" / "info" / "alternates").read_bytes().splitlines()
    except OSError:
        return []
    places = [os.fsdecode(line) for line in lines if line and line[:1] not in (b"#", b'"')]
    return [place for place in places if not (common_dir / "objects" / place).is_dir()]


def _files(common_dir: Path) -> Iterator[Path]:
    for folder in _folders(common_dir / "objects"):
        for entry in _entries(folder):
            if _REST.fullmatch(entry.name):
                yield Path(entry.path)


def _folders(objects: Path) -> list[Path]:
    return [Path(e.path) for e in _entries(objects) if _FOLDER.fullmatch(e.name)]


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except OSError:
        return []


def _beginning(path: Path) -> str | None:
    try:
        with path.open("rb") as file:
            head = file.read(2)
    except FileNotFoundError:
        return None
    except OSError as error:
        return str(error.strerror)
    if not head:
        return "empty"
    # RFC 1950: deflate, and a checksum over the first two bytes.
    if len(head) < 2 or head[0] & 0x0F != 8 or (head[0] << 8 | head[1]) % 31:
        return "garbage"
    return None


def _whole(path: Path) -> str | None:
    reason = _beginning(path)
    if reason is not None:
        return reason
    found, inflate = hashlib.sha1(), zlib.decompressobj()
    try:
        with path.open("rb") as file:
            while block := file.read(1 << 18):
                found.update(inflate.decompress(block))
    except FileNotFoundError:
        return None
    except (OSError, zlib.error) as error:
        return str(error)
    if not inflate.eof:
        return "cut off"
    return None if found.hexdigest() == path.parent.name + path.name else "not what its name says"
