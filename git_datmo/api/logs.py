"""What a run has printed, piece by piece: a log may be larger than memory."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import IO

from git_datmo.api import files, run_lookup
from git_datmo.errors import EntityNotFound, ValidationFailed
from git_datmo.model.file import Piece
from git_datmo.records import flights
from git_datmo.records.project import Project

PIECE = 1 << 18
LOG = "log"


def piece(project: Project, *, run_id: str, start: int = 0, size: int = PIECE) -> Piece:
    """`size` bytes of a run's log from byte `start` on; a negative `start` counts from its end.

    It is `closed` when the run is recorded. Nothing is fetched.
    Raises RunNotFound, AmbiguousId, ContentMissing, ValidationFailed.
    """
    if size < 1:
        raise ValidationFailed("a piece of a log has one byte at least")
    run = run_lookup.resolve(project, run_id)
    flight = flights.find(project, run.id)
    if flight is not None:
        # It may be recorded and gone between two looks.
        with suppress(FileNotFoundError), open(flight.log, "rb") as file:
            return _cut(file, start, size, closed=False)
        run = run_lookup.resolve(project, run.id)
    if run.commit is None:
        return Piece(b"", 0, 0)
    try:
        leaf = files.leaf_at(project, run.commit, LOG)
    except EntityNotFound:
        return Piece(b"", 0, 0)
    with files.opened(project, leaf[1], run.commit, LOG) as file:
        return _cut(file, start, size, closed=True)


def grown(project: Project, *, run_id: str) -> tuple[int, int]:
    """How many bytes a run under way has written of metrics, and of its use of the machine: more
    than before means that there is more to draw. Zeros when it is recorded."""
    flight = flights.find(project, run_id)
    sizes = [0, 0]
    if flight is not None:
        for number, path in enumerate(
            (flight.task / "metrics.jsonl", flight.path / "system.jsonl")
        ):
            with suppress(OSError):
                sizes[number] = path.stat().st_size
    return sizes[0], sizes[1]


def _cut(file: IO[bytes], start: int, size: int, *, closed: bool) -> Piece:
    total = file.seek(0, os.SEEK_END)
    begin = min(total, start if start >= 0 else max(0, total + start))
    file.seek(begin)
    return Piece(file.read(min(size, total - begin)), begin, total, closed)
