"""Expressions as SQL that means exactly what `evaluate` means.

Every condition is 0 or 1, never NULL, so that NOT is the plain opposite. It speaks of a row `o`
of `objects`; what is not a column of it is looked up among the facts.
"""

from __future__ import annotations

import json
import re
from functools import lru_cache

from git_datmo.model.expression import (
    And,
    Compare,
    Expr,
    In,
    IsNull,
    Literal,
    Not,
    Or,
    is_nan,
    machine_number,
)
from git_datmo.model.fields import Path
from git_datmo.model.query import evaluate, parse
from git_datmo.storage.index.database import Database
from git_datmo.storage.index.paths import Bindings, path_id
from git_datmo.storage.index.record import COLUMNS, plain
from git_datmo.storage.index.schema import FALSE, TRUE

_SQL = {"==": "=", "!=": "<>", "<": "<", "<=": "<=", ">": ">", ">=": ">="}
# Text that JSON writes as it is.
_PLAIN = re.compile(r"[\w .,:/@%+-]+", re.ASCII)
_BYTES = ("id", "tree", "environment")
_BOOLEANS = ("visible", "deleted")


class Conditions:
    """Compiles expressions against one database, values going to `bindings`."""

    def __init__(self, database: Database, bindings: Bindings) -> None:
        self.database = database
        self.bindings = bindings

    def condition(self, expression: Expr) -> str:
        """SQL that is 1 for the rows `o` that satisfy the expression, else 0.

        What is the same for all rows is just "0" or "1": SQLite drops an index from the plan
        of a constant condition, and then refuses INDEXED BY.
        """
        match expression:
            case And(operands):
                return _joined("AND", [self.condition(operand) for operand in operands])
            case Or(operands):
                return _joined("OR", [self.condition(operand) for operand in operands])
            case Not(operand):
                return _opposite(self.condition(operand))
            case Compare(path) | In(path) | IsNull(path):
                if path[0] in COLUMNS:
                    return self._column(expression, path)
                return self._fact(expression, path)
        raise TypeError(f"not an expression: {expression!r}")

    def drivers(self, expression: Expr) -> list[str]:
        """Conditions on a fact `d`, each true of exactly one fact of all rows that satisfy."""
        if isinstance(expression, And):
            return [found for operand in expression.operands for found in self.drivers(operand)]
        if isinstance(expression, Compare | In):
            test = "0" if expression.path[0] in COLUMNS else self._test(expression, "d.value")
        elif isinstance(expression, Not) and isinstance(expression.operand, IsNull):
            expression = expression.operand
            test = "0" if expression.path[0] in COLUMNS else "1"
        else:
            return []
        known = path_id(self.database, expression.path)
        if known is None or test == "0" or "datmo_matches" in test:
            return []
        return [f"d.path = {known} AND ({test})"]

    def _fact(self, expression: Compare | In | IsNull, path: Path) -> str:
        known = path_id(self.database, path)
        exists = f"EXISTS (SELECT 1 FROM facts f WHERE f.obj = o.obj AND f.path = {known}"
        if isinstance(expression, IsNull):
            return "1" if known is None else f"NOT {exists})"
        if known is None:
            return "0"
        # The plus keeps SQLite from the index by value: the primary key finds the one row.
        test = self._test(expression, "+f.value")
        return test if test == "0" else f"{exists} AND ({test}))"

    def _test(self, expression: Compare | In, value: str) -> str:
        if isinstance(expression, In):
            return self._member(value, expression.values)
        how, literal = expression.operator, expression.value
        if how == "contains":
            self.database.function("datmo_matches", 2, _matches)
            doc = (
                "(SELECT doc FROM docs WHERE docs.obj ="
                f" {value.lstrip('+').removesuffix('value')}obj)"
            )
            # What the document does not have anywhere it need not be parsed for.
            plain_text = isinstance(literal, str) and _PLAIN.fullmatch(literal)
            there = f"instr({doc}, {self.bindings.add(literal)}) > 0 AND " if plain_text else ""
            inside = (
                f"{value} = x'03' AND {there}datmo_matches({doc},"
                f" {self.bindings.add(str(expression))})"
            )
            if not isinstance(literal, str):
                return inside
            needle = self.bindings.add(literal)
            return f"{inside} OR {value} >= '' AND {value} < x'' AND instr({value}, {needle}) > 0"
        if how == "startswith":
            if not isinstance(literal, str):
                return "0"
            needle = self.bindings.add(literal)
            last = self.bindings.add(_after(literal))
            return f"{value} >= {needle} AND {value} < {last} AND instr({value}, {needle}) = 1"
        bound = _bindable(literal)
        if bound is None:
            return "0"
        test = f"{value} {_SQL[how]} {self.bindings.add(bound)}"
        if how == "==":
            return test
        # Other classes of values must not count as smaller or larger.
        if isinstance(literal, str):
            return f"{test} AND {value} >= '' AND {value} < x''"
        if isinstance(literal, bool):
            return f"{test} AND {value} >= x'' AND {value} <= x'01'"
        return f"{test} AND {value} < ''"

    def _member(self, value: str, literals: tuple[Literal, ...]) -> str:
        bound = [self.bindings.add(b) for b in map(_bindable, literals) if b is not None]
        return f"{value} IN ({', '.join(bound)})" if bound else "0"

    def _column(self, expression: Compare | In | IsNull, path: Path) -> str:
        name = path[0]
        column = f"o.{name}"
        if isinstance(expression, IsNull):
            return "1" if len(path) > 1 else f"{column} IS NULL"
        if len(path) > 1:
            return "0"
        if name in _BYTES:
            column = f"lower(hex({column}))"
        if isinstance(expression, In):
            tests = [self._column_test(name, column, "==", v) for v in expression.values]
            test = _joined("OR", tests)
        else:
            test = self._column_test(name, column, expression.operator, expression.value)
        return test if test == "0" else f"o.{name} IS NOT NULL AND ({test})"

    def _column_test(self, name: str, column: str, how: str, literal: Literal) -> str:
        bound = _bindable(literal)
        wanted: type | tuple[type, ...] = str
        if name in _BOOLEANS:
            wanted, bound = bool, bound == TRUE
        elif name == "created":
            wanted = (int, float)
        if not isinstance(literal, wanted) or bound is None:
            return "0"
        if name == "created" and isinstance(literal, bool):
            return "0"
        if how in _SQL:
            return f"{column} {_SQL[how]} {self.bindings.add(bound)}"
        if wanted is not str:
            return "0"
        found = f"instr({column}, {self.bindings.add(bound)})"
        return f"{found} > 0" if how == "contains" else f"{found} = 1"


