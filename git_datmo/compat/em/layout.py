"""The names of runs and artifacts, and the files of their local directories."""

from __future__ import annotations

import os
import re
import secrets
import string
from collections.abc import Iterable
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

from git_datmo.compat.em import place
from git_datmo.errors import FileAlreadyExistsError, FileIOError, NoSpace
from git_datmo.model import yamltext

_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_-]{0,38}[A-Za-z0-9])?")
_ALTERNATIVE = re.compile(r".+_[0-9]{6}_[0-9]{6}_[a-z0-9]{6}")
_LETTERS = string.ascii_lowercase + string.digits
TRIES = 100


def check_name(kind: str, name: object) -> str:
    """Return the name of a `Run` or an `Artifact`: 1 to 40 letters, digits, `_` and `-`, the first
    and the last no sign. Raises ValueError."""
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise ValueError(f"Invalid name of {kind}: {name!r}")
    return str.__str__(name)


def alternative_name(name: str) -> str:
    """A name that nothing else has: with the local time and six random characters.

    Seeding `random` changes nothing about it.
    """
    now = datetime.now().strftime("%y%m%d_%H%M%S")
    return f"{name}_{now}_{''.join(secrets.choice(_LETTERS) for _ in range(6))}"


def is_alternative_name(text: str) -> bool:
    """Whether a text looks like what `alternative_name` makes."""
    return _ALTERNATIVE.fullmatch(text) is not None


def new_folder(parent: Path, alternative: str) -> Path:
    """Make the local directory of something new. Raises FileAlreadyExistsError, NoSpace."""
    folder = parent / alternative
    try:
        place.sheltered(parent)
        folder.mkdir()
    except FileExistsError as error:
        raise FileAlreadyExistsError(f"{folder} is there already") from error
    except OSError as error:
        raise NoSpace(f"cannot make {folder}: {error.strerror}") from error
    return folder


def labels_of(given: object) -> list[str]:
    """Labels as a list: one text is one label; any iterable of texts is taken.

    Raises TypeError for anything else.
    """
    if given is None:
        return []
    if isinstance(given, str):
        return [str.__str__(given)]
    if not isinstance(given, Iterable):
        raise TypeError(f"labels are texts, not {type(given).__name__}")
    found = list(given)
    for text in found:
        if not isinstance(text, str):
            raise TypeError(f"a label is a text, not {type(text).__name__}: {text!r:.60}")
    return [str.__str__(text) for text in found]


def now() -> str:
    """The local time with its offset, as everything here is stamped."""
    return datetime.now().astimezone().isoformat()


def stamp(seconds: float | None) -> str | None:
    """A time in seconds since 1970 in the same form."""
    return None if seconds is None else datetime.fromtimestamp(seconds).astimezone().isoformat()


def file_name(type: str) -> str:
    """A type of metrics as a file name without its ending: every string has one of its own."""
    kept = "".join(
        char if char.isascii() and (char.isalnum() or char in "_- ") else _escaped(char)
        for char in type
    )
    if len(kept) <= 200 and kept:
        return kept
    from hashlib import sha256

    return f"{kept[:100]}%{sha256(type.encode('utf-8', 'surrogatepass')).hexdigest()[:32]}"


def write_yaml(path: Path, value: Any) -> None:
    """Replace a file by a document, at once. Raises NoSpace for a disk that takes no more, and
    FileIOError for what YAML cannot say."""
    text = yamltext.dump(value)
    temporary = path.with_name(f".{path.name}.{os.urandom(6).hex()}")
    try:
        temporary.write_text(text, "utf-8")
        os.replace(temporary, path)
    except OSError as error:
        with suppress(OSError):
            temporary.unlink()
        raise NoSpace(f"cannot write {path}: {error.strerror}") from error


def read_yaml(path: Path) -> Any:
    """What a document holds. Raises FileNotFoundError, FileIOError."""
    try:
        return yamltext.load(path.read_bytes())
    except FileNotFoundError:
        raise
    except OSError as error:
        raise FileIOError(f"cannot read {path}: {error.strerror}") from error
    except FileIOError as error:
        raise FileIOError(f"{path}: {error.message}") from None


def _escaped(char: str) -> str:
    return "".join(f"%{byte:02X}" for byte in char.encode("utf-8", "surrogatepass"))
