"""The Python front door: the verbs of `api` with the project found for them.

A noun such as `git_datmo.snapshot` has every verb of `git_datmo.api.snapshot`; `task` is another
name of `run`. It takes the keywords of both eras of datmo: `filepaths` or `paths`, `env` for
environment files, `home` for the project's folder.
"""

from __future__ import annotations

import functools
import importlib
import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from git_datmo.api import location
from git_datmo.api.user import User
from git_datmo.config import Config
from git_datmo.errors import InvalidArgumentType, InvalidProjectPath, MutuallyExclusiveArguments
from git_datmo.model.artifact import Artifact
from git_datmo.model.environment import Environment
from git_datmo.model.fields import setting
from git_datmo.model.listing import Listing
from git_datmo.model.run import Run
from git_datmo.model.snapshot import Snapshot

_RUN: dict[str, tuple[str, ...]] = {
    "run": ("command", "env", "home", "gpu"),
    "ls": ("session_id", "filter", "home"),
    "inspect": ("run_id",),
    "logs": ("run_id",),
    "stop": ("run_id",),
    "delete": ("run_id",),
    "undelete": ("run_id",),
    "rerun": ("run_id",),
}

# Positional arguments of the verbs, in the order that datmo's manuals use.
POSITIONS: dict[str, tuple[str, ...]] = {
    "snapshot.create": ("message", "label"),
    "snapshot.ls": ("session_id", "filter"),
    "snapshot.inspect": ("snapshot_id",),
    "snapshot.diff": ("before_id", "after_id"),
    "snapshot.checkout": ("snapshot_id", "into"),
    "snapshot.update": ("snapshot_id", "config", "stats", "message", "label"),
    "snapshot.delete": ("snapshot_id",),
    "snapshot.undelete": ("snapshot_id",),
    "session.create": ("name",),
    "session.select": ("name",),
    "session.update": ("session_id", "name"),
    "session.delete": ("name",),
    "session.undelete": ("name",),
    "environment.setup": ("type", "framework", "language"),
    "environment.create": ("paths", "name", "description"),
    "environment.select": ("environment_id",),
    "environment.update": ("environment_id", "name", "description"),
    "environment.delete": ("environment_id",),
    "environment.undelete": ("environment_id",),
    "environment.ls": (),
    "environment.inspect": ("environment_id",),
    "environment.templates": (),
    "artifact.create": ("name", "paths"),
    "artifact.ls": ("name",),
    "artifact.inspect": ("artifact",),
    "artifact.get": ("artifact", "into", "path"),
    "artifact.diff": ("before", "after"),
    "artifact.update": ("artifact", "message", "label"),
    "artifact.delete": ("artifact",),
    "artifact.undelete": ("artifact",),
    "artifact.collections": (),
    "folder.put": ("id", "folder"),
    "folder.find": ("path",),
    "folder.ls": ("path",),
    "folder.make": ("path",),
    "gc.gc": (),
    "doctor.doctor": (),
    "lineage.lineage": ("id",),
    "curves.curves": ("metric", "ids"),
    "curves.series": ("run_id",),
    "plot.plot": ("metric", "ids"),
    "report.report": ("ids",),
    "verify.verify": ("ids",),
    "project.init": ("name", "description"),
    "remote.push": ("remote", "ids"),
    "remote.fetch": ("remote", "ids"),
    "remote.pull": ("remote", "ids"),
    "remote.show": ("remote",),
    "remote.clone": ("url", "directory"),
    **{f"run.{verb}": order for verb, order in _RUN.items()},
    **{f"task.{verb}": order for verb, order in _RUN.items()},
}
_MODULES = {"task": "run", "plot": "curves"}
_VERBS = {"plot.plot": "curves"}
_CLASSES: dict[str, dict[str, Any]] = {
    "snapshot": {"Snapshot": Snapshot},
    "run": {"Run": Run},
    "task": {"Task": Run},
    "environment": {"Environment": Environment},
    "artifact": {"Artifact": Artifact},
}
_NAMED = (
    *("snapshot_id", "before_id", "after_id", "run_id", "task_id", "environment_id"),
    *("artifact", "before", "after", "id"),
)


