"""A record's document taken apart into what the index finds it by."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from git_datmo.model.expression import is_nan, machine_number
from git_datmo.model.fields import Path
from git_datmo.storage.index.record import COLUMNS, typed, user_key
from git_datmo.storage.index.schema import DICT, FALSE, LIST, NAN, TRUE


def facts(document: dict[str, Any]) -> Iterator[tuple[Path, object]]:
    """Each path of the document that leads to something, with the value that is indexed."""
    stack: list[tuple[Path, Any]] = [
        ((user_key(key),), value) for key, value in document.items() if user_key(key) not in COLUMNS
    ]
    while stack:
        path, value = stack.pop()
        if isinstance(value, dict):
            scalar = typed(value)
            if scalar is None:
                yield path, DICT
                stack.extend(((*path, user_key(key)), inner) for key, inner in value.items())
                continue
            value = scalar
        if isinstance(value, list):
            yield path, LIST
        elif isinstance(value, bool):
            yield path, TRUE if value else FALSE
        elif isinstance(value, str):
            yield path, value
        elif value is not None:
            yield path, NAN if is_nan(value) else machine_number(value)
