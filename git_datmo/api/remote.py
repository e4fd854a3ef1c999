"""Sharing: push, fetch, pull, clone, and what is known of the remotes."""

from __future__ import annotations

from git_datmo.api.cloning import clone
from git_datmo.api.delivery import deliver
from git_datmo.api.fetching import fetch
from git_datmo.api.pushing import push
from git_datmo.api.remotes import having, names, show
from git_datmo.api.tracking import default_remote

__all__ = [
    "clone",
    "default_remote",
    "deliver",
    "fetch",
    "having",
    "names",
    "pull",
    "push",
    "show",
]

# There is nothing to merge: what all wrote is put together when it is read.
pull = fetch
