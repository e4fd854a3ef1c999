"""What keeps a run while its program goes on: the border between logging and the repository."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from git_datmo.model.run import Facts, Run
    from git_datmo.records.project import Project


class Recording(Protocol):
    """The keeping of a run: what `api.inline.start` gives."""

    @property
    def task(self) -> Path:
        """Its task directory."""

    @property
    def folder(self) -> Path:
        """Its own folder, with its log."""

    @property
    def id(self) -> str:
        """Its run id."""

    @property
    def project(self) -> Project:
        """Where it is recorded."""

    @property
    def facts(self) -> Facts:
        """What is known of it so far."""

    def update(
        self,
        *,
        message: str | None = None,
        label: str | None = None,
        labels: Sequence[str] | None = None,
        description: str | None = None,
    ) -> None:
        """Say otherwise what it is."""

    def finish(self, exit_code: int, reason: str | None) -> Run:
        """Record it."""
