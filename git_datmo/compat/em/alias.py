"""Old import lines unchanged: `from t9k import em` means git_datmo's, where somebody asks for it.

Nothing here happens by itself. `install_as("t9k.em")` in a program, or
`python -m git_datmo.compat.em train.py`, makes the name mean this for one process.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from importlib.machinery import ModuleSpec
from types import ModuleType

from git_datmo.compat.em.configuration import Configuration
from git_datmo.errors import Conflict

_HERE = "git_datmo.compat.em"
_PARTS = ("keras", "lightning")
_MARK = "__alias_of__"


def install_as(name: str = "t9k.em") -> ModuleType:
    """Let `import <name>` give git_datmo.compat.em from here on, in this process; return it.

    Its `keras` and `lightning` come along, and the packages above it are made up; the topmost of
    them has `CONFIG`. Twice is fine. Raises Conflict when a package of one of these names is
    installed or imported, ValueError for what is no name of a module.
    """
    words = name.split(".") if isinstance(name, str) else []
    if not words or not all(word.isidentifier() for word in words):
        raise ValueError(f"{name!r} is not the name of a module")
    em = importlib.import_module(_HERE)
    if sys.modules.get(name) is em:
        return em
    above = [".".join(words[:count]) for count in range(1, len(words))]
    for taken in [*above, name]:
        _check_free(taken)
    for package in above:
        if package not in sys.modules:
            _bind(package, _package(package))
    _bind(name, em)
    for part in _PARTS:
        sys.modules[f"{name}.{part}"] = importlib.import_module(f"{_HERE}.{part}")
    if above:
        vars(sys.modules[above[0]]).setdefault("CONFIG", Configuration())
    return em


def _check_free(name: str) -> None:
    """A package that is there is not ours to replace; what `install_as` made is."""
    parent, loaded = sys.modules.get(name.rpartition(".")[0]), sys.modules.get(name)
    if hasattr(loaded, _MARK) or (loaded is None and hasattr(parent, _MARK)):
        return
    spec = _installed(name) if loaded is None else getattr(loaded, "__spec__", None)
    if (loaded is None and spec is None) or (spec is not None and spec.origin is None):
        return  # a bare folder of that name in the path is no package
    where = spec.origin if spec is not None else "made by this program"
    raise Conflict(
        f"'{name}' is a package of its own here: {where}",
        hint="use 'from git_datmo import em', or an environment without that package",
    )


def _installed(name: str) -> ModuleSpec | None:
    """What an import would find."""
    try:
        return importlib.util.find_spec(name)
    except ModuleNotFoundError:
        return None


def _package(name: str) -> ModuleType:
    made = ModuleType(name, "A name for parts of git_datmo: see git_datmo.compat.em.alias.")
    made.__path__ = []
    setattr(made, _MARK, _HERE)
    return made


def _bind(name: str, module: ModuleType) -> None:
    sys.modules[name] = module
    parent, _, last = name.rpartition(".")
    if parent:
        setattr(sys.modules[parent], last, module)
