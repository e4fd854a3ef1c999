"""What runs and artifacts have in common: the texts that metadata.yaml says of them."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from git_datmo.compat.em import place

if TYPE_CHECKING:
    from git_datmo.records.project import Project


class Named:
    """Something with a name, labels and a description; `_metadata` is `to_dict()` without kind."""

    _kind: ClassVar[str]
    _metadata: dict[str, Any]
    _home: Path

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
    def alternative_name(self) -> str:
        """The name that only it has."""
        return str(self._metadata["alternativeName"])

    @property
    def remote(self) -> list[dict[str, Any]]:
        """The uploads and downloads of it that this machine knows of."""
        found: list[dict[str, Any]] = self._metadata["remote"]
        return found

    def to_dict(self) -> dict[str, Any]:
        """What is known of it, as metadata.yaml has it: no parameters, points or objects."""
        return {"kind": self._kind, **copy.deepcopy(self._metadata)}

    def _project(self) -> Project | None:
        return place.project(self._home)
