"""What a project's own Python files import: read, never run."""

from __future__ import annotations

import ast
import json
import posixpath
import re
import sys
import warnings
from collections.abc import Iterable, Iterator
from typing import NamedTuple


class Import(NamedTuple):
    """A dotted name that a file imports. `optional`: the file gets along without it."""

    name: str
    path: str
    optional: bool = False

    @property
    def top(self) -> str:
        return self.name.partition(".")[0]


class Scan(NamedTuple):
    """The imports that are neither Python's nor the project's own, and the files that could not
    be read as Python. `folders`: names that are folders of the project without `__init__.py`, over
    which an installed package wins."""

    imports: tuple[Import, ...]
    unread: tuple[str, ...]
    folders: frozenset[str]


BLOCKS = ("body", "orelse", "finalbody", "handlers", "cases")
SUFFIXES = (".py", ".ipynb")
_LINE = re.compile(
    r"^[ \t]*(?:import[ \t]+(?P<names>[\w., \t]+)|from[ \t]+(?P<name>\w[\w.]*)[ \t]+import\b)",
    re.MULTILINE,
)
_CATCHES = frozenset({"ImportError", "ModuleNotFoundError", "Exception"})


def scan(files: Iterable[tuple[str, bytes]]) -> Scan:
    """What the `.py` and `.ipynb` files among `files` (path, content) import from elsewhere.

    Imports inside functions count, those for type checkers only do not.
    """
    listed = sorted((path, data) for path, data in files if path.endswith(SUFFIXES))
    own = _Own(path for path, _ in listed)
    found: dict[tuple[str, bool], Import] = {}
    unread: list[str] = []
    folders: set[str] = set()
    for path, data in listed:
        source = _notebook(data) if path.endswith(".ipynb") else _decoded(data)
        try:
            if source is None:
                raise SyntaxError("no source")
            names = list(_imported(source, path))
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            unread.append(path)
            names = [Import(name, path) for name in _by_line(source or "")]
        for item in names:
            kind = own.kind(item.top, path)
            if item.top in sys.stdlib_module_names or item.top == "__main__" or kind == "module":
                continue
            if kind == "folder":
                folders.add(item.top)
            found.setdefault((item.name, item.optional), item)
    return Scan(tuple(sorted(found.values())), tuple(unread), frozenset(folders))


class _Own:
    """The modules of a project, as an import in one of its files finds them."""

    def __init__(self, paths: Iterable[str]) -> None:
        self._files: set[str] = set()
        self._folders: set[str] = set()
        for path in paths:
            self._files.add(path)
            folder = posixpath.dirname(path)
            while folder and folder not in self._folders:
                self._folders.add(folder)
                folder = posixpath.dirname(folder)

    def kind(self, name: str, path: str) -> str | None:
        """`module` for a file or package, `folder` for one without `__init__.py`, else None.

        Searched from the folder of the file up to the top, and in `src`.
        """
        found = None
        for root in self._roots(path):
            place = posixpath.join(root, name)
            if f"{place}.py" in self._files or f"{place}/__init__.py" in self._files:
                return "module"
            if place in self._folders:
                found = "folder"
        return found

    @staticmethod
    def _roots(path: str) -> Iterator[str]:
        folder = posixpath.dirname(path)
        while folder:
            yield folder
            folder = posixpath.dirname(folder)
        yield ""
        yield "src"


def _imported(source: str, path: str) -> Iterator[Import]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # odd escapes in other people's strings
        tree = ast.parse(source)
    calls = "import_module" in source or "__import__" in source
    waiting: list[tuple[ast.AST, bool]] = [(tree, False)]
    while waiting:
        node, optional = waiting.pop()
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            waiting += [(child, optional) for child in node.orelse]
            continue
        if isinstance(node, ast.Try):
            lenient = optional or any(_catches(handler) for handler in node.handlers)
            waiting += [(child, lenient) for child in (*node.body, *node.handlers)]
            waiting += [(child, optional) for child in (*node.orelse, *node.finalbody)]
            continue
        for name in _names(node):
            yield Import(name, path, optional)
        waiting += [(child, optional) for child in _inside(node, calls)]


def _inside(node: ast.AST, calls: bool) -> list[ast.AST]:
    """What lies in a node: only its statements, unless some call may import."""
    if calls:
        return list(ast.iter_child_nodes(node))
    return [child for name in BLOCKS for child in getattr(node, name, ())]


def _names(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        if node.level or not node.module:
            return []
        return [f"{node.module}.{alias.name}" for alias in node.names if alias.name != "*"] or [
            node.module
        ]
    if isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
        called = ast.unparse(node.func)
        name = node.args[0].value
        if called in ("__import__", "import_module", "importlib.import_module") and (
            isinstance(name, str) and name and not name.startswith(".")
        ):
            return [name]
    return []


def _catches(handler: ast.AST) -> bool:
    if not isinstance(handler, ast.ExceptHandler):
        return False
    if handler.type is None:
        return True
    caught = {node.id for node in ast.walk(handler.type) if isinstance(node, ast.Name)}
    return bool(caught & _CATCHES)


def _by_line(source: str) -> Iterator[str]:
    """The imports of what is no Python 3, such as a script of Python 2."""
    for match in _LINE.finditer(source):
        names = match["name"] or match["names"] or ""
        for name in names.split(","):
            word = name.split()[0] if name.split() else ""
            if all(part.isidentifier() for part in word.split(".")):
                yield word


def _notebook(data: bytes) -> str | None:
    """The code of a notebook, without what is IPython's and not Python's."""
    try:
        cells = json.loads(data)["cells"]
        sources = [cell["source"] for cell in cells if cell.get("cell_type") == "code"]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
    blocks: list[str] = []
    for source in sources:
        text = "".join(source) if isinstance(source, list) else str(source)
        if text.lstrip().startswith("%%") and not text.lstrip().startswith(("%%time", "%%capture")):
            continue
        blocks += [_without_magic(line) for line in text.splitlines()]
    return "\n".join(blocks) + "\n"


def _without_magic(line: str) -> str:
    stripped = line.lstrip()
    indent = line[: len(line) - len(stripped)]
    is_magic = stripped.startswith(("%", "!", "?")) or stripped.endswith("?")
    return f"{indent}pass" if is_magic else line


def _decoded(data: bytes) -> str | None:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("latin-1")
