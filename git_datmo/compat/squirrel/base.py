"""squirrel's interface of artifact managers, where squirrel is not installed."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from git_datmo.compat.squirrel.catalog import Catalog, CatalogSource
from git_datmo.compat.squirrel.contexts import Filling, Reading
from git_datmo.compat.squirrel.refusal import collection_of


class TmpBase:
    """What squirrel's TmpArtifact is a base of where there is one."""


class LoggerBase:
    """What squirrel's DirectoryLogger is a base of where there is one."""


class ArtifactManager(ABC):
    """Artifacts in collections, each a series of versions that are counted up by themselves.

    Whoever logs or reads without `collection=` means the active one.
    """

    def __init__(self, collection: str = "default") -> None:
        self._active_collection = collection

    @property
    def active_collection(self) -> str:
        """The collection that is meant where none is named."""
        return self._active_collection

    @active_collection.setter
    def active_collection(self, value: str) -> None:
        self._active_collection = collection_of(value)

    @abstractmethod
    def list_collection_names(self) -> Iterable[str]:
        """All collections of the store."""

    @abstractmethod
    def exists_in_collection(self, artifact: str, collection: str | None = None) -> bool:
        """Whether a collection has an artifact of this name."""

    @abstractmethod
    def collection_to_catalog(self, collection: str | None = None) -> Catalog:
        """Every artifact and version of one collection."""

    @abstractmethod
    def get_artifact(
        self, artifact: str, collection: str | None = None, version: str | None = None
    ) -> Any:
        """The object that was logged."""

    @abstractmethod
    def log_files(
        self,
        artifact_name: str,
        local_path: Path,
        collection: str | None = None,
        artifact_path: Path | None = None,
    ) -> CatalogSource:
        """Make a file or folder the next version."""

    @abstractmethod
    def log_artifact(self, obj: Any, name: str, collection: str | None = None) -> CatalogSource:
        """Make an object the next version."""

    @abstractmethod
    def download_artifact(
        self,
        artifact: str,
        collection: str | None = None,
        version: str | None = None,
        to: Path | None = None,
    ) -> Path | Reading:
        """Put a version's files below `to`, or for a while into a folder of their own."""

    def exists(self, artifact: str) -> bool:
        """Whether any collection has an artifact of this name."""
        names = self.list_collection_names()
        return any(self.exists_in_collection(artifact, collection) for collection in names)

    def store_to_catalog(self) -> Catalog:
        """Every artifact and version of all collections."""
        catalog = Catalog()
        for collection in self.list_collection_names():
            catalog = catalog.union(self.collection_to_catalog(collection))
        return catalog

    def log_folder(self, artifact: str, collection: str | None = None) -> Filling:
        """A context with a folder that becomes the next version."""
        return Filling(self, artifact, collection)

    def download_collection(
        self, collection: str | None = None, to: str | os.PathLike[str] = "./"
    ) -> Catalog:
        """Put the newest version of each artifact below `to`; returns the catalog of all."""
        collection = collection or self.active_collection
        catalog = self.collection_to_catalog(collection)
        for _, source in catalog:
            self.download_artifact(source.metadata["artifact"], collection, to=Path(to))
        return catalog
