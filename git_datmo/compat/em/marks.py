"""What was marked in a run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from git_datmo.model.frozen import frozen


@frozen
class Mark:
    """A resource that was marked as read (`used`) or made (`generated`), as it was given."""

    role: str
    resource: Any


def naming(association: Mapping[str, Any]) -> tuple[Any, ...]:
    """What makes two associations one: the name of an artifact, the place of anything else."""
    artifact = association.get("kind") == "Artifact"
    return tuple(
        association.get(key) for key in (("kind", "name") if artifact else ("kind", "id", "path"))
    )
