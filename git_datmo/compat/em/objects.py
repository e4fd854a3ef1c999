"""The objects of an artifact, and the rules for their paths."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

from git_datmo.model.names import check_name

Record = dict[str, Any]


class Objects(dict[str, Record]):
    """Path -> `{'path', 'size_bytes', 'checksum'}`, or `{'path', 'uri'}` for a reference.

    `checksum` is the MD5 of the content in hex. A number instead of a path is a position:
    `objects[0]`, `objects[-1]`, `objects[:3]`. Iteration gives the paths, as in any dictionary.
    """

    def __getitem__(self, key: Any) -> Any:
        if isinstance(key, int | slice):
            return list(self.values())[key]
        return super().__getitem__(key)


def object_path(given: str | os.PathLike[str] | None, source: str) -> str:
    """Where an object goes: under the last part of `source` where no path is given, and below it
    where the given one ends with a slash; one leading slash is cut off.

    Raises TypeError for what is no text, ValueError for a path that is not one inside.
    """
    base = source.rstrip("/").rpartition("/")[2]
    if given is None:
        return checked(base)
    text = os.fspath(given)
    if not isinstance(text, str):
        raise TypeError(f"a path of an object is text, not {type(given).__name__}")
    if not text or text.endswith("/"):
        text += base
    return checked(text.removeprefix("/"))


def checked(path: str) -> str:
    """The path as it is kept, without empty parts and single dots. Raises ValueError where it is
    absolute, leads out of the artifact, or has a part that cannot be a file's name."""
    if path.startswith("/"):
        raise ValueError(f"Object path is absolute: {path!r}")
    parts = [part for part in path.split("/") if part not in ("", ".")]
    if not parts:
        raise ValueError(f"Object path names no object: {path!r}")
    for part in parts:
        try:
            reason = check_name(os.fsencode(part))
        except UnicodeEncodeError:
            reason = "it cannot be the name of a file"
        if part == "..":
            raise ValueError(f"Object path leads out of the artifact: {path!r}")
        if reason is not None:
            raise ValueError(f"Object path has a part that cannot be used, {reason}: {path!r}")
    return "/".join(parts)


def above(path: str) -> Iterator[str]:
    """The folders that a path lies in, the deepest first."""
    while "/" in path:
        path = path.rpartition("/")[0]
        yield path
