"""What a task says of itself: files in its protocol directory, and lines that it printed.

Everything here was written by a task, so nothing is trusted: files are opened without following
links, sizes are bounded, and what cannot be understood is said instead of believed.
"""

from __future__ import annotations

import json
import math
import os
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from git_datmo.api import settings
from git_datmo.errors import DatmoError, FileIOError, InvalidDocument
from git_datmo.model import series
from git_datmo.model.quantity import counted
from git_datmo.model.text import encodable
from git_datmo.records import layout

MAX_KEYS = 1000
MAX_LINE = 4096
MAX_KEY = 64
MAX_WORDS = 5
MAX_VALUE = 200
MAX_POINT = 1 << 20
MAX_TYPES = 100
MAX_RESOURCES = 10_000
MAX_RESOURCE = 1 << 16

ROLES = ("used", "generated")

_ESCAPES = re.compile(rb"\x1b(?:\[[0-9;?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-_])")
_TYPE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}")
# What loggers put before a colon is no name of a result.
_LEVELS = frozenset(
    {"debug", "info", "warning", "warn", "error", "critical", "fatal", "note", "hint", "trace"}
)


@dataclass
class Said:
    """What a task said. `metrics` has the last value of each name by type of its series, `lines`
    the points of each type as they are recorded, `resources` what it used and generated, each
    with its `role`, `about` what it calls itself (alternative_name, labels, description), `notices`
    what was not understood."""

    config: dict[str, Any] = field(default_factory=dict)
    stats: dict[str, Any] = field(default_factory=dict)
    results: dict[str, Any] = field(default_factory=dict)
    metrics: dict[str, dict[str, Any]] = field(default_factory=dict)
    lines: dict[str, bytes] = field(default_factory=dict)
    resources: list[dict[str, Any]] = field(default_factory=list)
    about: dict[str, Any] = field(default_factory=dict)
    notices: list[str] = field(default_factory=list)

    @property
    def last(self) -> dict[str, Any]:
        """The last values of all series as stats: those of no type plainly, others below it."""
        found: dict[str, Any] = dict(self.metrics.get(series.DEFAULT, {}))
        for kind, values in self.metrics.items():
            if kind != series.DEFAULT and kind not in found:
                found[kind] = dict(values)
        return found


def read(task: Path, stdout: Path | None) -> Said:
    """Everything a task said, from its protocol directory and, where that counts, its output."""
    said = Said()
    for kind in ("config", "stats"):
        try:
            found = _document(task / f"{kind}.json", kind)
        except DatmoError as error:
            said.notices.append(f"the task's {kind}.json was not understood: {error.message}")
            continue
        setattr(said, kind, found)
    if stdout is not None:
        said.results = results(stdout)
    _series(task / "metrics.jsonl", said)
    _resources(task / "artifacts.jsonl", said)
    _about(task / "about.json", said)
    return said


