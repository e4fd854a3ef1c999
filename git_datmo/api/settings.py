"""Config and stats: from what was typed, from a named file, or found by themselves."""

from __future__ import annotations

import ast
import json
import math
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from git_datmo.errors import (
    FileIOError,
    InvalidArgumentType,
    MutuallyExclusiveArguments,
    PathDoesNotExist,
    ValidationFailed,
)
from git_datmo.model import document

SUFFIXES = (".json", ".yaml", ".yml", ".toml")
MAX_BYTES = 1024 * 1024
MAX_DIGITS = 4000
MAX_VALUES = 1_000_000
# What the readers raise for values of a known form that are none: dates, tags, huge integers.
_FAULTS = (ValueError, ArithmeticError, LookupError, AttributeError, TypeError)
_NUMBER = re.compile(r"[+-]?((0|[1-9][0-9]*)(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?")


def gather(
    kind: str,
    home: Path,
    base: Path,
    *,
    given: Mapping[str, Any] | None,
    filename: str | None,
    filepath: str | None,
) -> dict[str, Any]:
    """The `kind` (`config` or `stats`) of a snapshot.

    A dictionary, else the file at `filepath` (from `base`), else the file named `filename` in the
    project or below it, else `<kind>.json`, `.yaml`, `.yml` or `.toml` in the project, else
    nothing.
    Raises MutuallyExclusiveArguments, PathDoesNotExist, FileIOError (file and line),
    InvalidArgumentType.
    """
    names = {kind: given, f"{kind}_filename": filename, f"{kind}_filepath": filepath}
    chosen = [name for name, value in names.items() if value]
    if len(chosen) > 1:
        raise MutuallyExclusiveArguments(f"{chosen[0]} and {chosen[1]} exclude each other")
    if given is not None and not isinstance(given, Mapping):
        raise ValidationFailed(f"{kind} must be a dictionary, not {type(given).__name__}")
    if given:
        return check(kind, dict(given))
    if filepath:
        path = (base / Path(filepath).expanduser()).absolute()
        if not path.is_file():
            raise PathDoesNotExist(f"{kind.capitalize()} file does not exist: {filepath}")
        return check(kind, read(path))
    if filename:
        found = _search(home, filename)
        if found is None:
            raise PathDoesNotExist(f"no file named {filename} in the project, for {kind}")
        return check(kind, read(found))
    for suffix in SUFFIXES:
        path = home / (kind + suffix)
        if path.is_file():
            return check(kind, read(path))
    return {}


def _search(home: Path, name: str) -> Path | None:
    direct = home / name
    if direct.is_file():
        return direct
    stack = [home]
    while stack:
        folders = []
        for entry in sorted(stack.pop().iterdir()):
            if entry.name == Path(name).name and entry.is_file():
                return entry
            if entry.is_dir() and not entry.is_symlink() and entry.name != ".git":
                folders.append(entry)
        stack += reversed(folders)
    return None


def check(kind: str, value: Mapping[str, Any]) -> dict[str, Any]:
    """`value` as it will be stored. Raises InvalidArgumentType naming the place."""
    try:
        plain = document.decode(document.encode(value))
    except InvalidArgumentType as error:
        raise InvalidArgumentType(f"{kind}: {error.message}", hint=error.hint) from error
    return dict(plain)


def read(path: Path) -> dict[str, Any]:
    """A JSON, YAML or TOML file that holds a dictionary; an empty file is an empty one."""
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise FileIOError(f"cannot read {path}: {error.strerror}") from error
    return parse(path, data)


def parse(path: Path, data: bytes) -> dict[str, Any]:
    """The dictionary that a file of this name holds. Raises FileIOError."""
    if len(data) > MAX_BYTES:
        raise FileIOError(f"{path} is larger than {MAX_BYTES} bytes: too large for a note")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise FileIOError(f"{path} is not UTF-8 text: {error}") from error
    if not text.strip():
        return {}
    value = _parse(path, text)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise FileIOError(f"{path} holds a {type(value).__name__}, not a dictionary")
    return value


def _parse(path: Path, text: str) -> Any:
    try:
        return _READ.get(path.suffix.lower(), _read_json)(path, text)
    except RecursionError as error:
        raise FileIOError(f"{path}: nested too deeply") from error
    except _FAULTS as error:
        raise FileIOError(f"{path}: a value in it cannot be read: {error}") from error


def _read_json(path: Path, text: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        message = f"{path}, line {error.lineno}, column {error.colno}: not valid JSON: {error.msg}"
        raise FileIOError(message) from error


def _read_toml(path: Path, text: str) -> Any:
    import tomllib

    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise FileIOError(f"{path}: not valid TOML: {error}") from error


def _read_yaml(path: Path, text: str) -> Any:
    import yaml

    try:
        value = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f", line {mark.line + 1}" if mark is not None else ""
        reason = getattr(error, "problem", None) or error
        raise FileIOError(f"{path}{where}: not valid YAML: {reason}") from error
    if _size(value, {}) > MAX_VALUES:
        raise FileIOError(f"{path}: its aliases make more than {MAX_VALUES} values of it")
    return value


_READ = {".yaml": _read_yaml, ".yml": _read_yaml, ".toml": _read_toml}


def _size(value: Any, known: dict[int, float]) -> float:
    """How many values it is when every alias is written out; infinitely many in a circle."""
    if not isinstance(value, dict | list):
        return 1
    if id(value) not in known:
        known[id(value)] = math.inf
        inner = value.values() if isinstance(value, dict) else value
        known[id(value)] = 1 + sum(_size(item, known) for item in inner)
    return known[id(value)]


def parse_items(kind: str, items: Iterable[str]) -> dict[str, Any]:
    """What was typed as `key:value` (once or often), or as a dictionary in Python or JSON.

    A value is a number, true, false or null when it looks like one, else text; a dotted key
    `a.b:1` stays one key. Raises ValidationFailed.
    """
    found: dict[str, Any] = {}
    for item in items:
        text = item.strip()
        if text.startswith("{"):
            found.update(_dictionary(kind, text))
            continue
        key, colon, value = text.partition(":")
        if not key.strip():
            raise ValidationFailed(f"'{item}' has no key: write --{kind} key:value")
        found[key.strip() if colon else kind] = scalar(value.strip()) if colon else scalar(text)
    return found


def _dictionary(kind: str, text: str) -> dict[str, Any]:
    for parse in (json.loads, ast.literal_eval):
        try:
            value = parse(text)
        except (ValueError, SyntaxError, RecursionError, MemoryError):
            continue
        if isinstance(value, dict):
            return value
    raise ValidationFailed(f"--{kind}: '{text[:60]}' is neither key:value nor a dictionary")


def scalar(text: str) -> Any:
    """A typed word as a value: JSON's scalars, `nan`, `inf`, else the text itself."""
    folded = text.lower()
    words = {"true": True, "false": False, "null": None, "none": None}
    if folded in words:
        return words[folded]
    if folded.lstrip("+-") in ("nan", "inf", "infinity"):
        return float(text)
    # Only what writes a number and nothing else: 007 and 1_000 may be names, and stay text.
    if not _NUMBER.fullmatch(text):
        return text
    if text.lstrip("+-").isdigit():
        return int(text) if len(text) <= MAX_DIGITS else text
    value = float(text)
    return text if math.isinf(value) else value
