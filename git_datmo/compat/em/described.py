"""What metadata.yaml says of a run, as attributes."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from git_datmo.compat.em import facts, layout, place
from git_datmo.compat.em.facts import KEYS
from git_datmo.compat.em.named import Named


class Described(Named):
    """The part of a run that is text: who it is, when it was, how it stands."""

    _kind = "Run"

    def __init__(self, metadata: Mapping[str, Any]) -> None:
        self._metadata: dict[str, Any] = {}
        # Where the script goes later does not move what it has begun.
        self._home = place.home().absolute()
        self.parse_from_dict(metadata)

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
    def associations(self) -> dict[str, list[dict[str, Any]]]:
        """What it read and made: `inputs` and `outputs`, a copy."""
        return copy.deepcopy(dict(self._metadata["associations"]))

    asso = associations

    def parse_from_dict(self, data: Mapping[str, Any]) -> None:
        """Take over what `to_dict` gave. Raises KeyError when something is missing."""
        found = {key: copy.deepcopy(data[key]) for key in KEYS}
        found["labels"] = layout.labels_of(found["labels"])
        found["associations"] = facts.associations(found["associations"])
        found["remote"] = list(found["remote"] or ())
        self._metadata = found

    def __repr__(self) -> str:
        return f"<Run {self.alternative_name} {self.status}>"
