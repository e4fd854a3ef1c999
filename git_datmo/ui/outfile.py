"""Files that somebody asked for, written whole."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from git_datmo.errors import FileIOError


def write(target: Path, data: bytes) -> None:
    """Write a file, with the folders above it: whoever opens it meanwhile sees the one before.

    Raises FileIOError.
    """
    beside = target.with_name(f".{target.name}.new")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        beside.write_bytes(data)
        beside.replace(target)
    except OSError as error:
        with suppress(OSError):
            beside.unlink(missing_ok=True)
        raise FileIOError(f"cannot write {target}: {error.strerror}") from error
