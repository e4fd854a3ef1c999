"""What differs between two snapshots, or two versions of artifacts, as values."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final, Literal, TypeGuard


class Missing(Enum):
    """The type of `MISSING`: nothing is there, which is neither None nor any other value."""

    MISSING = "missing"

    def __repr__(self) -> str:
        return "MISSING"


MISSING: Final = Missing.MISSING

Kind = Literal["added", "removed", "changed"]
Status = Literal["A", "M", "D", "T", "R"]
Path = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Change:
    """One key that differs; a side that does not have it is `MISSING`."""

    key: str
    before: object
    after: object
    kind: Kind

    @property
    def delta(self) -> int | float | None:
        """After minus before, for two numbers (a bool is none) with a finite difference."""
        before, after = self.before, self.after
        if not (_is_number(before) and _is_number(after)):
            return None

        try:
            difference = after - before
        except OverflowError:
            return None
        return difference if isinstance(difference, int) or math.isfinite(difference) else None

    @property
    def percent(self) -> float | None:
        """The delta in percent of the number before; None where that says nothing."""
        delta, before = self.delta, self.before
        if delta is None or not isinstance(before, int | float) or before == 0:
            return None
        try:
            share = delta / abs(before) * 100
        except OverflowError:
            return None
        return share if math.isfinite(share) else None


@dataclass(frozen=True, slots=True)
class FileChange:
    """One path that was added (A), modified (M), deleted (D), retyped (T) or renamed (R).

    Sizes are bytes of content, also where a pointer stands for it; modes are git's
    (0o100644, 0o100755, 0o120000, …). What a side does not have is None. A modification whose
    digests are equal is one of mode alone.
    """

    path: str
    status: Status
    before_size: int | None = None
    after_size: int | None = None
    before_digest: str | None = None
    after_digest: str | None = None
    before_mode: int | None = None
    after_mode: int | None = None
    old_path: str | None = None


@dataclass(frozen=True, slots=True)
class SnapshotDiff:
    """Everything that differs from snapshot `before` to snapshot `after` (two ids).

    `code_patch` is git's own text for `code`. `attributes` are what else a person wrote (label,
    message, session): ids and dates, which always differ, are left out.
    """

    before: str
    after: str
    code: tuple[FileChange, ...] = ()
    code_patch: str = ""
    environment: tuple[FileChange, ...] = ()
    environment_ids: tuple[str | None, str | None] = (None, None)
    files: tuple[FileChange, ...] = ()
    config: tuple[Change, ...] = ()
    stats: tuple[Change, ...] = ()
    attributes: tuple[Change, ...] = ()

    @property
    def empty(self) -> bool:
        """Whether nothing differs."""
        return not (
            self.code
            or self.environment
            or self.environment_ids[0] != self.environment_ids[1]
            or self.files
            or self.config
            or self.stats
            or self.attributes
        )


@dataclass(frozen=True, slots=True)
class ArtifactDiff:
    """Everything that differs from one version of an artifact to another: `before` and `after`
    are their ids, `references` their names.

    `uris` are the addresses of objects that lie elsewhere, by path; `attributes` what a person
    wrote (label, message, alternative name).
    """

    before: str
    after: str
    references: tuple[str, str]
    files: tuple[FileChange, ...] = ()
    uris: tuple[Change, ...] = ()
    metadata: tuple[Change, ...] = ()
    attributes: tuple[Change, ...] = ()

    @property
    def empty(self) -> bool:
        """Whether nothing differs."""
        return not (self.files or self.uris or self.metadata or self.attributes)


def compare_documents(
    before: Mapping[str, object], after: Mapping[str, object]
) -> tuple[Change, ...]:
    """Compare two documents leaf by leaf, in the order of `before` and then of `after`.

    Types count: 1, 1.0, True and "1" differ; NaN equals NaN. A list is one leaf, and so is an
    empty dictionary. A key that is absent differs from one that holds None.
    """
    old = dict(_leaves(before, ()))
    new = dict(_leaves(after, ()))
    names = _names(old | new)
    changes = []
    for path, name in names.items():
        was, now = old.get(path, MISSING), new.get(path, MISSING)
        if was is MISSING:
            changes.append(Change(name, was, now, "added"))
        elif now is MISSING:
            changes.append(Change(name, was, now, "removed"))
        elif not same(was, now):
            changes.append(Change(name, was, now, "changed"))
    return tuple(changes)


def _names(paths: Iterable[Path]) -> dict[Path, str]:
    """Name each path with dots; keys are quoted where two names would be one without."""
    plain = {path: ".".join(_quoted(k) if '"' in k else k for k in path) for path in paths}
    times = Counter(plain.values())
    return {
        path: name
        if times[name] == 1
        else ".".join(_quoted(k) if not k or "." in k or '"' in k else k for k in path)
        for path, name in plain.items()
    }


def same(a: object, b: object) -> bool:
    """Tell whether two document values are equal in type and value, at every depth."""
    if isinstance(a, Mapping) and isinstance(b, Mapping):
        return a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)
    if isinstance(a, (list, tuple)) and isinstance(b, (list, tuple)):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, float) and isinstance(b, float):
        return repr(a) == repr(b)
    return type(a) is type(b) and a == b


def _leaves(document: Mapping[str, object], prefix: Path) -> Iterator[tuple[Path, object]]:
    for key, value in document.items():
        path = (*prefix, key)
        if isinstance(value, Mapping) and value:
            yield from _leaves(value, path)
        else:
            yield path, value


def _quoted(key: str) -> str:
    return '"' + key.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _is_number(value: object) -> TypeGuard[int | float]:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
