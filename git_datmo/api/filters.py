"""Filters as people write them, turned into what the index holds."""

from __future__ import annotations

from collections.abc import Mapping

from git_datmo.model.expression import And, Compare, Expr, In, IsNull, Not, Or
from git_datmo.model.fields import Path
from git_datmo.model.query import parse

_SESSION = ("session",)


def read(where: str, sessions: Mapping[str, str]) -> Expr:
    """The expression `where`; `session` compares with names, of which `sessions` gives the ids.

    Raises QuerySyntaxError.
    """
    return _with_ids(parse(where), sessions)


def renamed(expression: Expr, keys: Mapping[Path, Path]) -> Expr:
    """The same expression on keys that are called otherwise."""
    match expression:
        case Compare(path, how, value):
            return Compare(keys.get(path, path), how, value)
        case In(path, values):
            return In(keys.get(path, path), values)
        case IsNull(path):
            return IsNull(keys.get(path, path))
        case Not(operand):
            return Not(renamed(operand, keys))
        case And(operands):
            return And(tuple(renamed(operand, keys) for operand in operands))
        case Or(operands):
            return Or(tuple(renamed(operand, keys) for operand in operands))
    return expression


def _with_ids(expression: Expr, sessions: Mapping[str, str]) -> Expr:
    match expression:
        case Compare(path, "==" | "!=" as how, str() as name) if path == _SESSION:
            return Compare(path, how, sessions.get(name, name))
        case In(path, values) if path == _SESSION:
            ids = tuple(sessions.get(v, v) if isinstance(v, str) else v for v in values)
            return In(path, ids)
        case Not(operand):
            return Not(_with_ids(operand, sessions))
        case And(operands):
            return And(tuple(_with_ids(operand, sessions) for operand in operands))
        case Or(operands):
            return Or(tuple(_with_ids(operand, sessions) for operand in operands))
    return expression
