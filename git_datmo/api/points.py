"""The points of runs as columns of numbers, from the lines that they lie in."""

from __future__ import annotations

import math
from array import array
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from threading import Lock
from typing import Any

import orjson

from git_datmo.api import protocol
from git_datmo.errors import FileIOError, InvalidDocument
from git_datmo.model import series
from git_datmo.model.curve import EPOCH, INDEX, RELATIVE, STEP, SYSTEM, TIME
from git_datmo.model.run import Run
from git_datmo.records import flights
from git_datmo.records.project import Project

# Points of recorded runs that are kept, 32 bytes each: what is drawn once is drawn again with
# another axis, and a comparison draws many runs once for each metric.
KEPT = 2_000_000

_NUMBERS = frozenset({int, float})

Key = tuple[str, str]


@dataclass
class Columns:
    """One series: a value for each point, and where it was (NaN: not said). Times are seconds."""

    values: array[float] = field(default_factory=lambda: array("d"))
    steps: array[float] = field(default_factory=lambda: array("d"))
    epochs: array[float] = field(default_factory=lambda: array("d"))
    times: array[float] = field(default_factory=lambda: array("d"))

    def along(self, axis: str, begin: float) -> tuple[str, Sequence[float]]:
        """The axis that they can be drawn over, and the places on it."""
        if axis == RELATIVE and _said(self.times):
            return RELATIVE, [moment - begin for moment in self.times]
        found = {STEP: self.steps, EPOCH: self.epochs, TIME: self.times}.get(axis)
        if found is not None and _said(found):
            return axis, found
        return INDEX, [float(n) for n in range(len(self.values))]


def _said(places: Sequence[float]) -> bool:
    return bool(places) and all(map(math.isfinite, places))


class _Kept:
    """The columns of recorded runs, which never change; the least lately used go first."""

    def __init__(self) -> None:
        self._found: OrderedDict[str, dict[Key, Columns]] = OrderedDict()
        self._points = 0
        self._lock = Lock()

    def get(self, commit: str) -> dict[Key, Columns] | None:
        with self._lock:
            if commit in self._found:
                self._found.move_to_end(commit)
            return self._found.get(commit)

    def put(self, commit: str, columns: dict[Key, Columns]) -> None:
        with self._lock:
            if commit in self._found:
                return
            self._found[commit] = columns
            self._points += _size(columns)
            while self._points > KEPT and len(self._found) > 1:
                self._points -= _size(self._found.popitem(last=False)[1])


def _size(columns: dict[Key, Columns]) -> int:
    return sum(len(one.values) for one in columns.values())


_kept = _Kept()


def columns_of(project: Project, run: Run, *, fetch: bool = True) -> dict[Key, Columns]:
    """Every series of a run, recorded or under way, by type and name. Without `fetch` no remote is
    asked for what is not here. Raises ContentMissing."""
    commit = run.commit
    known = _kept.get(commit) if commit else None
    if known is not None:
        return known
    if commit:
        parts = [run.read(f"metrics/{kind}.jsonl", fetch=fetch) for kind in run.metrics]
    else:
        flight = flights.find(project, run.id)
        parts = [_bytes(flight.task / "metrics.jsonl")] if flight else []
    found: dict[Key, Columns] = {}
    for part in parts:
        for line in BytesIO(part):
            if not _taken(found, line, None):
                _take(found, line, None)
    found |= system_of(project, run, fetch=fetch)
    if commit:
        _kept.put(commit, found)
    return found


def system_of(project: Project, run: Run, *, fetch: bool = True) -> dict[Key, Columns]:
    """The series of what a run used of the machine, which are short. Raises ContentMissing."""
    name = "system.jsonl"
    if run.commit:
        data = run.read(name, fetch=fetch)
    else:
        flight = flights.find(project, run.id)
        data = _bytes(flight.path / name) if flight else b""
    found: dict[Key, Columns] = {}
    for line in BytesIO(data):
        if not _taken(found, line, SYSTEM):
            _take(found, line, SYSTEM)
    return found


def _taken(found: dict[Key, Columns], line: bytes, kind: str | None) -> bool:
    """Take a point of nothing but numbers, as nearly all are, several times as quickly as `_take`;
    False for any other, of which nothing was taken."""
    try:
        raw = orjson.loads(line)
    except orjson.JSONDecodeError:
        return False
    if type(raw) is not dict:
        return False
    pop = raw.pop
    said, step = pop("type", series.DEFAULT), pop("step", math.nan)
    epoch, time = pop("epoch", math.nan), pop("time", math.nan)
    if type(said) is not str or type(step) not in _NUMBERS:
        return False
    if type(epoch) not in _NUMBERS or type(time) not in _NUMBERS:
        return False
    for name, value in raw.items():
        if type(value) not in _NUMBERS or name[:1] == "$":
            return False
    for name, value in raw.items():
        key = (kind or said, name)
        columns = found.get(key)
        if columns is None:
            columns = found[key] = Columns()
        columns.values.append(value)
        columns.steps.append(step)
        columns.epochs.append(epoch)
        columns.times.append(time)
    return True


def _take(found: dict[Key, Columns], line: bytes, kind: str | None) -> None:
    try:
        point = series.parse(line)
    except InvalidDocument:
        return
    step, epoch, time = _place(point.step), _place(point.epoch), _place(point.time)
    for name, value in point.values.items():
        if isinstance(value, str):
            continue
        key = (kind or point.type, name)
        columns = found.get(key)
        if columns is None:
            columns = found[key] = Columns()
        columns.values.append(_number(value))
        columns.steps.append(step)
        columns.epochs.append(epoch)
        columns.times.append(time)


def _place(value: Any) -> float:
    return math.nan if value is None else _number(value)


def _number(value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        return math.nan
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def _bytes(path: Path) -> bytes:
    try:
        file = protocol.opened(path)
        if file is None:
            return b""
        with file:
            data = file.read()
    except (FileIOError, OSError):
        return b""
    # The last line may be half written.
    return data[: data.rfind(b"\n") + 1]
