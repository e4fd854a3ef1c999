"""A project as its users see it, and what init, cleanup, fsck and status report."""

from __future__ import annotations

from git_datmo.model.frozen import field, frozen
from git_datmo.model.pointer import Pointer
from git_datmo.model.run import Run
from git_datmo.model.snapshot import Snapshot


@frozen
class ProjectInfo:
    """Name and description of a project; `id` is the same in every clone that shares refs."""

    id: str
    name: str
    description: str
    path: str


@frozen
class Initialized:
    """What `init` did: `created` is False for a project that was there; `steps` in words."""

    project: ProjectInfo
    created: bool
    steps: tuple[str, ...]
    manual: tuple[str, ...]


@frozen
class Status:
    """Where the work tree stands.

    `current` is the snapshot you are on; `unsaved` maps code, environment and files to the
    paths that differ from it. `running` are the runs that have not been recorded yet.
    """

    project: ProjectInfo
    session: str
    current: Snapshot | None
    unsaved: dict[str, list[str]]
    latest_user: Snapshot | None
    latest_automatic: Snapshot | None
    warnings: tuple[str, ...] = ()
    running: tuple[Run, ...] = ()

    @property
    def clean(self) -> bool:
        return self.current is not None and not any(self.unsaved.values())


@frozen
class Finding:
    """One thing that is wrong: what, where, which snapshots it touches, and what helps."""

    kind: str
    subject: str
    message: str
    snapshots: tuple[str, ...] = ()


@frozen
class Loss:
    """Content that is `damaged`, or not here; `elsewhere` says that a remote has it.

    `path` is one of its names, `objects` are the ids of all that refer to it.
    """

    pointer: Pointer
    path: str
    damaged: bool
    elsewhere: bool
    objects: tuple[str, ...]


@frozen
class Health:
    """What fsck found. `checked` counts what was looked at; `losses` are the findings about
    stored content."""

    findings: tuple[Finding, ...]
    checked: dict[str, int] = field(default_factory=dict)
    losses: tuple[Loss, ...] = ()

    @property
    def ok(self) -> bool:
        return not self.findings


@frozen
class Exchange:
    """What a push, fetch or pull did, or with `dry_run` would do.

    `updates` are the refs that moved, as (ref, object before, object after), with None for a ref
    that was not there, or is no more; `missing` names content that no remote has, `notices` are
    remarks in sentences. Sizes are in bytes.
    """

    remote: str
    refs: int
    content_files: int
    content_bytes: int
    missing: tuple[str, ...] = ()
    notices: tuple[str, ...] = ()
    updates: tuple[tuple[str, str | None, str | None], ...] = ()
    dry_run: bool = False
