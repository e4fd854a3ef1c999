"""The version of Python that a definition asks for, and the images that bring one."""

from __future__ import annotations

import json
import posixpath
import re
import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

from git_datmo.model.environment import Definition

_CLAUSE = re.compile(r"(\^|~=|~|===?|!=|<=|>=|<|>)?\s*(\d+(?:\.\d+)*)(\.\*)?")
_PLAIN = re.compile(r"(?:python-|cpython-)?(\d+(?:\.\d+){0,2}(?:(?:a|b|rc)\d+)?)")


@cache
def data() -> dict[str, Any]:
    """What `bases.toml` says."""
    return tomllib.loads(files(__package__).joinpath("bases.toml").read_text("utf-8"))


def image(name: str, version: str | None, bases: Mapping[str, str]) -> str:
    """The image that the kind `name` starts from, at a version (None: the usual one)."""
    family = name.partition("-")[0]
    text = bases.get(name) or bases.get(family) or str(data()["images"][name])
    return text.replace("{version}", version or str(data()["versions"][family]))


def pinned(definition: Definition) -> str | None:
    """The Python that a definition names outright: `3.11`, `3.11.7`; None if it does not.

    A captured interpreter's, that of `.python-version`, of a Pipfile, or of an `==`.
    """
    captured = definition.summary.get("python")
    if isinstance(captured, dict):
        return str(captured["version"])
    found = dict(definition.files)
    for path, content in sorted(found.items()):
        if posixpath.basename(path) == ".python-version":
            match = _PLAIN.fullmatch(next(iter(_words(content)), ""))
            if match is not None:
                return match[1]
    for path, content in found.items():
        if posixpath.basename(path) == "Pipfile.lock":
            requires = _table(_json(content), "_meta").get("requires")
            named = _named(requires)
            if named:
                return named
        if posixpath.basename(path) == "Pipfile":
            named = _named(_toml(content).get("requires"))
            if named:
                return named
    exact = re.fullmatch(r"={2,3}\s*(\d+\.\d+(?:\.\d+)?)(?:\.\*)?", ranged(definition) or "")
    return exact[1] if exact else None


def ranged(definition: Definition) -> str | None:
    """The range of Pythons a definition allows (`>=3.10,<3.13`), None if it does not say."""
    found = {posixpath.basename(path): content for path, content in definition.files}
    project = _toml(found.get("pyproject.toml", b""))
    poetry = _table(_table(_table(project, "tool"), "poetry"), "dependencies").get("python")
    places = (
        _table(project, "project").get("requires-python"),
        poetry,
        _toml(found.get("uv.lock", b"")).get("requires-python"),
        _toml(found.get("pylock.toml", b"")).get("requires-python"),
        _table(_toml(found.get("poetry.lock", b"")), "metadata").get("python-versions"),
        _table(_toml(found.get("pdm.lock", b"")), "metadata").get("requires_python"),
    )
    return next((place for place in places if isinstance(place, str) and place.strip()), None)


def for_image(definition: Definition) -> str | None:
    """The version an image should have; None: any. Of a range, one that is easy to come by."""
    found = pinned(definition)
    if found is not None:
        return found
    wanted = ranged(definition)
    if wanted is None:
        return None
    return next((v for v in data()["python"]["prefer"] if allows(wanted, v)), None)


def allows(text: str, minor: str) -> bool:
    """Whether a range holds some release of a minor version (`3.12`); Poetry's signs too."""
    return any(_all_hold(part, minor) for part in text.split("||"))


def _all_hold(text: str, minor: str) -> bool:
    release = tuple(int(number) for number in minor.split("."))
    return all(
        _holds(sign or "==", tuple(map(int, number.split("."))), bool(star), release)
        for sign, number, star in _CLAUSE.findall(text)
    )


def _holds(sign: str, bound: tuple[int, ...], star: bool, minor: tuple[int, ...]) -> bool:
    last = (*minor, 99)  # the newest patch there may be: images have it
    inside = bound[: len(minor)] == minor[: len(bound)]
    if sign in ("==", "==="):
        return inside
    if sign == "!=":
        return not (inside and (star or len(bound) <= 2))
    if sign in ("^", "~=", "~") and last < bound:
        return False
    if sign == "^" or (sign == "~=" and len(bound) <= 2):
        return minor[0] == bound[0]
    if sign in ("~", "~="):
        return minor == bound[:2] if len(bound) > 1 else minor[0] == bound[0]
    if sign == ">=":
        return last >= bound
    if sign == ">":
        return last > bound and not (len(bound) <= 2 and inside)
    if sign == "<=":
        return (*minor, 0) <= (*bound, 0, 0)[:3]
    return minor < bound


def _words(content: bytes) -> list[str]:
    lines = content.decode("utf-8", "replace").splitlines()
    return [line.strip() for line in lines if line.strip() and not line.lstrip().startswith("#")]


def _named(requires: object) -> str | None:
    if not isinstance(requires, dict):
        return None
    found = requires.get("python_full_version") or requires.get("python_version")
    return found if isinstance(found, str) and _PLAIN.fullmatch(found) else None


def _toml(content: bytes) -> dict[str, Any]:
    try:
        return tomllib.loads(content.decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError):
        return {}


def _json(content: bytes) -> dict[str, Any]:
    try:
        found = json.loads(content)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _table(parent: Mapping[str, Any], key: str) -> dict[str, Any]:
    found = parent.get(key)
    return found if isinstance(found, dict) else {}
