"""Snapshots: create, ls, count, inspect, diff, checkout, update, delete, undelete.

Each verb lives in a module of its own and is imported when it is first used, so that a listing
does not pay for what a capture needs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from git_datmo.api.changes import delete, update
    from git_datmo.api.comparison import diff
    from git_datmo.api.creation import create
    from git_datmo.api.listing import count, files, inspect, ls
    from git_datmo.api.restoration import checkout
    from git_datmo.api.undeletion import undelete

__all__ = [
    "checkout",
    "count",
    "create",
    "delete",
    "diff",
    "files",
    "inspect",
    "ls",
    "undelete",
    "update",
]

_VERBS = {
    "checkout": "restoration",
    "count": "listing",
    "create": "creation",
    "delete": "changes",
    "diff": "comparison",
    "files": "listing",
    "inspect": "listing",
    "ls": "listing",
    "undelete": "undeletion",
    "update": "changes",
}


def __getattr__(name: str) -> Any:
    import importlib

    if name not in _VERBS:
        raise AttributeError(f"module 'git_datmo.api.snapshot' has no attribute '{name}'")
    verb = getattr(importlib.import_module(f"git_datmo.api.{_VERBS[name]}"), name)
    globals()[name] = verb
    return verb
