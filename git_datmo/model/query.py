"""The filter language: `stats.acc > 0.9 and config.model == "vit" or label is null`.

    expression  = conjunction { "or" conjunction }
    conjunction = term { "and" term }
    term        = "not" term | "(" expression ")" | path test
    test        = ( "==" | "=" | "!=" | "<" | "<=" | ">" | ">=" ) literal
                | [ "not" ] ( "contains" | "startswith" ) literal
                | [ "not" ] "in" "(" literal { "," literal } ")"
                | "is" [ "not" ] "null"
    literal     = number | nan | inf | text in double or single quotes | true | false

`created`, `started` and `ended` are milliseconds since 1970; beside them text is a date or a time
in ISO 8601, of this machine's zone where it names none.

Paths and quoting are those of `git_datmo.model.fields`. Keywords may be written in any case.
`git_datmo.model.expression` says what it all means.
"""

from __future__ import annotations

import math
import re
from datetime import datetime

from git_datmo.model.expression import (
    OPERATORS,
    And,
    Compare,
    Expr,
    In,
    IsNull,
    Literal,
    Not,
    Or,
    evaluate,
)
from git_datmo.model.fields import (
    FIRST_WORD,
    RESERVED,
    Path,
    Reader,
    lookup,
    parse_columns,
    parse_sort,
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

MAX_DEPTH = 50
MOMENTS = frozenset({("created",), ("started",), ("ended",)})

_SYMBOL = re.compile("|".join((*map(re.escape, OPERATORS[:6]), "=")))
_NUMBER = re.compile(
    r"[+-]?(?:inf\b|nan\b|(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:e[+-]?[0-9]+)?(?![\w.]))",
    re.IGNORECASE,
)


def parse(text: str) -> Expr:
    """Read an expression.

    Raises QuerySyntaxError that names the column; its hint marks the place with a caret.
    """
    reader = _Parser(text)
    expression = reader.expression(0)
    reader.end("expected 'and', 'or' or the end")
    return expression


class _Parser(Reader):
    """Recursive descent over the text."""

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
            value = self.literal(written)
            return Compare(path, "==" if written == "=" else written, self.moment(path, value))
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
        values = [self.moment(path, self.literal("("))]
        while self.take(","):
            values.append(self.moment(path, self.literal(",")))
        self.expect(")")
        return In(path, tuple(values))

    def moment(self, path: Path, value: Literal) -> Literal:
        """What is compared with a moment: text is read as a date or time."""
        if path not in MOMENTS or not isinstance(value, str):
            return value
        try:
            return round(datetime.fromisoformat(value).timestamp() * 1000)
        except (ValueError, OverflowError):
            self.fail("a date or time is written as '2026-11-21' or '2026-11-21T14:30'")

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

    def take_word(self, word: str) -> bool:
        self.skip()
        found = FIRST_WORD.match(self.text, self.at)
        if not found or found.group().lower() != word:
            return False
        self.at = found.end()
        return True
