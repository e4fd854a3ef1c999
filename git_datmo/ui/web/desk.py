"""Where pages get their project from."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from git_datmo.api import location
from git_datmo.errors import NotARepository, ProjectNotInitialized

if TYPE_CHECKING:
    from starlette.requests import Request

    from git_datmo.records.project import Project


class Gone(NotARepository):
    """The repository was deleted or moved while its pages were open."""

    hint = "start 'git datmo ui' where it is now"


class Desk:
    """One repository, opened anew for each request: what others recorded meanwhile is seen."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def project(self) -> Project:
        """The project. Raises Gone, ProjectNotInitialized."""
        if not self.folder.is_dir():
            raise Gone(f"{self.folder} is not there any more")
        try:
            # Who only looks sets no refs in order.
            found = location.find(self.folder, tidy=False)
        except NotARepository as error:
            raise Gone(f"{self.folder} is no git repository any more") from error
        if not found.known:
            raise ProjectNotInitialized(f"{self.folder} is not a git-datmo project any more")
        return found


def project_of(request: Request) -> Project:
    """The project that a request is about."""
    desk: Desk = request.app.state.desk
    return desk.project()
