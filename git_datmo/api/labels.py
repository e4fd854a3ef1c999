"""The labels that are in use."""

from __future__ import annotations

from git_datmo.records import catalogue
from git_datmo.records.project import Project

LIMIT = 200


def labels(project: Project, *, kind: str, limit: int = LIMIT) -> list[str]:
    """The labels of what is not deleted of a kind (`run`, `snapshot`, `artifact`), sorted; at most
    `limit` of them. Raises ProjectNotInitialized."""
    project.require_known()
    return [label for label, _ in catalogue.refresh(project).tally(kind, ("label",), limit)]
