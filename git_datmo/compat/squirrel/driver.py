"""squirrel's driver of directories, for those that are made when they are first read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from git_datmo.compat.squirrel import view

if TYPE_CHECKING:
    from git_datmo.compat.squirrel.catalog import DirectoryDriver as Driver
else:
    from squirrel.artifact_manager.drivers import DirectoryDriver as Driver


class DirectoryDriver(Driver):
    """The files below a folder as bytes, by relative path. A view of an artifact that is not there
    yet is made; any other folder is read as squirrel reads it.

    Raises ArtifactNotFound, NotARepository, ContentMissing for a view that cannot be made.
    """

    name = "directory"

    def __init__(self, url: str, **options: Any) -> None:
        view.restore(url)
        super().__init__(url=url, **options)
