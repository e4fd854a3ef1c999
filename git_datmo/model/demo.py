"""What the demo does and leaves behind."""

from __future__ import annotations

from git_datmo.model.frozen import frozen
from git_datmo.model.snapshot import Snapshot


@frozen
class Step:
    """One thing the demo did: in words, as the command to type, and what came of it.

    `shown` is text, a snapshot, a list of them, or a SnapshotDiff; None when there is nothing.
    """

    says: str
    command: str = ""
    shown: object = None


@frozen
class Demonstration:
    """A finished demo: `directory` is absolute, `best` is one of `snapshots`."""

    directory: str
    snapshots: tuple[Snapshot, ...]
    best: Snapshot
    steps: tuple[Step, ...]