def stated(task: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """The config and stats that a task has stated so far; what is not understood is none."""
    found: list[dict[str, Any]] = []
    for kind in ("config", "stats"):
        try:
            found.append(_document(task / f"{kind}.json", kind))
        except DatmoError:
            found.append({})
    return found[0], found[1]


def _about(path: Path, said: Said) -> None:
    try:
        found = _document(path, "about")
    except DatmoError as error:
        said.notices.append(f"the task's about.json was not understood: {error.message}")
        return
    name, labels, text = (found.get(key) for key in ("alternative_name", "labels", "description"))
    if isinstance(name, str) and name.isprintable() and 0 < len(name) <= MAX_VALUE:
        said.about["alternative_name"] = name
    if isinstance(labels, list):
        said.about["labels"] = [each for each in labels if isinstance(each, str)][:MAX_KEYS]
    if isinstance(text, str):
        said.about["description"] = text
    if layout.is_run_id(str(found.get("continues"))):
        said.about["continues"] = found["continues"]


def _document(path: Path, kind: str) -> dict[str, Any]:
    file = opened(path)
    if file is None:
        return {}
    with file:
        data = file.read(settings.MAX_BYTES + 1)
    return settings.check(kind, settings.parse(Path(path.name), data))


def opened(path: Path) -> IO[bytes] | None:
    """A regular file, opened; None when there is none. Raises FileIOError for anything else: a link
    would lead anywhere, a pipe would be waited for."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise FileIOError(f"cannot read {path.name}: {error.strerror}") from error
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        raise FileIOError(f"{path.name} is no regular file")
    return os.fdopen(fd, "rb")


def results(stdout: Path) -> dict[str, Any]:
    """What was printed as `key: value`: lines with exactly one colon, the last of a key counts.

    Numbers, true, false and null become such; anything else stays text.
    """
    found: dict[str, Any] = {}
    try:
        file = opened(stdout)
    except FileIOError:
        file = None
    if file is None:
        return found
    with file:
        for line in _lines(file):
            pair = result_of(line)
            if pair is not None and (pair[0] in found or len(found) < MAX_KEYS):
                found[pair[0]] = pair[1]
    return found


def _lines(file: IO[bytes]) -> Iterator[bytes]:
    """Lines of bearable length; a longer one is passed over."""
    passing = False
    while line := file.readline(MAX_LINE):
        if not passing and (line.endswith(b"\n") or len(line) < MAX_LINE):
            yield line
        passing = not line.endswith(b"\n")


def result_of(line: bytes) -> tuple[str, Any] | None:
    """The result that a printed line states, if it states one."""
    if line.count(b":") != 1:
        return None
    # A progress bar rewrites its line: only what is left standing counts.
    text = _ESCAPES.sub(b"", line).rstrip(b"\r\n").rpartition(b"\r")[2].decode("utf-8", "replace")
    key, _, value = (part.strip() for part in text.partition(":"))
    if not key or not value or len(key) > MAX_KEY or len(value) > MAX_VALUE:
        return None
    if len(key.split()) > MAX_WORDS or key.casefold().strip("[]()") in _LEVELS:
        return None
    # A time of day is none, nor is a progress bar, nor a printed dictionary.
    if not any(map(str.isalpha, key)) or "|" in key:
        return None
    if any(key.count(opening) != key.count(closing) for opening, closing in ("()", "[]", "{}")):
        return None
    if not key.isprintable() or not value.isprintable() or value.startswith("//"):
        return None
    return key, settings.scalar(value)


def _series(path: Path, said: Said) -> None:
    try:
        file = opened(path)
    except FileIOError as error:
        said.notices.append(f"the task's metrics were not understood: {error.message}")
        return
    if file is None:
        return
    parts: dict[str, list[bytes]] = {}
    bad = 0
    with file:
        while line := file.readline(MAX_POINT):
            if not line.strip():
                continue
            try:
                point = series.parse(line)
            except InvalidDocument:
                bad += 1
                continue
            kind = point.type if _TYPE.fullmatch(point.type) else "other"
            if kind not in parts and len(parts) >= MAX_TYPES:
                kind = "other"
            parts.setdefault(kind, []).append(line if line.endswith(b"\n") else line + b"\n")
            last = said.metrics.setdefault(kind, {})
            for name, value in point.values.items():
                if name in last or len(last) < MAX_KEYS:
                    last[name] = value
    said.lines = {kind: b"".join(lines) for kind, lines in parts.items()}
    if bad:
        said.notices.append(f"not understood: {counted(bad, 'line')} of the task's metrics.jsonl")


def _resources(path: Path, said: Said) -> None:
    try:
        file = opened(path)
    except FileIOError as error:
        said.notices.append(f"the task's artifacts were not understood: {error.message}")
        return
    if file is None:
        return
    bad = 0
    with file:
        while line := file.readline(MAX_RESOURCE):
            if not line.strip():
                continue
            resource = _resource(line) if len(said.resources) < MAX_RESOURCES else None
            if resource is None:
                bad += 1
            else:
                said.resources.append(resource)
    if bad:
        said.notices.append(f"not understood: {counted(bad, 'line')} of the task's artifacts.jsonl")


def _resource(line: bytes) -> dict[str, Any] | None:
    """A line as plain values; None for what names no resource, or cannot be recorded."""
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(found, dict) or found.get("role") not in ROLES:
        return None
    said = {key: value for key, value in found.items() if isinstance(value, str | int | float)}
    texts = [text for pair in said.items() for text in pair if isinstance(text, str)]
    if any(encodable(text) != text or "\0" in text for text in texts):
        return None
    if any(isinstance(value, float) and not math.isfinite(value) for value in said.values()):
        return None
    named = isinstance(said.get("artifact"), str) or ("name" in said and "path" in said)
    return said if named or isinstance(said.get("kind"), str) else None
