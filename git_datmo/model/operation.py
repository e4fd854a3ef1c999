"""Operations: the lines of a note, and the state they add up to.

An operation sets and unsets leaves of the document that belongs to one object. Its line is its
identity: the same line twice is one operation. Any set of operations has one meaning, in whatever
order and however often they arrive.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from git_datmo.errors import (
    Conflict,
    DatmoError,
    InvalidArgumentType,
    InvalidDocument,
    InvalidOperation,
    NewerFormat,
    ValidationFailed,
)
from git_datmo.model.document import (
    MAX_DEPTH,
    check_text,
    decode,
    dump_encoded,
    encode,
    is_plain,
    load_encoded,
    merge_into,
)
from git_datmo.model.ids import CLONE_RE

MAX_LINE: Final = 2**20
"""No line is longer than this many bytes, the newline not counted."""

MAX_AT: Final = 2**53 - 1
"""The last moment that `at` can hold, in the year 2039."""

_KEYS = frozenset(("at", "by", "clone", "set", "unset"))
_REQUIRED = ("at", "by", "clone")
_BY_RE = re.compile(r"[^<>\n\0]+ <[^<>\n\0]*>\Z")

Path = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Operation:
    """One change. Within it, `unset` comes before `set`.

    `at` is milliseconds since 1970 times 4096, plus a counter; `clone` is the id of the clone that
    made it; `by` is "Name <email>"; `set` is a decoded document. Compared by its line alone.
    """

    at: int = field(compare=False)
    clone: str = field(compare=False)
    by: str = field(compare=False)
    set: dict[str, Any] = field(compare=False)
    unset: tuple[Path, ...] = field(compare=False)
    line: bytes = field(repr=False)

    @classmethod
    def make(
        cls,
        *,
        at: int,
        clone: str,
        by: str,
        set: Mapping[str, Any] | None = None,
        unset: Iterable[Sequence[str]] = (),
    ) -> Operation:
        """Make an operation; what `set` holds is kept as JSON keeps it.

        Raises InvalidArgumentType for a value that cannot be stored, ValidationFailed for the rest.
        """
        encoded: dict[str, Any] = {"at": at, "clone": clone, "by": check_text(by, "the author")}
        if set:
            encoded["set"] = encode(dict(set), "set")
        paths = sorted({_checked_path(path) for path in unset})
        if paths:
            encoded["unset"] = paths

        reason = _fault(encoded)
        if reason is not None:
            raise ValidationFailed(f"an operation cannot be made: {reason}")
        line = dump_encoded(encoded)
        if len(line) > MAX_LINE:
            raise ValidationFailed(
                f"an operation of {len(line)} bytes is more than a note can hold ({MAX_LINE})",
                hint="store large values as files",
            )
        return cls.parse(line)

    @classmethod
    def parse(cls, line: bytes) -> Operation:
        """Read a line, without its newline; raises InvalidOperation or NewerFormat."""
        if len(line) > MAX_LINE:
            raise InvalidOperation(f"{len(line)} bytes, more than {MAX_LINE}")
        try:
            raw = load_encoded(line)
        except InvalidDocument as error:
            raise InvalidOperation(error.message) from None
        if not isinstance(raw, dict):
            raise InvalidOperation("not a JSON object")

        if not raw.keys() <= _KEYS:
            unknown = ascii(min(raw.keys() - _KEYS))[:40]
            raise NewerFormat(f"the key {unknown} was written by a newer git-datmo")
        reason = _fault(raw)
        if reason is not None:
            raise InvalidOperation(reason)

        document = raw.get("set", {})
        if not is_plain(line):
            try:
                document = decode(document)
            except InvalidDocument as error:
                raise InvalidOperation(f"'set': {error.message}") from None
            if not isinstance(document, dict):
                raise InvalidOperation("'set' is not an object of its own")
        unset = tuple(tuple(path) for path in raw.get("unset", ()))
        return cls(raw["at"], raw["clone"], raw["by"], document, unset, line)


def parse_note(data: bytes) -> tuple[list[Operation], list[str]]:
    """Read the lines of a note; the second list says what is wrong with the lines left out."""
    operations = []
    problems = []
    lines = data.removesuffix(b"\n").split(b"\n") if data else []
    for number, line in enumerate(lines, 1):
        try:
            operations.append(Operation.parse(line))
        except DatmoError as error:
            problems.append(f"line {number}: {error.message}")
    return operations, problems


def fold(operations: Iterable[Operation]) -> dict[str, Any]:
    """Return the document that the operations add up to; it shares nothing with them."""
    ordered = list(operations)
    if len(ordered) > 1:
        ordered = sorted({each.line: each for each in ordered}.values(), key=_order)

    state: dict[str, Any] = {}
    for operation in ordered:
        for path in operation.unset:
            _remove(state, path)
        merge_into(state, operation.set)
    return state


def clock(previous_max: int, now_ms: int) -> int:
    """Return the next `at`: above everything seen, and not before the wall clock's `now_ms`.

    Raises Conflict when that is a moment the format cannot hold.
    """
    at = max(previous_max + 1, now_ms * 4096, 0)
    if at > MAX_AT:
        raise Conflict(
            "this change would be dated later than the year 2039, which notes cannot hold",
            hint="set the clock of the machine that made the newest change here",
        )
    return at


def _order(operation: Operation) -> tuple[int, str, bytes]:
    return operation.at, operation.clone, operation.line


def _remove(state: dict[str, Any], path: Path) -> None:
    """Take away what lies at and below `path`, and the objects that are empty without it."""
    above = []
    inner = state
    for key in path[:-1]:
        above.append((inner, key))
        inner = inner.get(key)  # type: ignore[assignment]
        if not isinstance(inner, dict):
            return
    if path[-1] not in inner:
        return

    del inner[path[-1]]
    for outer, key in reversed(above):
        if outer[key]:
            return
        del outer[key]


def _checked_path(path: Sequence[str]) -> Path:
    if isinstance(path, str) or not all(isinstance(key, str) for key in path):
        raise InvalidArgumentType(f"a path to unset must be a list of keys, not {path!r}")
    return tuple(check_text(key, "a path to unset") for key in path)


def _fault(raw: Mapping[str, Any]) -> str | None:
    """Say what is wrong with the fields of an encoded operation, apart from the values in `set`."""
    for key in _REQUIRED:
        if key not in raw:
            return f"'{key}' is missing"
    at, clone, by = raw["at"], raw["clone"], raw["by"]
    if type(at) is not int or not 0 <= at <= MAX_AT:
        return f"'at' must be an integer from 0 to {MAX_AT}"
    if not isinstance(clone, str) or not CLONE_RE.match(clone):
        return "'clone' must be 16 lower-case hexadecimal digits"
    if not isinstance(by, str) or not _BY_RE.match(by):
        return "'by' must read 'Name <email>'"

    if "set" in raw and not (isinstance(raw["set"], dict) and raw["set"]):
        return "'set' must be an object that is not empty"
    if "unset" in raw and not (isinstance(raw["unset"], list) and raw["unset"]):
        return "'unset' must be a list that is not empty"
    for path in raw.get("unset", ()):
        if not isinstance(path, list | tuple) or not all(isinstance(key, str) for key in path):
            return "'unset' must hold lists of keys"
        if not 0 < len(path) <= MAX_DEPTH:
            return f"a path in 'unset' must have 1 to {MAX_DEPTH} keys"
    return None
