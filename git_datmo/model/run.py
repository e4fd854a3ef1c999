"""A run as its users hold it: one task walked from a snapshot to the next."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from typing import IO, Any

from git_datmo.errors import InvalidArgumentType
from git_datmo.model.frozen import field, frozen

PREPARING, RUNNING = "preparing", "running"
SUCCESS, FAILED, STOPPED = "success", "failed", "stopped"
TIMEOUT, OOM, LOST = "timeout", "oom", "lost"
ENDED = frozenset({SUCCESS, FAILED, STOPPED, TIMEOUT, OOM, LOST})

SCRIPT, INLINE = "script", "inline"

Opener = Callable[[str], "list[IO[Any]]"]


@frozen
class Resources:
    """What a task was granted. None: the runner's default.

    `gpus` is `all`, a number, or device ids joined by commas; `memory` is in bytes; `cpus` may be
    a fraction; `network` is `none`, `bridge`, `host` or a network's name; `ports` are
    `[address:]host:container` or one number; `timeout` is in seconds.
    """

    gpus: str | None = None
    memory: int | None = None
    cpus: float | None = None
    network: str | None = None
    ports: tuple[str, ...] = ()
    timeout: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """What was asked for, without what was not."""
        return {name: value for name, value in asdict(self).items() if value not in (None, ())}


@frozen
class Facts:
    """What is known of a run. Times are in milliseconds since 1970, `duration` in seconds.

    `commit` is None while it runs. `results` are what it printed as `key: value` or stated in its
    `stats.json`, `stats` and `config` what the snapshot after it has, `metrics` the last value of
    each series by type. `outputs` are the paths it changed, `skipped` what of them could not be
    recorded.

    `used` and `generated` are the artifacts and other resources that it read and made: `kind` and
    `id`, for an artifact `collection`, `name` and `version` too. `continues` is the run that this
    one goes on with; `alternative_name` names it like its id.
    """

    id: str
    commit: str | None = None
    model_id: str = ""
    session_id: str = ""
    session: str = ""
    type: str = SCRIPT
    command: tuple[str, ...] = ()
    folder: str = ""
    status: str = PREPARING
    exit_code: int | None = None
    signal: int | None = None
    reason: str | None = None
    created: int = 0
    started: int | None = None
    ended: int | None = None
    duration: float | None = None
    runner: str = ""
    environment_id: str | None = None
    built: Mapping[str, Any] = field(default_factory=dict)
    before_id: str | None = None
    after_id: str | None = None
    rerun_of: str | None = None
    resources: Mapping[str, Any] = field(default_factory=dict)
    variables: Mapping[str, str | None] = field(default_factory=dict)
    data: tuple[str, ...] = ()
    config: Mapping[str, Any] = field(default_factory=dict)
    stats: Mapping[str, Any] = field(default_factory=dict)
    results: Mapping[str, Any] = field(default_factory=dict)
    metrics: Mapping[str, Any] = field(default_factory=dict)
    outputs: tuple[str, ...] = ()
    skipped: tuple[str, ...] = ()
    alternative_name: str | None = None
    labels: tuple[str, ...] = ()
    description: str = ""
    used: tuple[Mapping[str, Any], ...] = ()
    generated: tuple[Mapping[str, Any], ...] = ()
    continues: str | None = None
    author: str = ""
    git: Mapping[str, Any] = field(default_factory=dict)
    platform: Mapping[str, Any] = field(default_factory=dict)
    message: str = ""
    label: str | None = None
    visible: bool = True
    deleted: bool = False


class Run:
    """One run: its command, how it ended, and the snapshots before and after.

    Every field of `Facts` is an attribute. `notices` is what its maker should know (what was left
    out, what was not put back), `applied` the paths written into the user's work tree.
    Two runs are equal when their ids are. Raises InvalidArgumentType for anything but `Facts`.
    """

    def __init__(
        self,
        facts: Facts | None = None,
        *,
        opener: Opener | None = None,
        reader: Callable[[str], bytes] | None = None,
        nearby: Callable[[str], bytes] | None = None,
        notices: tuple[str, ...] = (),
        applied: tuple[str, ...] = (),
        **wrong: object,
    ) -> None:
        if wrong or not isinstance(facts, Facts):
            given = ", ".join(wrong) or type(facts).__name__
            raise InvalidArgumentType(
                f"a Run is made from what is stored, not from {given}",
                hint="use run.run, run.ls or run.inspect",
            )
        self._facts = facts
        self._opener = opener
        self._reader = reader
        # The same, of what is in this clone: nothing is fetched.
        self._nearby = nearby or reader
        self.notices = notices
        self.applied = applied

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        try:
            return getattr(self._facts, name)
        except AttributeError:
            raise AttributeError(f"a Run has no attribute '{name}'") from None

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *Facts.__dataclass_fields__]

    @property
    def text(self) -> str:
        """The command as one would type it."""
        return command_text(self._facts.command)

    @property
    def is_running(self) -> bool:
        """Whether it has not ended yet."""
        return self._facts.status not in ENDED

    @property
    def created_at(self) -> datetime:
        """When it was asked for (UTC)."""
        return _time(self._facts.created)

    @property
    def start_time(self) -> datetime | None:
        """When its command was started (UTC)."""
        return None if self._facts.started is None else _time(self._facts.started)

    @property
    def end_time(self) -> datetime | None:
        """When it ended (UTC)."""
        return None if self._facts.ended is None else _time(self._facts.ended)

    @property
    def before_snapshot_id(self) -> str | None:
        """The snapshot it started from."""
        return self._facts.before_id

    @property
    def after_snapshot_id(self) -> str | None:
        """The snapshot that holds what it left."""
        return self._facts.after_id

    @property
    def logs(self) -> str:
        """What it has printed, both streams in the order they came."""
        return self.read("log").decode("utf-8", "replace")

    def read(self, name: str, *, fetch: bool = True) -> bytes:
        """One part of its record: `log`, `system.jsonl`, `metrics/<type>.jsonl`.

        Without `fetch` no remote is asked for what is not here. Raises ContentMissing.
        """
        reader = self._reader if fetch else self._nearby
        return reader(name) if reader is not None else b""

    @property
    def files(self) -> list[IO[Any]]:
        """The files of the snapshot after it, opened for reading as text."""
        return self.get_files()

    def get_files(self, mode: str = "r") -> list[IO[Any]]:
        """The files of the snapshot after it, opened with `mode` (`r` or `rb`)."""
        if mode not in ("r", "rt", "rb"):
            raise InvalidArgumentType(f"a run's files can be read only, not opened as {mode!r}")
        return self._opener(mode) if self._opener is not None else []

    def to_dict(self) -> dict[str, Any]:
        """Every stored field, as plain values."""
        return {name: getattr(self._facts, name) for name in Facts.__dataclass_fields__}

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Run) and other._facts.id == self._facts.id

    def __hash__(self) -> int:
        return hash(self._facts.id)

    def __repr__(self) -> str:
        return f"<Run {self._facts.id[:12]} {self._facts.status} {self.text!r}>"

    def __str__(self) -> str:
        facts = self._facts
        rows = [
            ("Command", self.text),
            ("Status", facts.status),
            ("Exit code", facts.exit_code),
            ("Duration", None if facts.duration is None else f"{facts.duration:.1f} s"),
            ("Runner", facts.runner),
            ("Before", facts.before_id),
            ("After", facts.after_id),
            ("Results", dict(facts.results)),
        ]
        lines = [f"run {facts.id}", f"Date: {self.created_at:%a %b %d %H:%M:%S %Y %z}", ""]
        lines += [f"{name:<12}-> {value}" for name, value in rows if value not in (None, "")]
        return "\n".join(lines) + "\n"

    def _repr_html_(self) -> str:
        from git_datmo.model import notebook

        return notebook.of_run(self)


Task = Run


def command_text(command: tuple[str, ...]) -> str:
    """An argument list as a shell would take it; one that a shell runs as that text itself."""
    if len(command) == 3 and command[:2] == ("sh", "-c"):
        return command[2]
    return shlex.join(command)


def _time(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, tz=UTC)