class Noun:
    """The verbs of one noun, as functions that find their project.

    `run(…)` and `task(…)` are short for `run.run(…)` and `task.run(…)`, `gc(…)` for `gc.gc(…)`,
    `lineage(…)` for `lineage.lineage(…)`, and so are `doctor(…)`, `verify(…)`, `curves(…)`,
    `plot(…)` and `report(…)`.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        vars(self).update(_CLASSES.get(name, {}))

    def __call__(self, *args: Any, **keywords: Any) -> Any:
        for verb in ("run", self._name):
            if f"{self._name}.{verb}" in POSITIONS:
                return getattr(self, verb)(*args, **keywords)
        raise TypeError(f"git_datmo.{self._name} is a noun: call one of its verbs")

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
    module = importlib.import_module(f"git_datmo.api.{_MODULES.get(noun, noun)}")
    target = getattr(module, _VERBS.get(title, verb))
    order = POSITIONS.get(title, ())

    @functools.wraps(target)
    def call(*args: Any, **keywords: Any) -> Any:
        if len(args) > len(order):
            raise TypeError(f"{title} takes at most {len(order)} positional arguments")
        for name, value in zip(order, args, strict=False):
            if name in keywords:
                raise TypeError(f"{title} got '{name}' twice")
            keywords[name] = value
        folder = _folder(keywords.pop("home", None))
        if title == "snapshot.create" or verb == "run":
            _older_names(keywords, variables=verb == "run")
        if isinstance(keywords.get("set"), Mapping):
            keywords["set"] = {key: _typed(value) for key, value in keywords["set"].items()}
        if "user" in (target.__kwdefaults__ or {}):
            keywords.setdefault("user", User(dict(os.environ), running=True, folder=folder))
        for name in _NAMED:
            if isinstance(keywords.get(name), Snapshot | Run | Environment | Artifact):
                keywords[name] = keywords[name].id
        if keywords.get("ids") is not None:
            some = keywords["ids"]
            several = some if isinstance(some, (list, tuple)) else (some,)
            keywords["ids"] = tuple(getattr(one, "id", one) for one in several)
        looks = _looks(keywords) if title == "plot.plot" else {}
        if title == "remote.clone":
            return target(None, folder=folder, **keywords)
        # A doctor wants to see it as it lies.
        project = (
            location.find_or_make(folder)[0]
            if title == "project.init"
            else location.find(folder, tidy=title != "doctor.doctor")
        )
        found = target(project, **keywords)
        if title == "plot.plot":
            from git_datmo.ui.plot import Plot

            return Plot(tuple(found), **looks)
        if title == "report.report":
            from git_datmo.ui.report.written import Written

            return Written.of(found)
        return Listing(found) if isinstance(found, list) else found

    return call


def _looks(keywords: dict[str, Any]) -> dict[str, Any]:
    """Take out what says how curves are to look. Raises QuerySyntaxError,
    MutuallyExclusiveArguments."""
    looks = {name: bool(keywords.pop(name, False)) for name in ("log_x", "log_y")}
    color_by, mean = keywords.pop("color_by", None), keywords.get("mean")
    if mean and color_by and setting(mean) != setting(color_by):
        raise MutuallyExclusiveArguments("mean and color_by exclude each other")
    by = mean or color_by
    return {**looks, "color_by": setting(by) if by else ()}


def _typed(value: object) -> str:
    """A value as somebody would type it: text as it is, `true`, `0.5`, `[1, 2]`."""
    return value if isinstance(value, str) else json.dumps(value, default=str)


def _older_names(keywords: dict[str, Any], *, variables: bool) -> None:
    """Understand `env` as datmo did: files that define the environment. Where a verb takes
    `variables` by that name, only one path is meant so.
    """
    env = keywords.pop("env", None)
    path = isinstance(env, os.PathLike) or (isinstance(env, str) and "=" not in env)
    if env is None:
        return
    if variables and not path:
        keywords["env"] = env
        return
    for other in ("environment_id", "environment_def", "environment_paths"):
        if keywords.get(other):
            raise MutuallyExclusiveArguments(f"env and {other} exclude each other")
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
