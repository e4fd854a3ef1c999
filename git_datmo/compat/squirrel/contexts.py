"""Folders for the time of a `with`: one to read an artifact in, one to fill for a version."""

from __future__ import annotations

import logging
import tempfile
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from git_datmo.errors import DatmoError

if TYPE_CHECKING:
    from git_datmo.compat.squirrel.base import ArtifactManager

logger = logging.getLogger(__name__)

PARTIAL = "partial"


class Reading:
    """`with` gives the folder that the artifact was downloaded to, and removes it at the end. It
    can be entered again."""

    def __init__(
        self,
        artifact_manager: ArtifactManager,
        collection: str,
        artifact: str,
        version: str | None,
    ) -> None:
        self.artifact_manager = artifact_manager
        self.collection = collection
        self.artifact = artifact
        self.version = version
        self._folders: list[tempfile.TemporaryDirectory[str]] = []

    def __enter__(self) -> Path:
        folder = tempfile.TemporaryDirectory(prefix="artifact-")
        try:
            self.artifact_manager.download_artifact(
                self.artifact, self.collection, self.version, Path(folder.name)
            )
        except BaseException:
            folder.cleanup()
            raise
        self._folders.append(folder)
        return Path(folder.name, self.artifact)

    def __exit__(
        self,
        exctype: type[BaseException] | None = None,
        excinst: BaseException | None = None,
        exctb: TracebackType | None = None,
    ) -> None:
        self._folders.pop().cleanup()


class Filling:
    """`with` gives an empty folder; what is in it at the end becomes the next version.

    Also when the body raised: the version says `status: partial` then. An empty folder is not
    logged.
    """

    def __init__(
        self, artifact_manager: ArtifactManager, artifact: str, collection: str | None = None
    ) -> None:
        self.artifact_manager = artifact_manager
        self.artifact = artifact
        self.collection = collection or artifact_manager.active_collection
        self._folders: list[tempfile.TemporaryDirectory[str]] = []

    def __enter__(self) -> Path:
        folder = tempfile.TemporaryDirectory(prefix="artifact-")
        inside = Path(folder.name, self.artifact)
        inside.mkdir(parents=True)
        self._folders.append(folder)
        return inside

    def __exit__(
        self,
        exctype: type[BaseException] | None = None,
        excinst: BaseException | None = None,
        exctb: TracebackType | None = None,
    ) -> None:
        with self._folders.pop() as name:
            inside = Path(name, self.artifact)
            if not (inside.is_dir() and any(inside.iterdir())):
                logger.info("%s was not logged: its folder is empty", self.artifact)
                return
            try:
                self._log(inside, partial=excinst is not None)
            except (DatmoError, OSError):
                if excinst is None:
                    raise
                # What went wrong in the body is what the caller must hear of.
                logger.exception("%s could not be logged", self.artifact)

    def _log(self, folder: Path, *, partial: bool) -> None:
        known: Any = getattr(self.artifact_manager, "log_folder_as", None)
        if known is None:  # another manager over the same base
            self.artifact_manager.log_files(self.artifact, folder, self.collection)
        else:
            known(self.artifact, folder, self.collection, status=PARTIAL if partial else None)
