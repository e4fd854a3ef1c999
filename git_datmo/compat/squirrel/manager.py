"""The manager: what squirrel's callers ask for, said in verbs of ours.

Each call opens the project anew, which takes a millisecond: a manager can be used from several
threads, after a fork, and can be pickled.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from git_datmo.api import artifact as artifacts
from git_datmo.api import location
from git_datmo.api.user import User
from git_datmo.compat.squirrel import runs, serializers, shelf
from git_datmo.compat.squirrel.foundation import ArtifactManager, Catalog, CatalogSource
from git_datmo.compat.squirrel.refusal import (
    IncompleteCollection,
    Refused,
    collection_of,
    refusing,
)
from git_datmo.compat.squirrel.serializers import Serializer
from git_datmo.compat.squirrel.temporary import DirectoryLogger, TmpArtifact
from git_datmo.config import Config
from git_datmo.errors import DatmoError, PathDoesNotExist, UsageError

if TYPE_CHECKING:
    from git_datmo.records.project import Project

_TYPES = "should be passed as a string or a pathlib.Path object!"

Place = str | os.PathLike[str]


class NothingThere(PathDoesNotExist, ValueError):
    """What was to be logged does not exist."""


class GitArtifactManager(ArtifactManager):
    """squirrel's ArtifactManager over the artifacts of a git repository.

    `home` is a folder of the repository, the current one if it is not said; `serializer` is how
    objects are logged: `json` (the default), `jsonl`, `messagepack`, `pickle`, or an object with
    `serialize` and `deserialize`. Collections are flat; versions are v0, v1, … whoever writes.

    Raises NotARepository, ProjectNotInitialized, ValueError for a collection's name.
    """

    def __init__(
        self,
        home: Place | None = None,
        serializer: str | Serializer | None = None,
        collection: str = "default",
    ) -> None:
        super().__init__(collection_of(collection))
        folder = Path(os.path.abspath(Config().home if home is None else home))
        self._home = runs.origin(folder)
        self._serializer = serializers.choose(serializer)
        self._project().require_known()

    @property
    def active_collection(self) -> str:
        """The collection that is meant where none is named. Setting it raises ValueError for what
        is no name of a collection."""
        return self._active_collection

    @active_collection.setter
    def active_collection(self, value: str) -> None:
        self._active_collection = collection_of(value)

    def list_collection_names(self) -> list[str]:
        """All collections that hold an artifact, sorted."""
        return artifacts.collections(self._project())

    def exists_in_collection(self, artifact: str, collection: str | None = None) -> bool:
        """Whether a collection has an artifact of this name."""
        where = self._collection(collection)
        try:
            return bool(shelf.versions(self._project(), artifact, where))
        except UsageError:
            return False  # nothing can have such a name

    def get_artifact_source(
        self,
        artifact: str,
        collection: str | None = None,
        version: str | None = None,
        catalog: Catalog | None = None,
    ) -> CatalogSource:
        """The catalog's entry of one version. Raises ValueError where there is none."""
        where = self._collection(collection)
        found, title = shelf.chosen(self._project(), artifact, where, version)
        return shelf.source(self._project(), found, title, catalog)

    def collection_to_catalog(self, collection: str | None = None) -> Catalog:
        """Every artifact and version of one collection; nothing is fetched or written for it.

        Where two clones made the same version, the older one is under an identifier of its own:
        `collection/artifact:v3-1a2b3c4`.
        """
        catalog = Catalog()
        shelf.fill(self._project(), catalog, self._collection(collection))
        return catalog

    def store_to_catalog(self) -> Catalog:
        """Every artifact and version of all collections."""
        catalog = Catalog()
        shelf.fill(self._project(), catalog, None)
        return catalog

    def log_files(
        self,
        artifact_name: str,
        local_path: Place,
        collection: str | None = None,
        artifact_path: Place | None = None,
    ) -> CatalogSource:
        """Make a file or folder the next version: a folder's contents, or a file under its own
        name, at the top of the artifact or where `artifact_path` says.

        Raises ValueError for wrong arguments, UnsafeName for a `.git`, UnsafePath for a link that
        leads out of the folder.
        """
        return self._log(artifact_name, local_path, collection, artifact_path)

    def log_artifact(
        self,
        obj: Any,
        name: str,
        collection: str | None = None,
        *,
        serializer: str | Serializer | None = None,
    ) -> CatalogSource:
        """Make an object the next version. Raises Unstorable, a TypeError, for one that the
        serializer has no form for."""
        chosen = serializers.choose(serializer) if serializer is not None else self._serializer
        data = serializers.serialized(chosen, obj)
        metadata = {"serializer": serializers.name_of(chosen)}
        with tempfile.TemporaryDirectory(prefix="object-") as folder:
            file = Path(folder, serializers.file_of(chosen))
            file.write_bytes(data)
            return self._log(name, file, collection, None, metadata)

    def get_artifact(
        self,
        artifact: str,
        collection: str | None = None,
        version: str | None = None,
        *,
        serializer: str | Serializer | None = None,
    ) -> Any:
        """The object that was logged.

        A pickle runs code when it is read: it is only where `serializer="pickle"` was said, here
        or to the manager. Raises ValueError for what was logged as files, and where there is none.
        """
        where = self._collection(collection)
        found, title = shelf.chosen(self._project(), artifact, where, version)
        asked = serializers.choose(serializer) if serializer is not None else self._serializer
        reader = serializers.reader(found, f"{where}/{artifact}:{title}", asked)
        value = reader.deserialize(found.read(serializers.file_of(reader)))
        runs.note(runs.USED, found)
        return value

    def download_artifact(
        self,
        artifact: str,
        collection: str | None = None,
        version: str | None = None,
        to: Place | None = None,
    ) -> Path | TmpArtifact:
        """Put a version's files into `to/<artifact>` and return that; without `to`, a context
        that does so for a while in a temporary directory.

        Other files that lie there stay, which is logged as a warning. Raises ValueError where
        there is none, ContentMissing.
        """
        where = self._collection(collection)
        found, title = shelf.chosen(self._project(), artifact, where, version)
        shelf.require_folder(artifact)
        if to is None:
            return TmpArtifact(self, where, artifact, title)
        return shelf.download(self._project(), found, Path(to))

    def log_folder(self, artifact: str, collection: str | None = None) -> DirectoryLogger:
        """A context with a folder that becomes the next version."""
        where = self._collection(collection)
        shelf.require_folder(artifact)
        return DirectoryLogger(self, artifact, where)

    def log_folder_as(
        self, artifact: str, folder: Path, collection: str, *, status: str | None
    ) -> CatalogSource:
        """`log_files` of a folder, with what its maker says of its state."""
        metadata = {"status": status} if status else {}
        return self._log(artifact, folder, collection, None, metadata)

    def download_collection(self, collection: str | None = None, to: Place = "./") -> Catalog:
        """Put the newest version of each artifact into `to/<artifact>`; returns the catalog of
        all versions. One that cannot be had does not keep the others from coming:
        IncompleteCollection names it at the end.
        """
        where = self._collection(collection)
        project = self._project()
        failures: dict[str, DatmoError | OSError] = {}
        listed = artifacts.ls(project, collection=where)
        for found in listed:
            try:
                shelf.download(self._project(), found, Path(to))
            except (DatmoError, OSError) as error:
                failures[found.name] = error
        if failures:
            said = "; ".join(f"{name}: {error}" for name, error in failures.items())
            raise IncompleteCollection(
                f"{len(failures)} of {len(listed)} artifacts of {where} did not come: {said}",
                failures,
            )
        return self.collection_to_catalog(where)

    def export_catalog(self, path: Place, collection: str | None = None) -> None:
        """Write the catalog of all collections, or of one, as squirrel's YAML, with the files of
        every version in place: any squirrel on this machine can read them from it."""
        catalog, project = Catalog(), self._project()
        for found in shelf.fill(project, catalog, collection and self._collection(collection)):
            artifacts.get(project, artifact=found.id)
        catalog.to_file(os.fspath(path))

    def _collection(self, named: str | None) -> str:
        return collection_of(self._active_collection if named is None else named)

    def _log(
        self,
        name: str,
        local_path: Place,
        collection: str | None,
        artifact_path: Place | None,
        metadata: Mapping[str, str] | None = None,
    ) -> CatalogSource:
        where = self._collection(collection)
        if not isinstance(local_path, str | os.PathLike):
            raise Refused(f"Path to file {_TYPES}")
        if artifact_path is not None and not isinstance(artifact_path, str | os.PathLike):
            raise Refused(f"Artifact path {_TYPES}")
        source = Path(os.path.abspath(local_path))
        if not source.exists():
            raise NothingThere(f"Provided local_path {os.fspath(local_path)} does not exist!")
        shelf.require_folder(name)
        inside = "" if artifact_path is None else _inside(artifact_path)
        if not inside and not source.is_dir():
            inside = source.name
        with refusing():
            made = artifacts.create(
                self._project(),
                name=name,
                collection=where,
                paths=[(source, inside)],
                metadata=metadata or None,
                user=User(dict(os.environ), running=True, folder=Path.cwd()),
            )
        runs.note(runs.GENERATED, made)
        return shelf.source(self._project(), made, f"v{made.version}")

    def _project(self) -> Project:
        return location.find(self._home)


def _inside(path: Place) -> str:
    """A path inside an artifact as `pathlib` reads it: `./a//b/` is `a/b`."""
    text = str(PurePosixPath(os.fspath(path)))
    return "" if text == "." else text
