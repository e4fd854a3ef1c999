"""What metadata.yaml says of a run, as attributes."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from git_datmo.compat.em import facts, layout, place
from git_datmo.compat.em.facts import KEYS

if TYPE_CHECKING:
    from git_datmo.records.project import Project


class Described:
    """The part of a run that is text: who it is, when it was, how it stands."""

    def __init__(self, metadata: Mapping[str, Any]) -> None:
        self._metadata: dict[str, Any] = {}
        self.parse_from_dict(metadata)

    @property
    def name(self) -> str:
        """The name that it was given."""
        return str(self._metadata["name"])

    @property
    def labels(self) -> list[str]:
        """Its labels."""
        return list(self._metadata["labels"])

    @property
    def description(self) -> str:
        """What it is, in words."""
        return str(self._metadata["description"])

    @property
    def start_timestamp(self) -> str | None:
        """When it began: local ISO time with its offset from UTC."""
        return self._metadata["startTimestamp"]  # type: ignore[no-any-return]

    @property
    def end_timestamp(self) -> str | None:
        """When it ended, in the same form; None before."""
        return self._metadata["endTimestamp"]  # type: ignore[no-any-return]

    @property
    def status(self) -> str:
        """`Running`, `Complete` or `Error`."""
        return str(self._metadata["status"])

    @property
    def alternative_name(self) -> str:
        """The name that only it has."""
        return str(self._metadata["alternativeName"])

    @property
    def associations(self) -> dict[str, list[dict[str, Any]]]:
        """What it read and made: `inputs` and `outputs`, a copy."""
        return copy.deepcopy(dict(self._metadata["associations"]))

    asso = associations

    @property
    def remote(self) -> list[dict[str, Any]]:
        """The uploads and downloads of it that this machine knows of."""
        found: list[dict[str, Any]] = self._metadata["remote"]
        return found

    def to_dict(self) -> dict[str, Any]:
        """What is known of it but its parameters and points, as metadata.yaml has it."""
        return {"kind": "Run", **copy.deepcopy(self._metadata)}

    def parse_from_dict(self, data: Mapping[str, Any]) -> None:
        """Take over what `to_dict` gave. Raises KeyError when something is missing."""
        found = {key: copy.deepcopy(data[key]) for key in KEYS}
        found["labels"] = layout.labels_of(found["labels"])
        found["associations"] = facts.associations(found["associations"])
        found["remote"] = list(found["remote"] or ())
        self._metadata = found

    def __repr__(self) -> str:
        return f"<Run {self.alternative_name} {self.status}>"

    def _project(self) -> Project | None:
        return place.project()
