"""Points read back: by the type of their series, whichever of its names it was logged under."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Generic, TypeVar

from git_datmo.errors import InvalidDocument
from git_datmo.model.series import Point, parse

T = TypeVar("T")

SYNONYMS = {
    "training": "train",
    "validate": "val",
    "validation": "val",
    "testing": "test",
    "eval": "test",
    "evaluate": "test",
    "evaluation": "test",
}


def canonical(type: str) -> str:
    """The one name of a type that has several."""
    return SYNONYMS.get(type, type)


class History(Mapping[str, list[T]], Generic[T]):
    """What was logged so far, by type: `history["train"]` has what was logged as `training` too.

    Each look reads what has come since from the files that `files` names; `make` turns a point
    into what the list holds. Its own keys are the spellings that were used.
    """

    def __init__(self, files: Callable[[], Iterable[Path]], make: Callable[[Point], T]) -> None:
        self._files, self._make = files, make
        self._read: dict[Path, int] = {}
        self._found: dict[str, list[tuple[float, T]]] = {}

    def add(self, point: Point) -> None:
        """Take a point that lies in no file."""
        self._found.setdefault(point.type, []).append((point.time or 0.0, self._make(point)))

    def look(self) -> None:
        """Read what has come since; incomplete last lines wait for the next time."""
        for path in self._files():
            start = self._read.get(path, 0)
            try:
                with open(path, "rb") as file:
                    if os.fstat(file.fileno()).st_size <= start:
                        continue
                    file.seek(start)
                    data = file.read()
            except FileNotFoundError:
                continue
            whole, _, _ = data.rpartition(b"\n")
            self._read[path] = start + (len(whole) + 1 if whole else 0)
            self.take(whole)

    def take(self, data: bytes) -> None:
        """Take the points of lines; one that a crash cut off is passed over."""
        for line in data.split(b"\n"):
            if line.strip():
                with suppress(InvalidDocument):
                    self.add(parse(line))

    def __getitem__(self, type: str) -> list[T]:
        self.look()
        wanted = canonical(type)
        found = [kind for kind in self._found if canonical(kind) == wanted]
        if not found:
            raise KeyError(type)
        if len(found) == 1:
            return [made for _, made in self._found[found[0]]]
        merged = [entry for kind in found for entry in self._found[kind]]
        return [made for _, made in sorted(merged, key=lambda entry: entry[0])]

    def __contains__(self, type: object) -> bool:
        self.look()
        return isinstance(type, str) and canonical(type) in map(canonical, self._found)

    def __iter__(self) -> Iterator[str]:
        self.look()
        # Files come in the order of their names; series in the order of their beginnings.
        return iter(sorted(self._found, key=lambda kind: self._found[kind][0][0]))

    def __len__(self) -> int:
        self.look()
        return len(self._found)

    def __repr__(self) -> str:
        counted = ", ".join(f"{kind}: {len(self._found[kind])}" for kind in self)
        return f"<History {counted}>"
