"""An environment: the files that say what a run needs, and the identity they make.

Two machines that hold the same definition files have the same environment, so nothing in here
may depend on the machine: no time, no host name, no absolute path.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

import orjson

from git_datmo.errors import (
    FileAlreadyExistsError,
    InvalidDestinationName,
    InvalidDocument,
    NewerFormat,
    ValidationFailed,
)
from git_datmo.model.frozen import field, frozen
from git_datmo.model.names import check_name

if TYPE_CHECKING:
    from datetime import datetime

FORMAT = 1
FACTS_FILE = "environment.json"
NONE = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"
"""The id that stands for no environment: a tree without files."""
PYTHON_FACTS = frozenset({"implementation", "version"})


@frozen
class Definition:
    """What determines an environment: its files, sorted by path, byte for byte.

    `kind` names the family of tools that can build it. `summary` holds the facts that belong to
    the identity and stand in no file: `{"python": {"implementation": …, "version": …}}` where
    an interpreter was captured, else nothing.

    Raises ValidationFailed without files, InvalidDestinationName for a name that is not
    `is_plain_path`, FileAlreadyExistsError when two files claim one place.
    """

    files: tuple[tuple[str, bytes], ...]
    kind: str
    summary: Mapping[str, object] = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        if not self.files:
            raise ValidationFailed("an environment needs at least one definition file")

        for path, _ in self.files:
            if not is_plain_path(path):
                raise InvalidDestinationName(f"a definition file cannot be named {path!r}")
        _check_places([path for path, _ in self.files])

        object.__setattr__(self, "files", tuple(sorted(self.files)))

    @property
    def paths(self) -> tuple[str, ...]:
        return tuple(path for path, _ in self.files)

    @property
    def facts(self) -> bytes:
        """The bytes of `environment.json`: canonical JSON, equal on every machine."""
        document = {
            **self.summary,
            "files": list(self.paths),
            "format": FORMAT,
            "kind": self.kind,
        }
        return orjson.dumps(document, option=orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE)

    @property
    def identity_files(self) -> tuple[tuple[str, bytes], ...]:
        """Every file of the environment's tree; the id of that tree is the environment's id."""
        return (*self.files, (FACTS_FILE, self.facts))

    @property
    def packages(self) -> tuple[str, ...]:
        """The lines of a captured interpreter's requirements; empty for a definition of files."""
        if "python" not in self.summary:
            return ()
        return tuple(line for _, data in self.files for line in data.decode().splitlines())


@frozen
class Environment:
    """An environment as it is listed; `id` is the id of its tree.

    `kept`: somebody created it; else a snapshot brought it. `current`: new snapshots and runs here
    use it. `created_at` is when it was first kept (UTC), `packages` the lines of a captured
    interpreter's requirements. `is_new`: it was made just now; `notices` is what its maker should
    know. `contents` are its files, where it was asked for alone.
    """

    id: str
    kind: str
    files: tuple[str, ...]
    name: str | None = None
    description: str | None = None
    created_at: datetime | None = None
    packages: tuple[str, ...] = ()
    current: bool = False
    kept: bool = True
    is_new: bool = False
    notices: tuple[str, ...] = ()
    contents: tuple[tuple[str, bytes], ...] = field(default=(), repr=False)

    def to_dict(self) -> dict[str, object]:
        """What is known of it; not its contents, nor what only its making says."""
        return {
            "id": self.id,
            "name": self.name,
            "description": self.description,
            "kind": self.kind,
            "files": list(self.files),
            "created_at": self.created_at,
            "current": self.current,
            "kept": self.kept,
        }


@frozen
class Template:
    """A ready environment: an image, and `lines` of a Dockerfile after it.

    `language` is None where the image brings its own. `note` is what a user should know who
    chooses it.
    """

    type: str
    framework: str
    language: str | None
    image: str
    lines: tuple[str, ...] = ()
    about: str = ""
    note: str | None = None

    @property
    def name(self) -> str:
        """What the environment is called if nothing else is said: `pytorch:cpu-py312`."""
        return f"{self.framework}:{self.type}" + (f"-{self.language}" if self.language else "")


def read_definition(files: Iterable[tuple[str, bytes]]) -> Definition:
    """The definition whose `identity_files` these are, from wherever they came.

    Raises NewerFormat for a format this version cannot read, InvalidDocument for anything that
    `Definition` would not have written.
    """
    listed = list(files)
    data = dict(listed).get(FACTS_FILE)
    if data is None:
        raise InvalidDocument(f"the environment has no {FACTS_FILE}")

    kind, _, summary = read_facts(data)
    try:
        definition = Definition(
            tuple(file for file in listed if file[0] != FACTS_FILE), kind, summary
        )
    except (ValidationFailed, FileAlreadyExistsError) as error:
        raise InvalidDocument(f"the environment is not valid: {error.message}") from error

    if definition.facts != data:
        raise InvalidDocument(f"the environment's {FACTS_FILE} does not describe its files")
    return definition


def read_facts(data: bytes) -> tuple[str, tuple[str, ...], dict[str, object]]:
    """What `environment.json` says: kind, the paths of the files, summary.

    Raises NewerFormat, InvalidDocument.
    """
    try:
        document = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise InvalidDocument(f"{FACTS_FILE} is not JSON: {error}") from error

    if not isinstance(document, dict):
        raise InvalidDocument(f"{FACTS_FILE} does not hold an object")
    number = document.get("format")
    if isinstance(number, int) and number > FORMAT:
        raise NewerFormat(
            f"the environment is written in format {number}; this git-datmo reads up to {FORMAT}"
        )

    kind, files = document.get("kind"), document.get("files")
    summary = {key: document[key] for key in document.keys() - {"files", "format", "kind"}}
    if not isinstance(kind, str) or not isinstance(files, list) or summary.keys() - {"python"}:
        raise InvalidDocument(f"{FACTS_FILE} has unknown or missing keys")
    if "python" in summary and not _is_python(summary["python"]):
        raise InvalidDocument(f"{FACTS_FILE} does not name a Python")
    return kind, tuple(str(path) for path in files), summary


def _is_python(facts: object) -> bool:
    return (
        isinstance(facts, dict)
        and facts.keys() == PYTHON_FACTS
        and all(isinstance(value, str) for value in facts.values())
    )


def is_plain_path(path: str) -> bool:
    """Whether a definition file may have this name: relative, plain, UTF-8, not ours."""
    try:
        parts = path.encode().split(b"/")
    except UnicodeEncodeError:
        return False
    return parts[0].lower() != FACTS_FILE.encode() and all(check_name(p) is None for p in parts)


def _check_places(paths: list[str]) -> None:
    taken: set[str] = set()
    for path in paths:
        if path in taken:
            raise FileAlreadyExistsError(f"two definition files claim the name {path!r}")
        taken.add(path)

    for path in paths:
        parts = path.split("/")
        for end in range(1, len(parts)):
            folder = "/".join(parts[:end])
            if folder in taken:
                raise FileAlreadyExistsError(f"{folder!r} is both a definition file and a folder")
