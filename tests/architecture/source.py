"""The package as its import statements draw it, read from the source and never imported."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGE = "git_datmo"


@dataclass(frozen=True)
class Module:
    """One file of the package: its dotted name, and all it imports, deferred imports included."""

    name: str
    file: Path
    imports: frozenset[str]

    @property
    def room(self) -> str:
        """The folder (or top-level module) of the package that the module is in.

        `ui.web` and `runners.docker` are rooms of their own; the package itself is "".
        """
        inside = self.name.split(".")[1:]
        if inside[:2] in (["ui", "web"], ["runners", "docker"]):
            return ".".join(inside[:2])
        return inside[0] if inside else ""

    def tree(self) -> ast.Module:
        return parsed(self.file)


@cache
def parsed(file: Path) -> ast.Module:
    return ast.parse(file.read_text(), filename=str(file))


@cache
def modules() -> dict[str, Module]:
    """Every module of the package by its dotted name."""
    files = {dotted(file): file for file in sorted((ROOT / PACKAGE).rglob("*.py"))}
    names = {name: frozenset(imported(parsed(file))) for name, file in files.items()}
    return {name: Module(name, files[name], found) for name, found in names.items()}


def dotted(file: Path) -> str:
    parts = file.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imported(tree: ast.AST) -> Iterator[str]:
    """Dotted names that executing any part of the tree may import.

    `from a import b` yields `a.b`: whether b is a module is for the reader to find out.
    """
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and is_type_checking(node.test):
            for other in node.orelse:
                yield from imported(ast.Module([other], []))
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"a relative import: {ast.unparse(node)}"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        else:
            if isinstance(node, ast.Call) and (name := by_name(node)):
                yield name
            yield from imported(node)


def is_type_checking(test: ast.expr) -> bool:
    return ast.unparse(test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING")


def by_name(call: ast.Call) -> str | None:
    """The module that `import_module("…")` or `__import__("…")` names, if it is a literal."""
    if ast.unparse(call.func).split(".")[-1] in ("import_module", "__import__") and call.args:
        first = call.args[0]
        if isinstance(first, ast.Constant) and isinstance(first.value, str):
            return first.value
    return None


def own_edges(module: Module) -> set[str]:
    """The modules of the package that `module` depends on.

    Importing `a.b.c` also runs `a.b`'s `__init__`, unless `module` itself lies in `a.b`.
    """
    known = modules()
    found = set()
    for name in module.imports:
        if name.split(".")[0] != PACKAGE:
            continue
        target = name
        while target not in known and "." in target:
            target = target.rpartition(".")[0]
        while target != PACKAGE:
            if not f"{module.name}.".startswith(f"{target}."):
                found.add(target)
            target = target.rpartition(".")[0]
    return found


def foreign(module: Module) -> set[str]:
    """The top-level names of other people's modules that `module` imports."""
    return {name.split(".")[0] for name in module.imports} - {PACKAGE}


def own_graph() -> dict[str, set[str]]:
    """Module -> the modules it depends on."""
    return {name: own_edges(module) for name, module in modules().items()}


def knots(graph: dict[str, set[str]]) -> list[list[str]]:
    """Every set of nodes that can reach one another: Tarjan's strongly connected components."""
    order: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    found: list[list[str]] = []

    def visit(name: str) -> None:
        order[name] = low[name] = len(order)
        stack.append(name)
        for target in sorted(graph[name]):
            if target not in order:
                visit(target)
                low[name] = min(low[name], low[target])
            elif target in stack:
                low[name] = min(low[name], order[target])
        if low[name] == order[name]:
            knot = [stack.pop()]
            while knot[-1] != name:
                knot.append(stack.pop())
            if len(knot) > 1 or name in graph[name]:
                found.append(sorted(knot))

    for name in graph:
        if name not in order:
            visit(name)
    return found
