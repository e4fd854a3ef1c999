"""`config.json` and `stats.json`: dictionaries that many processes add to."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

from git_datmo.errors import FileIOError, InvalidArgumentType
from git_datmo.model import document

CONFIG: Final = "config.json"
STATS: Final = "stats.json"
ABOUT: Final = "about.json"


def merge(path: Path, new: Mapping[Any, Any], gone: Iterable[str] = ()) -> dict[str, Any]:
    """Set every leaf of `new` in the JSON file at `path`, and return the whole.

    Of the keys in `gone` nothing is left but what is in `new`.

    Readers see the file before or after, never in between; writers wait for each other. What a
    document cannot hold is kept as text. Raises FileIOError when the file holds something else,
    OSError when it cannot be written.
    """
    added = plain(new)
    with _locked(path.parent):
        doomed = frozenset(gone)
        known = {key: value for key, value in read(path).items() if key not in doomed}
        merged = document.merge(known, added)
        _replace(path, json.dumps(merged, indent=2, ensure_ascii=False) + "\n")
    return merged


def describe(task: Path, **said: Any) -> None:
    """Say what the run of a task is called besides: labels, a description, an alternative name.
    None leaves it as it is. Raises what `merge` raises."""
    given = {name: value for name, value in said.items() if value is not None}
    if isinstance(given.get("labels"), str):
        given["labels"] = [given["labels"]]
    if given:
        merge(task / ABOUT, given)


def read(path: Path) -> dict[str, Any]:
    """Return what the file holds; nothing when it is absent or empty. Raises FileIOError."""
    try:
        text = path.read_text("utf-8-sig")
        found = json.loads(text) if text.strip() else {}
    except FileNotFoundError:
        return {}
    except (ValueError, RecursionError) as error:
        raise FileIOError(f"{path} is not JSON, and is left as it is: {error}") from None
    if not isinstance(found, dict):
        raise FileIOError(f"{path} holds a {type(found).__name__}, and is left as it is")
    return found


def plain(value: Mapping[Any, Any]) -> dict[str, Any]:
    """Return a dictionary as JSON can say it: arrays as lists, and what is foreign as text."""
    kept: dict[str, Any] = {}
    for key, item in value.items():
        kept |= document.decode(document.encode({_scalar(key, text=True): _plain(item, 1)}))
    return kept


def _plain(value: object, depth: int) -> Any:
    if depth >= document.MAX_DEPTH:
        return str(type(value))
    if isinstance(value, Mapping):
        return {_scalar(k, text=True): _plain(v, depth + 1) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item, depth + 1) for item in value]
    if isinstance(value, set | frozenset):
        return [_plain(item, depth + 1) for item in sorted(value, key=str)]
    return _scalar(value, depth=depth)


def _scalar(value: object, *, text: bool = False, depth: int = 0) -> Any:
    """Return a scalar as it is stored; `text` where only what can be a key will do."""
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode() if not value.isascii() else value
    if not (text and isinstance(value, Mapping | list | tuple)):
        try:
            return document.decode(document.encode(value))
        except InvalidArgumentType:
            pass
    listed = getattr(value, "tolist", None)
    if callable(listed) and not text:
        found = listed()
        return _plain(found, depth + 1) if isinstance(found, list) else str(value)
    return _scalar(os.fspath(value) if isinstance(value, Path) else str(value), text=text)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Hold the folder's own lock: a file for it would end up among the results."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        # Some network file systems know no such lock; a lost race there is all that it costs.
        with suppress(OSError):
            fcntl.flock(fd, fcntl.LOCK_EX)
        yield
    finally:
        os.close(fd)


def _replace(path: Path, text: str) -> None:
    temporary = path.with_name(f".{path.name}.{os.urandom(8).hex()}")
    try:
        with open(temporary, "x", encoding="utf-8") as file:
            file.write(text)
        # Others must be able to read it: a container's user is not always ours.
        os.chmod(temporary, _mode(path))
        os.replace(temporary, path)
    except BaseException:
        with suppress(OSError):
            os.unlink(temporary)
        raise


def _mode(path: Path) -> int:
    try:
        return path.stat().st_mode & 0o777
    except OSError:
        return 0o644
