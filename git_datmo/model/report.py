"""A report: some runs and snapshots, what they gave, and how they differ, as one value."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from git_datmo.model.curve import Curve
from git_datmo.model.diff import SnapshotDiff
from git_datmo.model.frozen import field, frozen

RUN: Final = "run"
SNAPSHOT: Final = "snapshot"
COMMIT: Final = "commit"


@frozen
class Item:
    """One run, snapshot, or (as a base alone) commit that nothing was recorded of.

    `command` is a run's, where it has one, `message` what its maker said. `results` is what came
    of it: stats and printed results, or the last values of its metrics as `type/name` where it has
    neither.
    `created` is in milliseconds since 1970, `duration` in seconds. `state_id` is the snapshot that
    it stands for: the one that a run began from; `tree` that one's git tree. What is not known is
    None or empty.
    """

    kind: str
    id: str
    title: str
    command: str = ""
    message: str = ""
    status: str | None = None
    created: int | None = None
    duration: float | None = None
    author: str = ""
    session: str = ""
    config: Mapping[str, Any] = field(default_factory=dict)
    results: Mapping[str, Any] = field(default_factory=dict)
    platform: Mapping[str, Any] = field(default_factory=dict)
    state_id: str | None = None
    tree: str | None = None
    environment_id: str | None = None

    @property
    def about(self) -> str:
        """What else there is to say of it in a line: its command, or the start of its message."""
        text = self.command or self.message.strip().partition("\n")[0]
        return "" if text == self.title else text


@frozen
class Difference:
    """How the states of some `items` (ids), which are one, differ from the state of another.

    What of it concerns config and stats is left to the items.
    """

    items: tuple[str, ...]
    diff: SnapshotDiff


@frozen
class Equipment:
    """What some `items` (ids) ran in: an environment's id, kind, packages of its interpreter and
    files, each with its text."""

    items: tuple[str, ...]
    id: str
    kind: str
    name: str | None = None
    packages: tuple[str, ...] = ()
    files: tuple[tuple[str, str], ...] = ()


@frozen
class Report:
    """What is to be said of `items`.

    `base` is what they are compared to, where that was asked for, by `base_name`; `reference` whose
    state the `differences` are to: the base, else the first item. `made` is in milliseconds since
    1970. `notices` say what is missing, and which command brings it.
    """

    title: str
    project: str
    made: int
    items: tuple[Item, ...]
    base: Item | None = None
    base_name: str | None = None
    reference: Item | None = None
    curves: tuple[Curve, ...] = ()
    differences: tuple[Difference, ...] = ()
    equipment: tuple[Equipment, ...] = ()
    notices: tuple[str, ...] = ()

    @property
    def compared(self) -> tuple[Item, ...]:
        """The base, if there is one, and the items."""
        return self.items if self.base is None else (self.base, *self.items)
