"""A snapshot as its users hold it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import IO, Any

from git_datmo.errors import InvalidArgumentType
from git_datmo.model.frozen import field, frozen

Opener = Callable[[str], "list[IO[Any]]"]


@frozen
class Facts:
    """What is stored of a snapshot. `created` is in milliseconds since 1970."""

    id: str
    created: int
    tree: str
    code_id: str
    environment_id: str
    file_collection_id: str
    parent: str | None
    author: str
    message: str = ""
    label: str | None = None
    session_id: str = ""
    session: str = ""
    model_id: str = ""
    visible: bool = True
    deleted: bool = False
    config: Mapping[str, Any] = field(default_factory=dict)
    stats: Mapping[str, Any] = field(default_factory=dict)


class Snapshot:
    """One snapshot: code, environment, files, config and stats, recorded together.

    `config` and `stats` are dictionaries; `session_id` and `model_id` name the session and the
    project; `code_id`, `environment_id` and `file_collection_id` are ids of git trees. Two
    snapshots are equal when their ids are. Raises InvalidArgumentType for anything but `Facts`.
    """

    def __init__(
        self,
        facts: Facts | None = None,
        *,
        opener: Opener | None = None,
        maker: Callable[[], str | None] | None = None,
        is_new: bool = False,
        recorded: tuple[str, ...] = (),
        notices: tuple[str, ...] = (),
        **wrong: object,
    ) -> None:
        if wrong or not isinstance(facts, Facts):
            given = ", ".join(wrong) or type(facts).__name__
            raise InvalidArgumentType(
                f"a Snapshot is made from what is stored, not from {given}",
                hint="use snapshot.create, snapshot.ls or snapshot.inspect",
            )
        self._facts = facts
        self._opener = opener
        self._maker = maker
        # Whether this call made it, which fields it changed on one that was there, and what
        # the maker should know (what was left out, say).
        self.is_new = is_new
        self.recorded = recorded
        self.notices = notices

    def __getattr__(self, name: str) -> Any:
        # Reached only for what is not set above: the stored fields.
        if name.startswith("_"):
            raise AttributeError(name)
        try:
            return getattr(self._facts, name)
        except AttributeError:
            raise AttributeError(f"a Snapshot has no attribute '{name}'") from None

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *Facts.__dataclass_fields__]

    @property
    def task_id(self) -> str | None:
        """The id of the run that left this state, None when no run did."""
        return self._maker() if self._maker is not None else None

    @property
    def created_at(self) -> datetime:
        """When it was made, with its time zone (UTC)."""
        return datetime.fromtimestamp(self._facts.created / 1000, tz=UTC)

    @property
    def config(self) -> dict[str, Any]:
        """The configuration, a copy."""
        return dict(self._facts.config)

    @property
    def stats(self) -> dict[str, Any]:
        """The results, a copy."""
        return dict(self._facts.stats)

    @property
    def files(self) -> list[IO[Any]]:
        """Its files (large, untracked or named ones), opened for reading as text."""
        return self.get_files()

    def get_files(self, mode: str = "r") -> list[IO[Any]]:
        """Its files, opened with `mode` (`r` or `rb`); each has a `name`, its path.

        Raises InvalidArgumentType for a mode that writes, ContentMissing when content is not
        here and no remote has it.
        """
        if mode not in ("r", "rt", "rb"):
            raise InvalidArgumentType(
                f"a snapshot's files can be read only, not opened as {mode!r}"
            )
        return self._opener(mode) if self._opener is not None else []

    def to_dict(self) -> dict[str, Any]:
        """Every stored field, as plain values."""
        fields = {name: getattr(self._facts, name) for name in Facts.__dataclass_fields__}
        return {**fields, "task_id": self.task_id}

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Snapshot) and other._facts.id == self._facts.id

    def __hash__(self) -> int:
        return hash(self._facts.id)

    def __repr__(self) -> str:
        return f"<Snapshot {self._facts.id[:12]} {self._facts.message.partition(chr(10))[0]!r}>"

    def __str__(self) -> str:
        facts = self._facts
        rows = [
            ("Session", facts.session),
            ("Visible", facts.visible),
            ("Code", facts.code_id),
            ("Environment", facts.environment_id),
            ("Files", facts.file_collection_id),
            ("Config", dict(facts.config)),
            ("Stats", dict(facts.stats)),
        ]
        label = f" (label: {facts.label})" if facts.label else ""
        date = f"{self.created_at:%a %b %d %H:%M:%S %Y %z}"
        lines = [f"snapshot {facts.id}{label}", f"Date: {date}", ""]
        lines += [f"{name:<12}-> {value}" for name, value in rows]
        lines += ["", *(f"    {line}" for line in facts.message.splitlines())]
        return "\n".join(lines) + "\n"

    def _repr_html_(self) -> str:
        from git_datmo.model import notebook

        return notebook.of_snapshot(self)
