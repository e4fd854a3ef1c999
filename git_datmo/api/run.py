"""Runs: run, ls, count, inspect, logs, stop, delete, undelete, rerun, supervise.

Each verb lives in a module of its own and is imported when it is first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from git_datmo.api.adoption import supervise
    from git_datmo.api.repetition import rerun
    from git_datmo.api.request import run
    from git_datmo.api.runs import count, delete, inspect, logs, ls, stop, undelete

__all__ = [
    "count",
    "delete",
    "inspect",
    "logs",
    "ls",
    "rerun",
    "run",
    "stop",
    "supervise",
    "undelete",
]

_VERBS = {
    "count": "runs",
    "delete": "runs",
    "inspect": "runs",
    "logs": "runs",
    "ls": "runs",
    "rerun": "repetition",
    "run": "request",
    "stop": "runs",
    "supervise": "adoption",
    "undelete": "runs",
}


def __getattr__(name: str) -> Any:
    import importlib

    if name not in _VERBS:
        raise AttributeError(f"module 'git_datmo.api.run' has no attribute '{name}'")
    verb = getattr(importlib.import_module(f"git_datmo.api.{_VERBS[name]}"), name)
    globals()[name] = verb
    return verb
