"""A session: a named group of snapshots and runs."""

from __future__ import annotations

from git_datmo.model.frozen import frozen


@frozen
class Session:
    """A session. `current` says whether new snapshots here belong to it; `snapshots` counts."""

    id: str
    name: str
    current: bool
    snapshots: int
    created: int | None = None
