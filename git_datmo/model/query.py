"""The filter language: `stats.acc > 0.9 and config.model == "vit" or label is null`.

    expression  = conjunction { "or" conjunction }
    conjunction = term { "and" term }
    term        = "not" term | "(" expression ")" | path test
    test        = ( "==" | "=" | "!=" | "<" | "<=" | ">" | ">=" ) literal
                | [ "not" ] ( "contains" | "startswith" ) literal
                | [ "not" ] "in" "(" literal { "," literal } ")"
                | "is" [ "not" ] "null"
    path        = segment { "." segment }
    segment     = word | `any key` | "any key" | 'any key'
    literal     = number | nan | inf | text in double or single quotes | true | false

Words may hold letters, digits, `_ - / @ : %`; after the first segment they may start with a
digit. Quoted things know the escapes \\\\ \\n \\r \\t, the escaped quotation marks, and \\uXXXX.
Keywords may be written in any case. `git_datmo.model.expression` says what it all means.
"""

from __future__ import annotations

import math
import re
from typing import NoReturn

from git_datmo.errors import QuerySyntaxError
from git_datmo.model.expression import (
    FIRST_WORD,
    LATER_WORD,
    OPERATORS,
    RESERVED,
    And,
    Compare,
    Expr,
    In,
    IsNull,
    Literal,
    Not,
    Or,
    Path,
    evaluate,
    lookup,
    show_path,
)

__all__ = [
    "And",
    "Compare",
    "Expr",
    "In",
    "IsNull",
    "Literal",
    "Not",
    "Or",
    "Path",
    "evaluate",
    "lookup",
    "parse",
    "parse_columns",
    "parse_sort",
    "show_path",
]

MAX_LENGTH = 50_000
MAX_DEPTH = 50

_SPACE = re.compile(r"\s*")
_SYMBOL = re.compile("|".join((*map(re.escape, OPERATORS[:6]), "=")))
_NUMBER = re.compile(
    r"[+-]?(?:inf\b|nan\b|(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:e[+-]?[0-9]+)?(?![\w.]))",
    re.IGNORECASE,
)
_ESCAPED = {"\\": "\\", "n": "\n", "r": "\r", "t": "\t", '"': '"', "'": "'", "`": "`"}
_HEX4 = re.compile(r"[0-9a-fA-F]{4}")


def parse(text: str) -> Expr:
    """Read an expression.

    Raises QuerySyntaxError that names the column; its hint marks the place with a caret.
    """
    reader = _Reader(text)
    expression = reader.expression(0)
    reader.end("expected 'and', 'or' or the end")
    return expression


def parse_sort(text: str) -> list[tuple[Path, bool]]:
    """Read `-stats.acc,created`: each path with whether it descends. Raises QuerySyntaxError."""
    reader = _Reader(text)
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
    reader = _Reader(text)
    columns = [reader.path()]
    while reader.take(","):
        columns.append(reader.path())
    reader.end("expected ',' or the end")
    return columns


class _Reader:
    """Recursive descent over the text; `at` is the place reached."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        if len(text) > MAX_LENGTH:
            self.fail(f"longer than {MAX_LENGTH} characters", MAX_LENGTH)
        for place, character in enumerate(text):
            if "\ud800" <= character <= "\udfff":
                self.fail("not valid text", place)

    def expression(self, depth: int) -> Expr:
        operands = [self.conjunction(depth)]
        while self.take_word("or"):
            operands.append(self.conjunction(depth))
        return Or(tuple(operands)) if len(operands) > 1 else operands[0]

    def conjunction(self, depth: int) -> Expr:
        operands = [self.term(depth)]
        while self.take_word("and"):
            operands.append(self.term(depth))
        return And(tuple(operands)) if len(operands) > 1 else operands[0]

    def term(self, depth: int) -> Expr:
        if depth > MAX_DEPTH:
            self.fail(f"nested more than {MAX_DEPTH} deep")
        if self.take_word("not"):
            return Not(self.term(depth + 1))
        if self.take("("):
            inner = self.expression(depth + 1)
            self.expect(")")
            return inner
        return self.test(self.path())

    def test(self, path: Path) -> Expr:
        self.skip()
        symbol = _SYMBOL.match(self.text, self.at)
        if symbol:
            self.at = symbol.end()
            written = symbol.group()
            return Compare(path, "==" if written == "=" else written, self.literal(written))
        if self.take_word("is"):
            negative = self.take_word("not")
            if not (self.take_word("null") or self.take_word("none")):
                self.fail("expected 'null' or 'not null' after 'is'")
            return Not(IsNull(path)) if negative else IsNull(path)
        if self.take_word("not"):
            return Not(self.membership(path, "expected 'in', 'contains' or 'startswith'"))
        return self.membership(path, f"expected a comparison after '{show_path(path)}'")

    def membership(self, path: Path, otherwise: str) -> Expr:
        for word in ("contains", "startswith"):
            if self.take_word(word):
                return Compare(path, word, self.literal(word))
        if not self.take_word("in"):
            self.fail(otherwise)
        self.expect("(")
        values = [self.literal("(")]
        while self.take(","):
            values.append(self.literal(","))
        self.expect(")")
        return In(path, tuple(values))

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

    def literal(self, after: str) -> Literal:
        self.skip()
        if self.text[self.at : self.at + 1] in ('"', "'"):
            return self.quoted()
        number = _NUMBER.match(self.text, self.at)
        if number:
            return self.number(number)
        for word, value in (("true", True), ("false", False)):
            if self.take_word(word):
                return value
        word_here = FIRST_WORD.match(self.text, self.at)
        if word_here and word_here.group().lower() in ("null", "none"):
            self.fail("null is not compared; write 'is null' or 'is not null'")
        if word_here and word_here.group().lower() not in RESERVED:
            self.fail("text is written in quotes")
        self.fail(f"expected a value after '{after}'")

    def number(self, found: re.Match[str]) -> int | float:
        written = found.group().lower()
        if written.endswith("nan"):
            value: int | float = math.nan
        elif set(written) <= set("+-0123456789"):
            try:
                value = int(written)
            except ValueError:
                self.fail("a number with too many digits")
        else:
            value = float(written)
        self.at = found.end()
        return value

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

    def take_word(self, word: str) -> bool:
        self.skip()
        found = FIRST_WORD.match(self.text, self.at)
        if not found or found.group().lower() != word:
            return False
        self.at = found.end()
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
