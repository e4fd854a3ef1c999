"""Files that become entries of a record's tree."""

from __future__ import annotations

import os
from pathlib import Path

from git_datmo.records.project import Project
from git_datmo.storage.objects import BLOB
from git_datmo.storage.treediff import Leaf


def stored(project: Project, path: Path) -> Leaf:
    """A file as the entry of a tree: its bytes, or a pointer where it is large."""
    objects = project.repository.objects
    with path.open("rb") as file:
        if os.fstat(file.fileno()).st_size < project.threshold:
            return BLOB, objects.write_blob(file.read())
        pointer = project.store.ingest(file.fileno(), sync=project.durability == "full")
        return BLOB, objects.write_blob(pointer.encode())
