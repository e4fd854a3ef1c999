"""A user's folder as `add_dir` sees it: every file and empty folder below, links followed."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from git_datmo.compat.em.absence import NotHere
from git_datmo.errors import UnreadableFile


def below(folder: Path, skip: Path) -> Iterator[tuple[str, Path | None]]:
    """(path below `folder`, file), by path; None instead of the file for an empty folder. The
    folder `skip` is passed over: an artifact may be made of the folder that it lies in.

    Raises NotHere for a link to nothing, UnreadableFile for a folder that cannot be listed, a
    link back to a folder above, and what is neither file nor folder.
    """
    root = _identity(folder)
    left_out = _identity(skip) if skip.is_dir() else None
    waiting: list[tuple[str, Path, frozenset[tuple[int, int]]]] = [("", folder, frozenset({root}))]
    while waiting:
        prefix, here, outer = waiting.pop()
        try:
            with os.scandir(here) as found:
                inside = sorted(found, key=lambda entry: entry.name)
        except OSError as error:
            raise UnreadableFile(f"cannot list {here}: {error.strerror}") from error
        if not inside and prefix:
            yield prefix[:-1], None
        for entry in inside:
            path, place = prefix + entry.name, Path(entry.path)
            if entry.is_file():
                yield path, place
            elif entry.is_dir():
                number = _identity(place)
                if number in outer:
                    raise UnreadableFile(f"a link leads back to a folder above it: {place}")
                if number != left_out:
                    waiting.append((f"{path}/", place, outer | {number}))
            elif entry.is_symlink() and not place.exists():
                raise NotHere(f"File does not exist: '{place}'", hint="it is a link to nothing")
            else:
                raise UnreadableFile(f"not a regular file: {place}")


def _identity(folder: Path) -> tuple[int, int]:
    status = folder.stat()
    return status.st_dev, status.st_ino
