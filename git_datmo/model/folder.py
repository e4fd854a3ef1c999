"""What lies in the folders of a remote: runs and artifacts by path, as t9k's folders were."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, Final

from git_datmo.errors import InvalidArgumentType, ValidationFailed
from git_datmo.model.frozen import field, frozen

FOLDER, RUN, ARTIFACT, OTHER = "folder", "run", "artifact", "other"
SKIP, ERROR, NEW, REPLACE = "skip", "error", "new", "replace"
STRATEGIES: Final = (SKIP, ERROR, NEW, REPLACE)
DEFAULT: Final = "default"
"""The folder that everybody has: it is there without having been made."""

MAX_COMPONENT: Final = 80
"""How many bytes of UTF-8 one part of a path may have. Encoded, each may take three, and a part
is a file name."""
SILENT_SECONDS: Final = 300
"""How long a run under way may say nothing before it counts as dead."""

Path = tuple[str, ...]


@frozen
class Node:
    """A folder, or a run or artifact in one.

    `id` is the commit there, `name` what the run or artifact is called by its maker, who may have
    found its place in the folder taken. `recorded` is False for a run that was sent before it was
    recorded, last at `updated`; `live` says that it had not ended then. Times are in milliseconds
    since 1970.
    """

    path: str
    kind: str
    id: str | None = None
    run_id: str | None = None
    name: str | None = None
    alternative_name: str | None = None
    status: str | None = None
    labels: tuple[str, ...] = ()
    description: str = ""
    created: int | None = None
    started: int | None = None
    ended: int | None = None
    recorded: bool = True
    live: bool = False
    updated: int | None = None

    @property
    def title(self) -> str:
        """The last part of its path."""
        return self.path.rpartition("/")[2]

    @property
    def silent(self) -> float:
        """For how many seconds a run that had not ended has said nothing; 0 for all else."""
        if not self.live or self.updated is None:
            return 0.0
        return max(0.0, time.time() - self.updated / 1000)

    @property
    def is_dead(self) -> bool:
        """Whether it had not ended and has been silent for longer than a run that lives is."""
        return self.silent > SILENT_SECONDS

    def to_dict(self) -> dict[str, Any]:
        """What is known of it, as plain values."""
        known = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return {**known, "labels": list(self.labels), "title": self.title}


@frozen
class Placed:
    """Where something was put: `path` in the folders of `remote`, whose address is `host`.

    `created` is False for what lay there already. `notices` is what its maker should know.
    """

    path: str
    id: str
    remote: str
    host: str
    created: bool
    notices: tuple[str, ...] = ()


@frozen
class Live:
    """A run under way as it was uploaded last: its commit there, what was said of it, and, where
    that was asked for, `streams`: what it printed (`log`) and its points (`metrics`, JSON lines).
    """

    id: str
    run_id: str
    said: Mapping[str, Any]
    streams: Mapping[str, bytes] = field(default_factory=dict)


def check_strategy(strategy: object) -> str:
    """Return a conflict strategy. Raises ValidationFailed."""
    if strategy not in STRATEGIES:
        raise ValidationFailed(
            f"Not supported conflict strategy: '{strategy}'",
            hint=f"one of {', '.join(STRATEGIES)}",
        )
    return str(strategy)


def path_of(text: object, user: str) -> Path:
    """The parts of a path: below `/<user>/` unless it begins with a slash. An empty one is the
    user's own root, `/` the root of all.

    Raises InvalidArgumentType, ValidationFailed.
    """
    if not isinstance(text, str):
        raise InvalidArgumentType(f"a folder is named by text, not by {type(text).__name__}")
    parts = tuple(part for part in text.split("/") if part)
    for reason in filter(None, map(_fault, parts)):
        raise ValidationFailed(f"{reason}: {text!r}")
    return parts if text.startswith("/") else (user, *parts)


def is_path(path: Path) -> bool:
    """Whether something may lie there: what strangers wrote may be anything."""
    return all(part and "/" not in part and _fault(part) is None for part in path)


def _fault(part: str) -> str | None:
    if part in (".", ".."):
        return f"a path in folders has no '{part}'"
    if not part.isprintable():
        return "a folder's name cannot hold what has no shape"
    if len(part.encode("utf-8", "replace")) > MAX_COMPONENT:
        return f"a part of a path has at most {MAX_COMPONENT} bytes"
    return None


def text_of(path: Path) -> str:
    """A path as people read it."""
    return "/" + "/".join(path)
