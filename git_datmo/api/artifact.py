"""Artifacts: create, ls, inspect, get, diff, update, delete, undelete, collections,
count, tally.

Each verb lives in a module of its own and is imported when it is first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from git_datmo.api.artifact_changes import delete, undelete, update
    from git_datmo.api.artifact_comparison import diff
    from git_datmo.api.artifact_listing import collections, count, inspect, ls, tally
    from git_datmo.api.artifact_making import create
    from git_datmo.api.artifact_views import get

__all__ = [
    "collections",
    "count",
    "create",
    "delete",
    "diff",
    "get",
    "inspect",
    "ls",
    "tally",
    "undelete",
    "update",
]

_VERBS = {
    "collections": "artifact_listing",
    "count": "artifact_listing",
    "create": "artifact_making",
    "delete": "artifact_changes",
    "diff": "artifact_comparison",
    "get": "artifact_views",
    "inspect": "artifact_listing",
    "ls": "artifact_listing",
    "tally": "artifact_listing",
    "undelete": "artifact_changes",
    "update": "artifact_changes",
}


def __getattr__(name: str) -> Any:
    import importlib

    if name not in _VERBS:
        raise AttributeError(f"module 'git_datmo.api.artifact' has no attribute '{name}'")
    verb = getattr(importlib.import_module(f"git_datmo.api.{_VERBS[name]}"), name)
    globals()[name] = verb
    return verb