def _bindable(literal: Literal) -> object:
    """The literal as a fact holds it; None for NaN, which nothing compares with."""
    if isinstance(literal, bool):
        return TRUE if literal else FALSE
    if isinstance(literal, str):
        return literal
    return None if is_nan(literal) else machine_number(literal)


def _after(prefix: str) -> object:
    """Something that sorts after every text with the prefix, and before most others."""
    for place in range(len(prefix) - 1, -1, -1):
        following = ord(prefix[place]) + 1
        if following < 0x110000 and not 0xD800 <= following < 0xE000:
            return prefix[:place] + chr(following)
    return b""


def _joined(word: str, parts: list[str]) -> str:
    """All parts joined as a balanced tree: SQLite refuses one deeper than 1,000."""
    decided, neutral = ("0", "1") if word == "AND" else ("1", "0")
    if decided in parts:
        return decided
    parts = [part for part in parts if part != neutral]
    if len(parts) < 2:
        return parts[0] if parts else neutral
    half = len(parts) // 2
    return f"({_joined(word, parts[:half])}) {word} ({_joined(word, parts[half:])})"


def _opposite(condition: str) -> str:
    return {"0": "1", "1": "0"}.get(condition) or f"NOT ({condition})"


_parsed = lru_cache(64)(parse)


def _matches(document: str, expression: str) -> bool:
    decoded = plain(json.loads(document))
    return isinstance(decoded, dict) and evaluate(_parsed(expression), decoded)
