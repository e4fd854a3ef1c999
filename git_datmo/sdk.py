"""The Python front door: the verbs of `api` with the project found for them.

A noun such as `git_datmo.snapshot` has every verb of `git_datmo.api.snapshot`. It takes the
keywords of both eras of datmo: `filepaths` or `paths`, `env` for environment files, `home` for
the project's folder.
"""

from __future__ import annotations

import functools
import importlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from git_datmo.api import location
from git_datmo.api.surroundings import User
from git_datmo.config import Config
from git_datmo.errors import InvalidArgumentType, InvalidProjectPath, MutuallyExclusiveArguments
from git_datmo.model.listing import Listing
from git_datmo.model.snapshot import Snapshot

# Positional arguments of the verbs, in the order that datmo's manuals use.
POSITIONS: dict[str, tuple[str, ...]] = {
    "snapshot.create": ("message", "label"),
    "snapshot.ls": ("session_id", "filter"),
    "snapshot.inspect": ("snapshot_id",),
    "snapshot.diff": ("before_id", "after_id"),
    "snapshot.checkout": ("snapshot_id", "into"),
    "snapshot.update": ("snapshot_id", "config", "stats", "message", "label"),
    "snapshot.delete": ("snapshot_id",),
    "session.create": ("name",),
    "session.select": ("name",),
    "session.update": ("session_id", "name"),
    "session.delete": ("name",),
    "project.init": ("name", "description"),
    "remote.push": ("remote",),
    "remote.fetch": ("remote",),
    "remote.pull": ("remote",),
}
_WITH_USER = frozenset({"snapshot.create", "snapshot.checkout", "project.status"})


class Noun:
    """The verbs of one noun, as functions that find their project."""

    def __init__(self, name: str) -> None:
        self._name = name
        if name == "snapshot":
            self.Snapshot = Snapshot

    def __getattr__(self, verb: str) -> Callable[..., Any]:
        title = f"{self._name}.{verb}"
        if title not in POSITIONS and title != "project.status" and title != "session.ls":
            raise AttributeError(f"git_datmo.{self._name} has no '{verb}'")
        function = _bind(title)
        setattr(self, verb, function)
        return function

    def __dir__(self) -> list[str]:
        prefix = self._name + "."
        return sorted(t.removeprefix(prefix) for t in POSITIONS if t.startswith(prefix))

    def __repr__(self) -> str:
        return f"<git_datmo.{self._name}>"


def _bind(title: str) -> Callable[..., Any]:
    noun, _, verb = title.partition(".")
    target = getattr(importlib.import_module(f"git_datmo.api.{noun}"), verb)
    order = POSITIONS.get(title, ())

    @functools.wraps(target)
    def call(*args: Any, home: str | os.PathLike[str] | None = None, **keywords: Any) -> Any:
        if len(args) > len(order):
            raise TypeError(f"{title} takes at most {len(order)} positional arguments")
        for name, value in zip(order, args, strict=False):
            if name in keywords:
                raise TypeError(f"{title} got '{name}' twice")
            keywords[name] = value
        if title == "snapshot.create":
            _older_names(keywords)
        folder = _folder(home)
        if title in _WITH_USER:
            keywords.setdefault("user", User(dict(os.environ), running=True, folder=folder))
        for name in ("snapshot_id", "before_id", "after_id"):
            if isinstance(keywords.get(name), Snapshot):
                keywords[name] = keywords[name].id
        project = (
            location.find_or_make(folder)[0] if title == "project.init" else location.find(folder)
        )
        found = target(project, **keywords)
        return Listing(found) if isinstance(found, list) else found

    return call


def _older_names(keywords: dict[str, Any]) -> None:
    env = keywords.pop("env", None)
    if env is None:
        return
    if keywords.get("environment_paths") or keywords.get("environment_id"):
        raise MutuallyExclusiveArguments("env and environment_paths exclude each other")
    if isinstance(env, (str, os.PathLike)):
        keywords["environment_def"] = os.fspath(env)
    elif isinstance(env, (list, tuple)):
        keywords["environment_paths"] = tuple(env)
    else:
        raise InvalidArgumentType(f"env is a path or a list of paths, not {type(env).__name__}")


def _folder(home: str | os.PathLike[str] | None) -> Path:
    folder = Path(home) if home is not None else Path(Config().home)
    if not folder.is_dir():
        raise InvalidProjectPath(f"home is not a folder: {folder}")
    return folder
