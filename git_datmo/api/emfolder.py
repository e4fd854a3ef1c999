"""The local directories of runs as t9k.em lays them out: ours, and those of t9k.em itself.

`metadata.yaml` says what it is, `index.yaml` where the rest lies, `metrics/<type>.jsonl` has the
points as our lines (`.yaml` in old ones: a list). `.datmo.json` names the run in a repository.
"""

from __future__ import annotations

import fcntl
import json
import os
import stat
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from git_datmo.errors import FileIOError, InvalidDocument, PathDoesNotExist
from git_datmo.model import series, yamltext
from git_datmo.model.frozen import field, frozen
from git_datmo.model.series import Point

METADATA: Final = "metadata.yaml"
LINK: Final = ".datmo.json"
RUN: Final = "Run"
RUNNING, COMPLETE, ERROR = "Running", "Complete", "Error"
FILES = (METADATA, "index.yaml", "hyperparameters.yaml", "platform.yaml", "git.yaml", "stdout.log")


@frozen
class RunFolder:
    """What the local directory of a run says. `metadata` has the keys of `Run.to_dict`; its
    status is true even after a crash. `run_id` is its id in git-datmo, None in old ones; `commit`
    what it was recorded as, None before."""

    path: Path
    metadata: Mapping[str, Any]
    hparams: Mapping[str, Any] = field(default_factory=dict)
    platform: Mapping[str, Any] = field(default_factory=dict)
    git: Mapping[str, Any] = field(default_factory=dict)
    run_id: str | None = None
    commit: str | None = None

    @property
    def alternative_name(self) -> str:
        """The name of the directory."""
        return self.path.name

    @property
    def status(self) -> str:
        """`Running`, `Complete` or `Error`."""
        return str(self.metadata.get("status"))

    @property
    def log(self) -> Path:
        """What it printed."""
        return self.path / "stdout.log"

    def lines(self) -> Iterator[Path]:
        """The files of points that are lines."""
        yield from sorted((self.path / "metrics").glob("*.jsonl"))

    def old_points(self) -> Iterator[Point]:
        """The points of files that are YAML lists. Raises FileIOError."""
        for path in sorted((self.path / "metrics").glob("*.yaml")):
            listed = _document(path)
            for entry in listed if isinstance(listed, list) else []:
                yield point(path.stem, entry)


def read_run(path: Path) -> RunFolder:
    """Read the local directory of a run. Nothing is written.

    Raises PathDoesNotExist when a part is missing, FileIOError for what cannot be understood.
    """
    metrics = path / "metrics"
    for name in FILES:
        if not os.path.lexists(path / name):
            raise PathDoesNotExist(f"Missing file of Run: {path / name}")
    if not metrics.is_dir():
        raise PathDoesNotExist(f"Missing subdirectory of Run: {metrics}")
    if metrics.is_symlink():
        raise FileIOError(f"{metrics} is a link, and may lead anywhere")
    for file in (*(path / name for name in FILES), *metrics.glob("*.*l")):
        require_plain(file)
    said, hparams, platform, git = (_mapping(path / name) for name in (METADATA, *FILES[2:5]))
    metadata = {**said, "alternativeName": path.resolve().name}
    if metadata.get("kind", RUN) != RUN:
        raise FileIOError(f"Invalid kind: {metadata.get('kind')!r} in {path / METADATA}")
    if metadata.get("status") == RUNNING and not is_alive(path):
        metadata["status"] = ERROR
    known = (linked(path), _link(path).get("commit"))
    return RunFolder(path.absolute(), metadata, hparams, platform, git, *known)


def kind(path: Path) -> str | None:
    """`Run` or `Artifact`, as its metadata says; None for what is no such directory."""
    try:
        return str(_mapping(path / METADATA).get("kind")) or None
    except (FileIOError, PathDoesNotExist):
        return None


def is_alive(path: Path) -> bool:
    """Whether a process has the run of this directory: it holds the directory's lock."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        # No locks on this disk. Nobody can say, so what is written there counts.
        return True
    finally:
        os.close(fd)
    return False


def require_plain(path: Path) -> None:
    """Whoever made a directory may have put anything into it: only files are read and sent on.

    Raises FileIOError for a link, a pipe, and anything else that is none.
    """
    try:
        mode = os.lstat(path).st_mode
    except OSError:
        return
    if stat.S_ISLNK(mode):
        raise FileIOError(f"{path} is a link, and may lead anywhere", hint="copy what it names")
    if not stat.S_ISREG(mode):
        raise FileIOError(f"{path} is no regular file")


def linked(path: Path) -> str | None:
    """The id of the run that a directory belongs to."""
    return _link(path).get("run")


def _link(path: Path) -> dict[str, str]:
    try:
        said = json.loads((path / LINK).read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    listed = said.items() if isinstance(said, dict) else ()
    return {key: value for key, value in listed if isinstance(value, str)}


def _mapping(path: Path) -> dict[str, Any]:
    found = _document(path)
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise FileIOError(f"{path} holds a {type(found).__name__}, and no mapping")
    return found


def _document(path: Path) -> Any:
    require_plain(path)
    try:
        return yamltext.load(path.read_bytes())
    except FileNotFoundError:
        raise PathDoesNotExist(f"there is no {path}") from None
    except OSError as error:
        raise FileIOError(f"cannot read {path}: {error.strerror}") from error
    except FileIOError as error:
        raise FileIOError(f"{path}: {error.message}") from None


def point(type: str, entry: object) -> Point:
    if not isinstance(entry, dict) or not isinstance(entry.get("value"), dict):
        raise FileIOError(f"a point of '{type}' has no value")
    where = entry.get("sequence")
    said = where if isinstance(where, dict) else {}
    data = series.line(
        entry["value"],
        type=type,
        step=said.get("step"),
        epoch=said.get("epoch"),
        time=seconds(said.get("timestamp")) or 0.0,
    )
    try:
        return series.parse(data)
    except InvalidDocument as error:
        raise FileIOError(f"a point of '{type}': {error.message}") from None


def seconds(text: object) -> float | None:
    """A time stamp in seconds since 1970; None for what is none."""
    if isinstance(text, datetime):
        return text.timestamp()
    try:
        return datetime.fromisoformat(str(text)).timestamp() if text else None
    except ValueError:
        return None
