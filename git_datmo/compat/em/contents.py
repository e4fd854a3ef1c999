"""What an artifact's local directory holds: files that were copied there, references, and what
else somebody put there. The directory is the truth; what was seen of it is remembered."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from git_datmo.compat.em import layout
from git_datmo.compat.em.objects import Objects, Record, above, checked
from git_datmo.compat.em.shelf import REFERENCES, Seen, Shelf
from git_datmo.errors import FileIOError
from git_datmo.model import yamltext
from git_datmo.model.artifact import EXECUTABLE, FILE, FOLDER, LINK, REFERENCE

Row = tuple[str, str, int | None, str | None]
"""Path, mode, size in bytes, and MD5, target or address: what two equal objects have in common."""


class Contents:
    """The objects below `root`. `known` are their records, where they are known already."""

    def __init__(self, root: Path, known: Iterable[Record] | None = None) -> None:
        self.shelf = Shelf(root)
        self._signs: dict[str, tuple[tuple[int, ...], Record]] = {}
        self._references: dict[str, str] | None = None
        self._appending = False
        self._objects: Objects | None = None
        if known is not None:
            self._objects = Objects((record["path"], dict(record)) for record in known)

    @property
    def objects(self) -> Objects:
        """All objects by path, read from the directory the first time."""
        if self._objects is None:
            self.look()
        assert self._objects is not None, "looking finds them"
        return self._objects

    @property
    def references(self) -> dict[str, str]:
        """The addresses of the references by path. Raises FileIOError, ValueError."""
        if self._references is None:
            self._references = self._read_references()
        return self._references

    def add(self, source: Path, path: str) -> None:
        """Copy a file there. Raises what `Shelf.put` does."""
        record = self.shelf.put(source, path)
        place = self.shelf.place(path)
        self._signs[path] = (Seen(path, place, place.lstat()).sign, record)
        if self._objects is not None:
            self._objects[path] = record

    def refer(self, path: str, uri: str) -> None:
        """Keep an address under a path, in place of one that was there."""
        file = self.shelf.root / REFERENCES
        if not self._appending or path in self.references:
            self._references = {**self._read_references(), path: uri}
            layout.write_yaml(file, self._references)
            self._appending = True
        else:
            # A line more, not the file anew: there may be a hundred thousand of them.
            self.references[path] = uri
            with file.open("ab") as end:
                end.write(yamltext.dump({path: uri}).encode())
        if self._objects is not None:
            self._objects[path] = {"path": path, "uri": uri}

    def require_free(self, path: str, *, folder: bool = False) -> None:
        """Raise ValueError where a file (or a folder) cannot be at a path."""
        found = self.shelf.kind(path)
        if found == ("file" if folder else "directory"):
            raise ValueError(f"Object {found} already exists: '{path}'")
        self.require_way(path)
        for other in (path, *above(path)):
            if other in self.references:
                raise ValueError(f"Object reference already exists: '{other}'")

    def require_way(self, path: str) -> None:
        """Raise ValueError where a file stands in place of a folder above a path."""
        for folder in above(path):
            found = self.shelf.kind(folder)
            if found == "file":
                raise ValueError(f"Object file already exists: '{folder}'")
            if found is not None:
                return

    def look(self) -> list[Row]:
        """Read the directory as it is now, and return a row for each thing in it, by path.

        Raises UnreadableFile, ValueError for what cannot be an object.
        """
        self._references = None
        found, rows = Objects(), []
        signs = {}
        for seen in self.shelf.things():
            sign, record = self._signs.get(seen.path, ((), None))
            lasting = sign == seen.sign
            if not lasting:
                record, lasting = self.shelf.record(seen)
            if record is not None:
                found[seen.path] = record
                if lasting:
                    signs[seen.path] = (seen.sign, record)
            rows.append(_row(seen, record))
        for path, uri in self.references.items():
            if path in found:
                raise ValueError(f"Object file already exists: '{path}'")
            found[path] = {"path": path, "uri": uri}
            rows.append((path, REFERENCE, None, uri))
        self._signs = signs
        before = self._objects or Objects()
        # In the order they were put there, where that is known.
        self._objects = Objects((path, found[path]) for path in before if path in found)
        self._objects.update(found)
        return sorted(rows)

    def _read_references(self) -> dict[str, str]:
        from git_datmo.api import emfolder

        file = self.shelf.root / REFERENCES
        emfolder.require_plain(file)
        try:
            said = layout.read_yaml(file)
        except FileNotFoundError:
            return {}
        if said is None:
            return {}
        if not isinstance(said, dict) or not all(
            isinstance(path, str) and isinstance(uri, str) for path, uri in said.items()
        ):
            raise FileIOError(f"{file} does not say which paths are which addresses")
        try:
            return {checked(path): uri for path, uri in said.items()}
        except ValueError as error:
            raise FileIOError(f"{file}: {error}") from error


def _row(seen: Seen, record: Record | None) -> Row:
    if seen.is_folder:
        return seen.path, FOLDER, None, None
    if record is None or seen.is_link:
        return seen.path, LINK, None, os.readlink(seen.place)
    mode = EXECUTABLE if seen.status.st_mode & 0o100 else FILE
    return seen.path, mode, int(record["size_bytes"]), str(record["checksum"])
