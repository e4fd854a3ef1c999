"""Process-wide settings of the Python front door: the project's home, logging, a small cache."""

from __future__ import annotations

import functools
import json
import logging
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from git_datmo.errors import InvalidProjectPath, ValidationFailed

P = ParamSpec("P")
R = TypeVar("R")

LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")


class Config:
    """One object for the whole process: every `Config()` is the same.

    `home` is the folder whose project the verbs use: the current directory unless `set_home`
    chose another. `logging_level` is `LOGGING_LEVEL` of the environment, or WARNING.
    """

    _only: Config | None = None
    _home: str | None = None
    _level: str | None = None

    def __new__(cls) -> Config:
        if cls._only is None:
            cls._only = super().__new__(cls)
        return cls._only

    @property
    def home(self) -> str:
        return self._home if self._home is not None else os.getcwd()

    def set_home(self, home: str | os.PathLike[str] | None) -> None:
        """Use the project around `home` from now on; None: the current directory again.

        Raises InvalidProjectPath.
        """
        if home is not None and not os.path.isdir(home):
            raise InvalidProjectPath(f"home is not a folder: {os.fspath(home)}")
        self._home = os.path.abspath(home) if home is not None else None

    @property
    def logging_level(self) -> str:
        return self._level or os.environ.get("LOGGING_LEVEL", "WARNING").upper()

    @logging_level.setter
    def logging_level(self, level: str) -> None:
        if str(level).upper() not in LEVELS:
            raise ValidationFailed(f"a logging level is one of {', '.join(LEVELS)}, not {level!r}")
        self._level = str(level).upper()
        logging.getLogger("git_datmo").setLevel(self._level)

    @property
    def cache_path(self) -> Path:
        """The file of cached settings, below the user's cache folder."""
        base = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
        return Path(base) / "git-datmo" / "settings.json"

    def cache_setting(
        self, key: str, expires: float | None = None
    ) -> Callable[[Callable[P, R]], Callable[P, R]]:
        """Keep what a function returns (a JSON value) under `key`, for `expires` seconds.

        Without `expires` it is kept until the file is deleted.
        """

        def decorate(function: Callable[P, R]) -> Callable[P, R]:
            @functools.wraps(function)
            def cached(*args: P.args, **kwargs: P.kwargs) -> R:
                kept = self._read()
                entry = kept.get(key)
                if isinstance(entry, dict) and (entry.get("until") or float("inf")) > time.time():
                    value: R = entry["value"]
                    return value
                value = function(*args, **kwargs)
                until = time.time() + expires if expires is not None else None
                self._write({**self._read(), key: {"value": value, "until": until}})
                return value

            return cached

        return decorate

    def _read(self) -> dict[str, Any]:
        try:
            found = json.loads(self.cache_path.read_text("utf-8"))
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}

    def _write(self, kept: dict[str, Any]) -> None:
        self.cache_path.parent.mkdir(parents=True, exist_ok=True)
        fd, temporary = tempfile.mkstemp(dir=self.cache_path.parent)
        with open(fd, "w", encoding="utf-8") as file:
            json.dump(kept, file)
        os.replace(temporary, self.cache_path)
