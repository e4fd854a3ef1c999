"""What a repeated run gave beside what the original gave."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any, Final, Literal

from git_datmo.errors import ValidationFailed
from git_datmo.model.diff import Change, compare_documents
from git_datmo.model.run import Run

SECTIONS: Final = ("results", "stats", "metrics")

FileKind = Literal["equal", "different", "missing", "extra"]


@dataclass(frozen=True, slots=True)
class Content:
    """What a file holds: a digest of it, its size in bytes where known, its mode as git has it."""

    digest: str
    size: int | None = None
    mode: int | None = None


@dataclass(frozen=True, slots=True)
class FileMatch:
    """One file of the two runs: `equal`, `different`, `missing` from the repeated run, or
    `extra` in it. Files are different too when only their modes are."""

    path: str
    kind: FileKind
    before: Content | None = None
    after: Content | None = None


@dataclass(frozen=True, slots=True)
class Section:
    """One document of both runs: what differs, and how many keys are equal, or near enough.

    `near` are changes of numbers within the tolerance, which count as equal. `ignored` is the
    number of differences that nobody asked for.
    """

    name: str
    changes: tuple[Change, ...] = ()
    near: tuple[Change, ...] = ()
    equal: int = 0
    ignored: int = 0

    @property
    def empty(self) -> bool:
        """Whether neither run has any of it."""
        return not (self.changes or self.near or self.equal or self.ignored)


@dataclass(frozen=True, slots=True)
class Comparison:
    """How run `repeated` compares to run `original` (two ids).

    `outcome` holds the changes of status and exit code, `sections` results, stats and the last
    values of metrics. `ignored_files` is the number of files
    that were not looked at.
    """

    original: str
    repeated: str
    status: str
    exit_code: int | None
    outcome: tuple[Change, ...] = ()
    sections: tuple[Section, ...] = ()
    files: tuple[FileMatch, ...] = ()
    ignored_files: int = 0
    rtol: float = 0.0
    ignore: tuple[str, ...] = field(default=())

    @property
    def equal(self) -> bool:
        """Whether the repeated run gave the same: in all that was not ignored."""
        return not (
            self.outcome
            or any(section.changes for section in self.sections)
            or any(file.kind != "equal" for file in self.files)
        )


def compare(
    original: Run,
    repeated: Run,
    files: tuple[Mapping[str, Content], Mapping[str, Content]] = ({}, {}),
    *,
    rtol: float = 0.0,
    ignore: Iterable[str] = (),
) -> Comparison:
    """Compare how two runs ended and what they gave: results, stats, metrics, and `files`, what
    each left, by path.

    Numbers are equal when they differ by at most `rtol` of the larger one; otherwise types and
    values count, and NaN equals NaN. `ignore` are patterns (`*`, `?`, `[…]`) of keys, alone or
    with their section before (`seconds`, `stats.time*`), and of paths (`files:*.png`).
    Raises ValidationFailed when `rtol` is negative or no number.
    """
    check_tolerance(rtol)
    patterns = tuple(ignore)
    sections = tuple(
        _section(name, getattr(original, name), getattr(repeated, name), rtol, patterns)
        for name in SECTIONS
    )
    matches, ignored = _files(*files, patterns)
    return Comparison(
        original=original.id,
        repeated=repeated.id,
        status=repeated.status,
        exit_code=repeated.exit_code,
        outcome=compare_documents(_outcome(original), _outcome(repeated)),
        sections=sections,
        files=matches,
        ignored_files=ignored,
        rtol=rtol,
        ignore=patterns,
    )


def check_tolerance(rtol: float) -> None:
    """Raise ValidationFailed when this is no relative tolerance: negative, or no number."""
    if not (math.isfinite(rtol) and rtol >= 0):
        raise ValidationFailed(f"the relative tolerance is a number from 0, not {rtol}")


def _outcome(run: Run) -> dict[str, Any]:
    return {"status": run.status, "exit_code": run.exit_code}


def _section(
    name: str,
    before: Mapping[str, Any],
    after: Mapping[str, Any],
    rtol: float,
    patterns: tuple[str, ...],
) -> Section:
    def looked_at(key: str) -> bool:
        texts = (key, f"{name}.{key}")
        return not any(fnmatchcase(text, pattern) for text in texts for pattern in patterns)

    every = compare_documents(before, after)
    found = [change for change in every if looked_at(change.key)]
    near = tuple(change for change in found if _near(change, rtol))
    changes = tuple(change for change in found if change not in near)
    equal = len(compare_documents(before, {})) - sum(change.kind != "added" for change in every)
    return Section(name, changes, near, equal, len(every) - len(found))


def _near(change: Change, rtol: float) -> bool:
    delta = change.delta
    if delta is None or not rtol:
        return False
    before, after = change.before, change.after
    assert isinstance(before, int | float)
    assert isinstance(after, int | float)
    try:
        return abs(delta) <= rtol * max(abs(before), abs(after))
    except OverflowError:
        return False


def _files(
    before: Mapping[str, Content], after: Mapping[str, Content], patterns: tuple[str, ...]
) -> tuple[tuple[FileMatch, ...], int]:
    chosen = [p.removeprefix("files:") for p in patterns if p.startswith("files:")]
    matches = []
    ignored = 0
    for path in sorted(before.keys() | after.keys()):
        if any(fnmatchcase(path, pattern) for pattern in chosen):
            ignored += 1
            continue
        old, new = before.get(path), after.get(path)
        kind: FileKind = "different"
        if new is None:
            kind = "missing"
        elif old is None:
            kind = "extra"
        elif (old.digest, old.mode) == (new.digest, new.mode):
            kind = "equal"
        matches.append(FileMatch(path, kind, old, new))
    return tuple(matches), ignored
