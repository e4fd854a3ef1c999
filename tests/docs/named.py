"""Pages that name the test which shows what they say: `tests/…py::test_name`."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
NAMED = re.compile(r"tests/[\w/]+\.py(?:::\w+)+")


def missing(page_text: str) -> list[str]:
    """The tests that a page names and that are not there, in order, each once."""
    return [name for name in dict.fromkeys(NAMED.findall(page_text)) if not _exists(name)]


def _exists(name: str) -> bool:
    file, *words = name.split("::")
    return words[-1].startswith("test") and "::".join(words) in _tests(ROOT / file)


@cache
def _tests(file: Path) -> frozenset[str]:
    """The functions of a file and of its classes, as pytest spells them."""
    if not file.is_file():
        return frozenset()
    found: set[str] = set()
    for node in ast.parse(file.read_bytes()).body:
        if isinstance(node, ast.ClassDef):
            found |= {f"{node.name}::{name}" for name in map(_name, node.body)}
        found.add(_name(node))
    return frozenset(found)


def _name(node: ast.stmt) -> str:
    """The name of a function; of anything else none that a test could have."""
    return node.name if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) else ""
