"""An artifact as its users hold it, and how people name one.

An artifact is a named set of files in a collection; each time that something is put there is a
version of it, counted from 0. `models/resnet:v3` is version 3 of `resnet` in `models`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import IO, Any, Final

from git_datmo.errors import InvalidArgumentType, PathDoesNotExist, ValidationFailed
from git_datmo.model.frozen import field, frozen

DEFAULT_COLLECTION: Final = "default"
FACTS_FILE: Final = "artifact.json"
FILE, EXECUTABLE, LINK, FOLDER, REFERENCE = "file", "executable", "link", "folder", "reference"

MAX_NAME: Final = 200
"""How long a name may be, in bytes of UTF-8: with what is added it is a file name."""
MAX_VERSION: Final = 999_999_999_999

_COLLECTION = re.compile(r"[A-Za-z0-9_:-]+")
_VERSIONED = re.compile(r"(?s)(.+):(?:(latest)|v(0|[1-9][0-9]{0,11})(?:-([0-9a-f]{4,40}))?)")

Opener = Callable[[str], IO[bytes]]


@frozen
class Entry:
    """One object of an artifact. `size` is in bytes, None for what has none here: a reference or
    an empty folder. `mode` is file, executable, link, folder or reference; `md5` is known where
    the maker said it.
    """

    path: str
    mode: str = FILE
    size: int | None = None
    uri: str | None = None
    md5: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """What is known of it, as plain values."""
        fields = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return {name: value for name, value in fields.items() if value is not None}


@frozen
class Artifact:
    """One version of an artifact. Two are equal when their ids are.

    `created` is in milliseconds since 1970, `size` the bytes of its `files`, `references` how many
    of its objects are only named. `entries` are its objects where it was asked for alone;
    `made_by` and `used_by` are ids of runs there. `latest`: no newer version is known here.
    `notices` is what its maker should know.
    """

    id: str
    collection: str
    name: str
    version: int
    created: int = 0
    size: int = 0
    files: int = 0
    references: int = 0
    metadata: Mapping[str, Any] = field(default_factory=dict)
    message: str = ""
    label: str | None = None
    alternative_name: str | None = None
    author: str = ""
    deleted: bool = False
    latest: bool = False
    session_id: str = ""
    made_by: tuple[str, ...] = ()
    used_by: tuple[str, ...] = ()
    entries: tuple[Entry, ...] = ()
    notices: tuple[str, ...] = ()
    opener: Opener | None = field(default=None, repr=False)

    @property
    def reference(self) -> str:
        """Its name, as commands take it: `models/resnet:v3`."""
        return f"{self.collection}/{self.name}:v{self.version}"

    @property
    def created_at(self) -> datetime:
        """When it was made (UTC)."""
        return datetime.fromtimestamp(self.created / 1000, tz=UTC)

    def open(self, path: str) -> IO[bytes]:
        """One of its files, opened for reading bytes; fetched first when it is not here.

        Raises PathDoesNotExist, ContentMissing.
        """
        if self.opener is None:
            raise PathDoesNotExist(f"{self.reference} has no content here: {path}")
        return self.opener(path)

    def read(self, path: str) -> bytes:
        """The bytes of one of its files. Raises PathDoesNotExist, ContentMissing."""
        with self.open(path) as file:
            return file.read()

    def to_dict(self) -> dict[str, Any]:
        """What is stored of it, as plain values; its objects where it was asked for alone."""
        left_out = ("entries", "notices", "opener", "made_by", "used_by")
        known = {n: getattr(self, n) for n in self.__dataclass_fields__ if n not in left_out}
        known["reference"] = self.reference
        if self.entries:
            known["entries"] = [entry.to_dict() for entry in self.entries]
        if self.made_by or self.used_by:
            known |= {"made_by": list(self.made_by), "used_by": list(self.used_by)}
        return known

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Artifact) and other.id == self.id

    def __hash__(self) -> int:
        return hash(self.id)

    def _repr_html_(self) -> str:
        from git_datmo.model import notebook

        return notebook.of_artifact(self)

    def __str__(self) -> str:
        label = f" (label: {self.label})" if self.label else ""
        rows = [
            ("Id", self.id),
            ("Files", f"{self.files} ({self.size} bytes)"),
            ("References", self.references or None),
            ("Metadata", dict(self.metadata) or None),
        ]
        lines = [f"artifact {self.reference}{label}"]
        lines += [f"Date: {self.created_at:%a %b %d %H:%M:%S %Y %z}", ""]
        lines += [f"{name:<12}-> {value}" for name, value in rows if value is not None]
        lines += ["", *(f"    {line}" for line in self.message.splitlines())]
        return "\n".join(lines).rstrip("\n") + "\n"


@frozen
class Gotten:
    """What `artifact get` did: `path` is the folder (or the one file), `written` how many files."""

    artifact: Artifact
    path: str
    written: int
    notices: tuple[str, ...] = ()


@frozen
class Wanted:
    """What somebody who names an artifact may mean. None: that part was not said.

    `text` is all of what was typed but the version; `latest` and `version` exclude each other.
    """

    text: str
    version: int | None = None
    short: str | None = None

    @property
    def names(self) -> tuple[tuple[str, str], ...]:
        """The (collection, name) pairs that the text may be, the likelier first."""
        collection, _, name = self.text.partition("/")
        split = ((collection, name),) if name and _COLLECTION.fullmatch(collection) else ()
        return (*split, (DEFAULT_COLLECTION, self.text))


def parse_reference(text: object) -> Wanted:
    """Read `[collection/]name[:v3 | :v3-1a2b3c4 | :latest]`.

    Raises InvalidArgumentType for what is no text, ValidationFailed for an empty one.
    """
    if not isinstance(text, str):
        raise InvalidArgumentType(f"an artifact is named by text, not by {type(text).__name__}")
    if not text:
        raise ValidationFailed("no artifact was named")
    match = _VERSIONED.fullmatch(text)
    if match is None:
        return Wanted(text)
    return Wanted(match[1], None if match[2] else int(match[3]), match[4])


def check_collection(name: object) -> str:
    """Return the name of a collection. Raises ValidationFailed, with squirrel's own words."""
    if not isinstance(name, str) or not _COLLECTION.fullmatch(name):
        raise ValidationFailed(
            "Invalid collection name - must not be empty and can only contain alphanumerics, "
            f"dashes, underscores and colons: {name!r}"
        )
    if len(name) > MAX_NAME:
        raise ValidationFailed(f"a collection's name has at most {MAX_NAME} characters")
    return name


def check_name(name: object) -> str:
    """Return the name of an artifact: any text on one line. Raises ValidationFailed,
    InvalidArgumentType."""
    if not isinstance(name, str):
        raise InvalidArgumentType(f"an artifact's name is text, not {type(name).__name__}")
    if not name.strip():
        raise ValidationFailed("an artifact needs a name")
    if not name.isprintable():
        raise ValidationFailed(f"an artifact's name cannot hold what has no shape: {name!r}")
    if name.startswith("/") or name.endswith("/") or "//" in name:
        raise ValidationFailed(f"a slash in an artifact's name stands between two parts: {name!r}")
    if _VERSIONED.fullmatch(name):
        raise ValidationFailed(f"an artifact's name cannot end like a version: {name!r}")
    if len(name.encode()) > MAX_NAME:
        raise ValidationFailed(f"an artifact's name has at most {MAX_NAME} bytes: {name[:60]!r}…")
    return name
