"""git-datmo: experiments as git objects.

    import git_datmo as datmo

    datmo.snapshot.create(message="baseline", config={"lr": 0.1}, stats={"accuracy": 0.93})
    best = datmo.snapshot.ls(sort="-stats.accuracy", limit=1)[0]
    done = datmo.run(["python", "train.py"], timeout="2h")

`snapshot`, `run` (also called `task`), `session`, `environment`, `artifact`, `project` and `remote`
have the verbs of the command line, with the same keywords; `gc()` frees space, `doctor()` mends,
`verify(id)` checks signature and content, and `lineage(id)` tells what came of what;
`curves("loss")` are curves of metrics, `plot("loss")` draws them, `report(ids)` reports on runs;
`folder` has what t9k's folders do. The project is the one around the current directory, or around
`home=`. What is not used is not imported.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from git_datmo.version import __version__

if TYPE_CHECKING:
    from git_datmo import errors, logger
    from git_datmo.compat import em
    from git_datmo.config import Config
    from git_datmo.logger import Logger
    from git_datmo.model.artifact import Artifact
    from git_datmo.model.run import Run, Task
    from git_datmo.model.session import Session
    from git_datmo.model.snapshot import Snapshot
    from git_datmo.sdk import Noun
    from git_datmo.tracking.run import log, log_config, log_result, start_run

    snapshot: Noun
    run: Noun
    task: Noun
    session: Noun
    environment: Noun
    artifact: Noun
    project: Noun
    remote: Noun
    gc: Noun
    doctor: Noun
    lineage: Noun
    folder: Noun
    curves: Noun
    plot: Noun
    report: Noun
    verify: Noun

__all__ = [
    "Artifact",
    "Config",
    "Logger",
    "Run",
    "Session",
    "Snapshot",
    "Task",
    "__version__",
    "artifact",
    "curves",
    "doctor",
    "em",
    "environment",
    "errors",
    "folder",
    "gc",
    "lineage",
    "log",
    "log_config",
    "log_result",
    "logger",
    "plot",
    "project",
    "remote",
    "report",
    "run",
    "session",
    "snapshot",
    "start_run",
    "task",
    "verify",
]

_NOUNS = frozenset(
    {"snapshot", "run", "task", "session", "environment", "artifact", "project", "remote", "gc"}
    | {"lineage", "folder", "curves", "plot", "report", "doctor", "verify"}
)
_CLASSES = {
    "Artifact": "git_datmo.model.artifact",
    "Config": "git_datmo.config",
    "Logger": "git_datmo.logger",
    "Run": "git_datmo.model.run",
    "Session": "git_datmo.model.session",
    "Snapshot": "git_datmo.model.snapshot",
    "Task": "git_datmo.model.run",
    "log": "git_datmo.tracking.run",
    "log_config": "git_datmo.tracking.run",
    "log_result": "git_datmo.tracking.run",
    "start_run": "git_datmo.tracking.run",
}


def __getattr__(name: str) -> Any:
    import importlib

    if name in _NOUNS:
        value: Any = importlib.import_module("git_datmo.sdk").Noun(name)
    elif name in _CLASSES:
        value = getattr(importlib.import_module(_CLASSES[name]), name)
    elif name == "em":
        value = importlib.import_module("git_datmo.compat.em")
    elif name in ("errors", "logger"):
        value = importlib.import_module(f"git_datmo.{name}")
    else:
        raise AttributeError(f"module 'git_datmo' has no attribute '{name}'")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
