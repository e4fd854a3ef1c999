"""Filter expressions as values, and what they mean.

An expression looks at one document, a nest of dictionaries, and says yes or no. A path that
leads nowhere, and a path that leads to null, are the same thing: null. Two values compare when
both are numbers, both are text or both are booleans; every comparison of anything else, of null
and of NaN is false, `!=` included. `not` is the plain opposite. Integers outside the signed 64
bit range compare as floats do. Text compares by code point and by case.

`str(expression)` is its canonical text: `parse` reads it back to an equal expression.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping
from typing import Any

from git_datmo.model.fields import Path, lookup, quote, show_path
from git_datmo.model.frozen import frozen

Literal = str | bool | int | float

OPERATORS = ("==", "!=", "<=", ">=", "<", ">", "contains", "startswith")

_ORDERED: dict[str, Callable[[Any, Any], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


class Expr:
    """Any expression. Two are equal when their canonical texts are."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Expr) and str(self) == str(other)

    def __hash__(self) -> int:
        return hash(str(self))


@frozen
class Compare(Expr):
    """`path operator value`; the operator is one of OPERATORS."""

    path: Path
    operator: str
    value: Literal

    def __str__(self) -> str:
        return f"{show_path(self.path)} {self.operator} {show_value(self.value)}"


@frozen
class In(Expr):
    """The value at the path equals one of `values`."""

    path: Path
    values: tuple[Literal, ...]

    def __str__(self) -> str:
        return f"{show_path(self.path)} in ({', '.join(map(show_value, self.values))})"


@frozen
class IsNull(Expr):
    """Nothing, or null, is at the path."""

    path: Path

    def __str__(self) -> str:
        return f"{show_path(self.path)} is null"


@frozen
class Not(Expr):
    """The opposite."""

    operand: Expr

    def __str__(self) -> str:
        if isinstance(self.operand, IsNull):
            return f"{show_path(self.operand.path)} is not null"
        return f"not ({self.operand})"


@frozen
class And(Expr):
    """All of two or more."""

    operands: tuple[Expr, ...]

    def __str__(self) -> str:
        return " and ".join(
            f"({operand})" if isinstance(operand, And | Or) else str(operand)
            for operand in self.operands
        )


@frozen
class Or(Expr):
    """Any of two or more."""

    operands: tuple[Expr, ...]

    def __str__(self) -> str:
        return " or ".join(
            f"({operand})" if isinstance(operand, Or) else str(operand) for operand in self.operands
        )


def evaluate(expression: Expr, document: Mapping[str, object]) -> bool:
    """Whether `document`, decoded to plain Python values, satisfies the expression."""
    match expression:
        case Compare(path, how, value):
            return compare(lookup(document, path), how, value)
        case In(path, values):
            found = lookup(document, path)
            return any(compare(found, "==", value) for value in values)
        case IsNull(path):
            return lookup(document, path) is None
        case Not(operand):
            return not evaluate(operand, document)
        case And(operands):
            return all(evaluate(operand, document) for operand in operands)
        case Or(operands):
            return any(evaluate(operand, document) for operand in operands)
    raise TypeError(f"not an expression: {expression!r}")


def compare(left: object, how: str, right: Literal) -> bool:
    """Whether `left operator right` holds; False when the two do not compare."""
    if how == "contains":
        if isinstance(left, list | tuple):
            return any(compare(item, "==", right) for item in left)
        return isinstance(left, str) and isinstance(right, str) and right in left
    if how == "startswith":
        return isinstance(left, str) and isinstance(right, str) and left.startswith(right)
    return _kind(left) == _kind(right) != "" and _ORDERED[how](_plain(left), _plain(right))


def is_nan(value: int | float) -> bool:
    """Whether the number is NaN; unlike math.isnan it takes integers of any size."""
    return isinstance(value, float) and math.isnan(value)


def machine_number(value: int | float) -> int | float:
    """The number as it is compared: integers outside 64 bit become floats."""
    if isinstance(value, float) or -(2**63) <= value < 2**63:
        return value
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def show_value(value: Literal) -> str:
    """The literal as the language writes it."""
    if isinstance(value, str):
        return quote(value, '"')
    return repr(value).lower()


def _kind(value: object) -> str:
    if isinstance(value, str):
        return "text"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int | float) and not is_nan(value):
        return "number"
    return ""


def _plain(value: object) -> object:
    if isinstance(value, int) and not isinstance(value, bool):
        return machine_number(value)
    return value
