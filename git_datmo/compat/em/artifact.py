"""`em.Artifact`: files and references under one name, gathered in a local directory."""

from __future__ import annotations

import copy
import os
import threading
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from git_datmo.compat.em import layout, place
from git_datmo.compat.em.absence import NotHere
from git_datmo.compat.em.contents import Contents
from git_datmo.compat.em.named import Named
from git_datmo.compat.em.objects import Objects, Record, checked, object_path
from git_datmo.compat.em.shelf import METADATA

if TYPE_CHECKING:
    from git_datmo.compat.em.sealing import Sealed
    from git_datmo.model.artifact import Artifact as Version
    from git_datmo.records.project import Project

_KEYS = ("name", "labels", "description", "createdTimestamp", "alternativeName", "remote")


def create_artifact(
    name: str, labels: Iterable[str] | str | None = None, description: str = ""
) -> Artifact:
    """A new artifact without objects; its local directory is there at once.

    Raises ValueError for a name that cannot be used.
    """
    alternative = layout.alternative_name(layout.check_name("Artifact", name))
    local = layout.new_folder(place.artifacts(), alternative)
    artifact = Artifact(
        {
            "name": name,
            "labels": layout.labels_of(labels),
            "description": description,
            "createdTimestamp": layout.now(),
            "alternativeName": alternative,
            "remote": [],
        },
        (),
        local=local,
    )
    artifact._save()
    return artifact


class Artifact(Named):
    """One artifact. Its local directory holds the objects; `objects` says what there is.

    `metadata` has the keys of `to_dict()`. It may change until the end: marking it in a run and
    uploading it record the version that it is then.
    """

    _kind = "Artifact"

    def __init__(
        self,
        metadata: Mapping[str, Any],
        objects: Mapping[str, Record] | Iterable[Record] | None = None,
        *,
        local: Path | None = None,
    ) -> None:
        self._lock = threading.RLock()
        self._metadata: dict[str, Any] = {}
        self._home = place.home().absolute()
        self._read(metadata)
        self._local = local or place.artifacts() / self.alternative_name
        records = objects.values() if isinstance(objects, Mapping) else objects
        self._contents = Contents(Path(os.path.abspath(self._local)), records)
        self._sealed: Sealed | None = None

    @property
    def created_timestamp(self) -> str:
        """When it was made: local ISO time with its offset from UTC."""
        return str(self._metadata["createdTimestamp"])

    @property
    def local(self) -> str:
        """Its local directory, from where the program was when it was made."""
        return os.fspath(self._local)

    @property
    def objects(self) -> Objects:
        """What it has, by path; by a number too, as if it were a list. See `Objects`."""
        with self._lock:
            return self._contents.objects

    def add_file(
        self, file_path: str | os.PathLike[str], obj_path: str | os.PathLike[str] | None = None
    ) -> None:
        """Copy a file into the artifact: as it is now, with its mode, in place of one that has
        its path already. Without `obj_path` under its own name; below `obj_path` where that ends
        with a slash.

        Raises RuntimeError when there is no such file; ValueError for a path that leads out of
        the artifact, cannot be a file's, or is a reference's.
        """
        source = os.path.abspath(os.fspath(file_path))
        if not os.path.exists(source) or os.path.isdir(source):
            raise NotHere(f"File does not exist: '{source}'")
        path = object_path(obj_path, source)
        with self._lock:
            self._contents.require_free(path)
            self._begin()
            self._contents.add(Path(source), path)

    def add_dir(
        self, dir_path: str | os.PathLike[str], obj_path: str | os.PathLike[str] | None = None
    ) -> None:
        """Copy a folder with all that is in it, links followed, into a folder of the artifact:
        one of the same name, or `obj_path`; below that where it ends with a slash. What is there
        already stays, files of equal paths are replaced. Nothing is copied when one of them
        cannot be.

        Raises RuntimeError when there is no such folder, and ValueError as `add_file` does.
        """
        from git_datmo.compat.em import sources

        source = os.path.abspath(os.fspath(dir_path))
        if not os.path.isdir(source):
            raise NotHere(f"Directory does not exist: '{source}'")
        top = object_path(obj_path, source)
        with self._lock:
            shelf = self._contents.shelf
            listed = [
                (checked(f"{top}/{path}"), file)
                for path, file in sources.below(Path(source), shelf.root)
            ] or [(top, None)]
            for path, file in listed:
                self._contents.require_free(path, folder=file is None)
            self._begin()
            for path, file in listed:
                if file is None:
                    shelf.folder(path)
                else:
                    self._contents.add(file, path)

    def add_reference(self, uri: str, obj_path: str | os.PathLike[str] | None = None) -> None:
        """Name something that lies elsewhere; nothing is fetched, nothing checked. Without
        `obj_path` it goes under the last part of the address.

        Raises ValueError for a path that leads out or is a file's, or an address that is empty
        or has line breaks; TypeError for one that is no text.
        """
        if not isinstance(uri, str):
            raise TypeError(f"a reference is an address, not {type(uri).__name__}")
        if not uri or not uri.isprintable():
            raise ValueError(f"a reference is an address on one line, not {uri!r}")
        path = object_path(obj_path, uri)
        with self._lock:
            found = self._contents.shelf.kind(path)
            if found is not None:
                raise ValueError(f"Object {found} already exists: '{path}'")
            self._contents.require_way(path)
            self._begin()
            self._contents.refer(path, uri)

    def upload(
        self, folder: str = "default", make_folder: bool = False, conflict_strategy: str = "new"
    ) -> Any:
        """Send it to a folder of the chosen remote; see `em.upload`."""
        from git_datmo.compat.em import uploading

        return uploading.upload_artifact(
            self, folder=folder, make_folder=make_folder, conflict_strategy=conflict_strategy
        )

    def parse_from_dict(self, data: Mapping[str, Any]) -> None:
        """Take over what `to_dict` gave. Raises KeyError when something is missing."""
        with self._lock:
            self._read(data)
            self._sealed = None

    def seal(self, project: Project) -> Version:
        """The version of the repository that it is now, recorded unless it is there already.

        Raises IdentityMissing, UnsafeName, UnreadableFile, FileChanging, NoSpace.
        """
        from git_datmo.compat.em import sealing

        with self._lock:
            self._sealed = sealing.seal(self, project, self._sealed)
            return self._sealed.version

    def __repr__(self) -> str:
        return f"<Artifact {self.alternative_name}>"

    def _save(self) -> None:
        with self._lock:
            place.sheltered(self._contents.shelf.root)
            layout.write_yaml(self._contents.shelf.root / METADATA, self.to_dict())

    def _begin(self) -> None:
        if not (self._contents.shelf.root / METADATA).exists():
            self._save()

    def _read(self, data: Mapping[str, Any]) -> None:
        found = {key: copy.deepcopy(data[key]) for key in _KEYS}
        # Files that somebody edited may have numbers for labels, and a time for a text.
        listed = layout.labels_of(found["labels"] if isinstance(found["labels"], str) else None)
        found["labels"] = listed or [str(label) for label in found["labels"] or ()]
        when = found["createdTimestamp"]
        found["createdTimestamp"] = when.isoformat() if isinstance(when, datetime) else str(when)
        found["remote"] = list(found["remote"] or ())
        self._metadata = found
