"""New settings for an old run: `key=value` into its command, or into its config file."""

from __future__ import annotations

import datetime
import difflib
import json
import posixpath
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from git_datmo.api import configtext, flags, settings
from git_datmo.errors import FileIOError, ValidationFailed
from git_datmo.model import document
from git_datmo.model.frozen import field, frozen

COMMAND: Final = "command"
NAMES: Final = tuple(f"config{suffix}" for suffix in settings.SUFFIXES)
SHOWN = 20


@frozen
class Change:
    """One key that was set: where (`command`, or a path), and its value before and after."""

    key: str
    place: str
    before: Any
    after: Any


@frozen
class Adjusted:
    """A command and files with new settings.

    `files` has only those that changed; `config` is what was set, to be merged over the config of
    the run: a key with dots is nested in it as it is in the file.
    """

    argv: tuple[str, ...]
    files: Mapping[str, bytes] = field(default_factory=dict)
    config: Mapping[str, Any] = field(default_factory=dict)
    changes: tuple[Change, ...] = ()


def parse(items: Iterable[str]) -> dict[str, str]:
    """What was typed as `key=value`, each once or often; the last of a key counts.

    Raises ValidationFailed for anything else.
    """
    found = {}
    for item in items:
        key, equals, value = item.partition("=")
        key = key.strip().lstrip("-+")
        if not equals or not key:
            raise ValidationFailed(f"'{item}' sets nothing: write --set key=value")
        if "\0" in item:
            raise ValidationFailed(f"the value of {key} holds a NUL character")
        found[key] = value
    return found


def config_paths(argv: Sequence[str], folder: str = "") -> tuple[str, ...]:
    """The paths in the tree where a config file of this command may lie, nearest first: files
    that the command names, `config.json` and its like in its `folder`, and at the top.
    """
    place = flags.script(argv)
    words = [word.text for word in flags.read(argv[place]) if word] if place is not None else []
    named = []
    for word in (*argv, *words):
        text = word.rpartition("=")[2] if word.startswith("-") else word
        if text.lower().endswith(settings.SUFFIXES):
            named.append(text.removeprefix("/home/"))
    here = [posixpath.join(folder, name) for name in (*named, *NAMES)]
    normal = [posixpath.normpath(path) for path in (*here, *NAMES)]
    inside = (p for p in normal if not p.startswith(("/", "../")) and "\0" not in p)
    return tuple(dict.fromkeys(inside))


def adjust(
    argv: Sequence[str], files: Mapping[str, bytes], items: Mapping[str, str] | Iterable[str]
) -> Adjusted:
    """Set each key: as an option of the command where it has one of that name (`--key value`,
    `--key=value`, `key=value`), else in the first of `files` (those of `config_paths` that there
    are, in that order) that has the key. A dot goes one level down.

    A value is what its text looks like, of the type that the key has now where that can be.
    Files that cannot be read as JSON, YAML or TOML are passed over. Raises ValidationFailed,
    naming what there is.
    """
    wanted = dict(items) if isinstance(items, Mapping) else parse(items)
    command = tuple(argv)
    current = dict(files)
    changes = []
    config: dict[str, Any] = {}
    for key, text in wanted.items():
        put = flags.put(command, key, text)
        if put is not None:
            command, before = put
            old, new = settings.scalar(before), settings.scalar(text)
            changes.append(Change(key, COMMAND, old, new))
            keys: configtext.Keys = tuple(key.split("."))
        else:
            path, whole, keys = _find(command, current, key)
            old = _at(whole, keys)
            new = _conform(key, text, old)
            if not document.equal(old, new):
                current[path] = configtext.replace(path, current[path], whole, keys, new)
            changes.append(Change(key, path, old, new))
        document.merge_into(config, _nested(keys, new))
    changed = {path: data for path, data in current.items() if data != files[path]}
    return Adjusted(command, changed, config, tuple(changes))


def _find(
    argv: tuple[str, ...], files: Mapping[str, bytes], key: str
) -> tuple[str, dict[str, Any], configtext.Keys]:
    known: dict[str, list[str]] = {}
    unread = []
    for path, data in files.items():
        try:
            whole = settings.parse(Path(path), data)
        except FileIOError as error:
            unread.append(error.message)
            continue
        for keys in _ways(whole, key):
            return path, whole, keys
        known[path] = [".".join(keys) for keys, _ in document.leaves(whole) if _texts(keys)]
    options = flags.names(argv)
    there = [f"the command has {_some(options, key)}"] if options else []
    there += [f"{path} has {_some(names, key)}" for path, names in known.items() if names]
    there += unread
    raise ValidationFailed(
        f"there is no setting '{key}' in the command or in a config file",
        hint="; ".join(there) or "the command has no options, and there is no config file",
    )


def _ways(whole: Any, key: str) -> Iterator[configtext.Keys]:
    """Yield where the key leads: a key may have dots in itself."""
    if not isinstance(whole, dict):
        return
    if key in whole:
        yield (key,)
    for place, character in enumerate(key):
        if character == "." and key[:place] in whole:
            for rest in _ways(whole[key[:place]], key[place + 1 :]):
                yield (key[:place], *rest)


def _texts(keys: tuple[Any, ...]) -> bool:
    return all(isinstance(key, str) for key in keys)


def _some(names: Sequence[str], key: str) -> str:
    """The names, those that look like `key` first, and not all of very many."""
    close = difflib.get_close_matches(key, names, n=3)
    close += [name for name in names if name.rpartition(".")[2] == key]
    ordered = list(dict.fromkeys((*close, *names)))
    more = f" and {len(ordered) - SHOWN} more" if len(ordered) > SHOWN else ""
    return ", ".join(ordered[:SHOWN]) + more


def _at(whole: Any, keys: configtext.Keys) -> Any:
    for key in keys:
        whole = whole[key]
    return whole


def _nested(keys: configtext.Keys, value: Any) -> dict[str, Any]:
    for key in reversed(keys):
        value = {key: value}
    return dict(value)


def _conform(key: str, text: str, old: Any) -> Any:
    """The value that a text means where `old` stood."""
    if isinstance(old, dict):
        inner = ", ".join(f"{key}.{name}" for name in list(old)[:3])
        raise ValidationFailed(f"{key} is a group of settings", hint=f"set one of it: {inner}")
    if isinstance(old, datetime.date | datetime.time):
        raise ValidationFailed(f"{key} is a date, which cannot be set so")
    if isinstance(old, list):
        return _list(key, text)
    value = settings.scalar(text)
    if isinstance(old, str):
        return None if text == "null" else text
    if isinstance(old, float) and isinstance(value, int) and not isinstance(value, bool):
        try:
            return float(value)
        except OverflowError:
            raise ValidationFailed(f"{key} cannot be as large as {text[:20]}…") from None
    return value


def _list(key: str, text: str) -> list[Any]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, list):
        raise ValidationFailed(f"{key} is a list", hint=f"write it as JSON: --set '{key}=[1, 2]'")
    return found
