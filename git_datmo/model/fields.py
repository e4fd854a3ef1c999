"""Places in a document as people write them: stats.acc, config.`learning rate`.

    path    = segment { "." segment }
    segment = word | `any key` | "any key" | 'any key'

Words may hold letters, digits, `_ - / @ : %`; after the first segment they may start with a
digit. Quoted things know the escapes \\\\ \\n \\r \\t, the escaped quotation marks, and \\uXXXX.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NoReturn

from git_datmo.errors import QuerySyntaxError

Path = tuple[str, ...]

MAX_LENGTH = 50_000
RESERVED = frozenset(
    ("and", "or", "not", "is", "in", "contains", "startswith", "null", "none", "true", "false")
)

FIRST_WORD = re.compile(r"[^\W\d][\w/@:%-]*")
LATER_WORD = re.compile(r"\w[\w/@:%-]*")

_SPACE = re.compile(r"\s*")
_HEX4 = re.compile(r"[0-9a-fA-F]{4}")
_ESCAPED = {"\\": "\\", "n": "\n", "r": "\r", "t": "\t", '"': '"', "'": "'", "`": "`"}
_ESCAPES = {"\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"}


def parse_sort(text: str) -> list[tuple[Path, bool]]:
    """Read `-stats.acc,created`: each path with whether it descends. Raises QuerySyntaxError."""
    reader = Reader(text)
    keys = []
    while True:
        descending = reader.take("-")
        if not descending:
            reader.take("+")
        keys.append((reader.path(), descending))
        if not reader.take(","):
            reader.end("expected ',' or the end")
            return keys


def parse_columns(text: str) -> list[Path]:
    """Read `id,label,stats.acc`. Raises QuerySyntaxError."""
    reader = Reader(text)
    columns = [reader.path()]
    while reader.take(","):
        columns.append(reader.path())
    reader.end("expected ',' or the end")
    return columns


def setting(text: str) -> Path:
    """The place in a config that a key names; `config.` may stand before it.

    Raises QuerySyntaxError.
    """
    reader = Reader(text)
    path = reader.path()
    reader.end("expected the end")
    return path[1:] if len(path) > 1 and path[0] == "config" else path


def lookup(document: Mapping[str, object], path: Path) -> object:
    """The value at the path, None when there is none."""
    found: object = document
    for key in path:
        if not isinstance(found, Mapping):
            return None
        found = found.get(key)
    return found


def show_path(path: Path) -> str:
    """The path as the language writes it: config.`learning rate`."""
    return ".".join(
        segment
        if (LATER_WORD if place else FIRST_WORD).fullmatch(segment)
        and (place or segment.lower() not in RESERVED)
        else quote(segment, "`")
        for place, segment in enumerate(path)
    )


def quote(text: str, mark: str) -> str:
    """The text between marks, escaped as the language reads it."""
    return mark + "".join(_ESCAPES.get(c, "\\" + c if c == mark else c) for c in text) + mark


class Reader:
    """Reads a text from left to right; `at` is the place reached."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        if len(text) > MAX_LENGTH:
            self.fail(f"longer than {MAX_LENGTH} characters", MAX_LENGTH)
        for place, character in enumerate(text):
            if "\ud800" <= character <= "\udfff":
                self.fail("not valid text", place)

    def path(self) -> Path:
        self.skip()
        word = FIRST_WORD.match(self.text, self.at)
        if word and word.group().lower() in RESERVED:
            self.fail(f"expected a name; to use '{word.group()}' as one, put it in backticks")
        segments = [self.segment(FIRST_WORD)]
        while self.take("."):
            segments.append(self.segment(LATER_WORD))
        return tuple(segments)

    def segment(self, pattern: re.Pattern[str]) -> str:
        self.skip()
        if self.text[self.at : self.at + 1] in ("`", '"', "'"):
            return self.quoted()
        word = pattern.match(self.text, self.at)
        if not word:
            self.fail("expected a name, such as stats.acc")
        self.at = word.end()
        return word.group()

    def quoted(self) -> str:
        start, mark = self.at, self.text[self.at]
        characters: list[str] = []
        self.at += 1
        while self.at < len(self.text):
            character = self.text[self.at]
            self.at += 1
            if character == mark:
                return "".join(characters)
            characters.append(self.escape() if character == "\\" else character)
        self.fail(f"the {mark} is never closed", start)

    def escape(self) -> str:
        letter = self.text[self.at : self.at + 1]
        self.at += 1
        if letter in _ESCAPED:
            return _ESCAPED[letter]
        digits = _HEX4.match(self.text, self.at) if letter == "u" else None
        if not digits or "d800" <= digits.group().lower() <= "dfff":
            self.fail("an unknown escape; a backslash is written \\\\", self.at - 2)
        self.at = digits.end()
        return chr(int(digits.group(), 16))

    def take(self, symbol: str) -> bool:
        self.skip()
        if not self.text.startswith(symbol, self.at):
            return False
        self.at += len(symbol)
        return True

    def expect(self, symbol: str) -> None:
        if not self.take(symbol):
            self.fail(f"expected '{symbol}'")

    def end(self, otherwise: str) -> None:
        self.skip()
        if self.at < len(self.text):
            self.fail(otherwise)

    def skip(self) -> None:
        space = _SPACE.match(self.text, self.at)
        self.at = space.end() if space else self.at

    def fail(self, problem: str, at: int | None = None) -> NoReturn:
        at = self.at if at is None else at
        start = max(0, at - 60)
        shown = "".join(c if c.isprintable() else " " for c in self.text[start : at + 20])
        raise QuerySyntaxError(
            f"{problem}, at column {at + 1}", hint=f"{shown}\n{' ' * (at - start)}^"
        )
