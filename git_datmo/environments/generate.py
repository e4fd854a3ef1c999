"""A definition made from what a project's scripts import and what is installed here."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from git_datmo.environments import imports, interpreter
from git_datmo.environments.imports import Import
from git_datmo.environments.installed import (
    Package,
    installed,
    metadata_folders,
    normalise,
    requirements,
)
from git_datmo.environments.interpreter import KIND, REQUIREMENTS
from git_datmo.environments.layout import Interpreter
from git_datmo.model.environment import Definition


class Generated(NamedTuple):
    """The definition; `missing`, modules that are imported and installed nowhere, with a file
    that does; `unread`, files that are no Python."""

    definition: Definition
    missing: tuple[tuple[str, str], ...]
    unread: tuple[str, ...]


_REQUIRES = re.compile(rb"^Requires-Dist:[ \t]*(.+)$", re.MULTILINE)
_NAME = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]*)\s*(?:\[([^\]]*)\])?")
_EXTRA = re.compile(r"extra\s*==\s*['\"]([^'\"]+)['\"]")
DEPTH = 4


def from_imports(
    files: Iterable[tuple[str, bytes]], python: Interpreter, *, project_dir: Path | None = None
) -> Generated:
    """The packages that `files` import, with those they require, in the versions of `python`.

    Packages that are required and not installed (of another platform, say) are left out.
    """
    found = imports.scan(files)
    known = {p.name: p for p in installed(python.site_packages, project_dir=project_dir)}
    places = Places(python.site_packages)

    wanted: set[str] = set()
    missing: dict[str, str] = {}
    for item in found.imports:
        owners = places.owners(item) & known.keys()
        wanted |= owners
        own = item.top in found.folders or places.is_editable_of(item.top, known)
        if not owners and not item.optional and not own:
            missing.setdefault(item.top, item.path)
    chosen = sorted(places.closure(wanted) & known.keys())
    packages: list[Package] = [known[name] for name in chosen]
    definition = Definition(
        ((REQUIREMENTS, requirements(packages)),),
        KIND,
        {"python": interpreter.python_facts(python)},
    )
    return Generated(definition, tuple(sorted(missing.items())), found.unread)


class Places:
    """The metadata of installed packages: which modules they bring, what they require."""

    def __init__(self, folders: tuple[str, ...]) -> None:
        self._folders = metadata_folders(folders)
        self._site = folders

    @cached_property
    def _modules(self) -> Mapping[str, set[str]]:
        """The packages that bring a module, by dotted name, a few levels deep."""
        found: dict[str, set[str]] = {}
        for name, place in self._folders.items():
            for module in _modules_of(place):
                found.setdefault(module, set()).add(name)
        return found

    def owners(self, item: Import) -> set[str]:
        """The packages an import comes from; of those that share a namespace, the closest."""
        owners = self._modules.get(item.top, set())
        if not owners and normalise(item.top) in self._folders:
            return {normalise(item.top)}  # an editable install lists none of its modules
        if len(owners) <= 1:
            return owners
        parts = item.name.split(".")
        for end in range(min(len(parts), DEPTH), 1, -1):
            closer = self._modules.get(".".join(parts[:end]), set()) & owners
            if closer and len(closer) < len(owners):
                return closer
        return owners

    def is_editable_of(self, top: str, known: Mapping[str, Package]) -> bool:
        """Whether a module is that of an installed project left out on purpose."""
        name = normalise(top)
        return name in self._folders and name not in known

    def closure(self, names: Iterable[str]) -> set[str]:
        """The packages, and every installed one that they require, extras asked for included."""
        reached: dict[str, frozenset[str]] = {}
        waiting: list[tuple[str, frozenset[str]]] = [(name, frozenset()) for name in names]
        while waiting:
            name, extras = waiting.pop()
            if name not in self._folders or (name in reached and extras <= reached[name]):
                continue
            reached[name] = extras | reached.get(name, frozenset())
            waiting += _required(self._folders[name], reached[name])
        return set(reached)


def _required(place: str, extras: frozenset[str]) -> list[tuple[str, frozenset[str]]]:
    found = []
    for path in (os.path.join(place, name) for name in ("METADATA", "PKG-INFO")):
        for line in _REQUIRES.findall(_bytes(path).partition(b"\n\n")[0].replace(b"\r", b"")):
            requirement, _, marker = line.decode("utf-8", "replace").partition(";")
            asked = {normalise(extra) for extra in _EXTRA.findall(marker)}
            if asked and not asked & extras:
                continue
            match = _NAME.match(requirement.strip())
            if match is not None:
                more = frozenset(normalise(e.strip()) for e in (match[2] or "").split(",") if e)
                found.append((normalise(match[1]), more))
    return found


def _modules_of(place: str) -> set[str]:
    """The dotted names of a package's modules: of its RECORD, else of `top_level.txt`."""
    found: set[str] = set()
    for line in _bytes(os.path.join(place, "RECORD")).decode("utf-8", "replace").splitlines():
        path = line.rpartition(",")[0].rpartition(",")[0].strip('"')
        parts = path.split("/")
        if not path.endswith((".py", ".so", ".pyd")) or ".." in parts or path.startswith("/"):
            continue
        parts[-1] = parts[-1].partition(".")[0]
        parts = parts[:-1] if parts[-1] == "__init__" else parts
        if parts and all(part.isidentifier() for part in parts):
            found |= {".".join(parts[:end]) for end in range(1, min(len(parts), DEPTH) + 1)}
    listed = _bytes(os.path.join(place, "top_level.txt")).decode("utf-8", "replace").split()
    return found | {name.replace("/", ".") for name in listed}


def _bytes(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError:
        return b""
