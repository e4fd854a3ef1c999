"""What freeing space did, or would do."""

from __future__ import annotations

from collections import Counter

from git_datmo.model.frozen import frozen

CONTENT, LEAVING = "content", "elsewhere"
PART, TEMPORARY, DAMAGED, VIEW = "part", "temporary", "damaged", "view"


@frozen
class Freeable:
    """One file.

    `kind` is `content` (nothing living mentions it), `elsewhere` (a remote has it), `part` (of a
    download), `temporary`, `damaged` or `view` (files of an artifact, made again when asked for).
    `size` is in bytes, `age` in seconds since it was last put or counted on. `path` and `snapshot`
    name a snapshot's file that it was, where known.
    """

    kind: str
    name: str
    size: int
    age: float
    path: str | None = None
    snapshot: str | None = None


@frozen
class Amount:
    """So many files of so many bytes together."""

    files: int = 0
    size: int = 0

    def __add__(self, other: Amount) -> Amount:
        return Amount(self.files + other.files, self.size + other.size)


@frozen
class Freed:
    """What a gc did, or with `dry_run` would do, at `place`; `remote` is None for this clone.

    `rows` are the files that it freed. What stayed: `needed` is mentioned by what lives, `young`
    is nobody's, but within the grace period of `grace` seconds, `only_copy` was to leave and is
    on no remote. `leaving` counts the snapshots whose content was to leave.
    """

    remote: str | None
    place: str
    dry_run: bool
    grace: float
    rows: tuple[Freeable, ...]
    needed: Amount = Amount()
    young: Amount = Amount()
    only_copy: Amount = Amount()
    leaving: int = 0
    notices: tuple[str, ...] = ()

    @property
    def size(self) -> int:
        """The bytes that were freed."""
        return sum(row.size for row in self.rows)

    @property
    def kinds(self) -> dict[str, int]:
        """How many files of each kind were freed."""
        return dict(Counter(row.kind for row in self.rows))
