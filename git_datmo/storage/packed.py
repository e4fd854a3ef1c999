"""What lies in packs, here or in a repository that objects are borrowed from.

A few are asked of git, many of libgit2: loading it takes longer than most commands otherwise do
(docs/decisions/0024).
"""

from __future__ import annotations

import os
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from git_datmo.errors import DamagedObject, UnsupportedRepository

if TYPE_CHECKING:
    import pygit2

    from git_datmo.storage.catfile import CatFile

_KINDS = {1: "commit", 2: "tree", 3: "blob", 4: "tag"}


class Packed:
    """The packed objects of one repository. With `promises`, some were left with a remote: git
    would fetch them when asked, the library does not."""

    def __init__(self, common_dir: Path, *, promises: bool) -> None:
        self._common = common_dir
        self._promises = promises

    @cached_property
    def _cat(self) -> CatFile:
        from git_datmo.storage.catfile import CatFile  # starts processes; a listing has none

        return CatFile(self._common)

    @cached_property
    def library(self) -> pygit2.Repository:
        """The library's repository. Raises UnsupportedRepository if it cannot open it."""
        import pygit2

        if tuple(int(n) for n in pygit2.LIBGIT2_VERSION.split(".")[:3]) < (1, 9, 7):
            raise UnsupportedRepository(
                f"libgit2 {pygit2.LIBGIT2_VERSION} is too old to be safe; 1.9.7 is needed",
                hint="pip install --upgrade pygit2",
            )
        if "_cat" in self.__dict__:
            self._cat.close()
        try:
            return pygit2.Repository(os.fspath(self._common))
        except pygit2.GitError as error:
            raise UnsupportedRepository(
                f"cannot open the repository {self._common}: {error}"
            ) from error

    def close(self) -> None:
        """Let go of the packs; they are opened anew when they are next asked."""
        self.__dict__.pop("library", None)
        if "_cat" in self.__dict__:
            self._cat.close()

    def read(self, oid: str) -> tuple[str, bytes] | None:
        """The kind and bytes of an object, its id computed from them; None for one that is not
        there. Raises DamagedObject."""
        if self._few:
            with suppress(EOFError):
                return self._cat.read(oid)
        return self._read(self.library, oid)

    def read_anyway(self, oid: str) -> tuple[str, bytes] | None:
        """`read` where a loose object of that id is damaged, which hides the packed one."""
        import pygit2

        database = pygit2.Odb()
        database.add_backend(pygit2.OdbBackendPack(os.fspath(self._common / "objects")), 1)
        return self._read(database, oid)

    def header(self, oid: str) -> tuple[str, int] | None:
        """The kind and size in bytes of an object; None for one that is not there or damaged."""
        if self._few:
            with suppress(EOFError):
                return self._cat.header(oid)
        import pygit2

        try:
            number, size = self.library.odb.read_header(oid)
        except (KeyError, ValueError, pygit2.GitError):
            return None
        return _KINDS.get(int(number), "unknown"), int(size)

    def there(self, oid: str) -> bool:
        """Whether an object is on the disk now, whatever was seen before."""
        import pygit2

        try:
            pygit2.Odb(os.fspath(self._common / "objects")).read_header(oid)
        except (KeyError, pygit2.GitError):
            return False
        return True

    @property
    def _few(self) -> bool:
        if self._promises or "library" in self.__dict__:
            return False
        return self._cat.left > 0

    def _read(self, database: pygit2.Repository | pygit2.Odb, oid: str) -> tuple[str, bytes] | None:
        import pygit2

        try:
            number, data = database.read(oid)
        except KeyError:
            return None
        except (pygit2.GitError, ValueError) as error:
            raise DamagedObject(f"the git object {oid} is damaged: {error}") from error
        return _KINDS.get(int(number), "unknown"), data
