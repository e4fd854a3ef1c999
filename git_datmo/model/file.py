"""Files of snapshots, runs and artifacts as they are listed, and pieces of what is long."""

from __future__ import annotations

from git_datmo.model.frozen import frozen

FILE, LINK, FOLDER, SUBMODULE = "file", "link", "folder", "submodule"


@frozen
class File:
    """What lies at one path; a byte that is no UTF-8 is half a surrogate pair in it.

    `size` is that of the content in bytes, also where a pointer stands for it; None for folders,
    and where it is not known here. `stored` is the content's name in the store, None where git
    itself has it. `here` says whether this clone has the content.
    """

    path: str
    kind: str
    size: int | None = None
    stored: str | None = None
    here: bool = True

    @property
    def name(self) -> str:
        """The last part of the path."""
        return self.path.rpartition("/")[2]


@frozen
class Folder:
    """Some of the `total` things in a folder, folders first; the topmost has an empty path."""

    path: str
    files: tuple[File, ...]
    total: int


@frozen
class Piece:
    """The bytes of something long from byte `start` on. `total` is how long it is by now; when it
    is not `closed` more may come."""

    data: bytes
    start: int
    total: int
    closed: bool = True

    @property
    def end(self) -> int:
        """The byte after the last of it."""
        return self.start + len(self.data)
