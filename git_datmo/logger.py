"""datmo's `Logger`: config and results written from inside a task, into plain files."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from git_datmo.errors import InvalidArgumentType
from git_datmo.tracking import parts
from git_datmo.tracking.sink import FAULTS, said, warn

TASK_DIR = "/task"


class Logger:
    """Adds to `config.json` and `stats.json` of the task that the program runs in.

    They lie in `task_dir` when there is such a folder, else in the current directory. By default
    that is the folder `DATMO_TASK_DIR` names, else `/task`.
    """

    def __init__(self, task_dir: str | os.PathLike[str] = TASK_DIR) -> None:
        self.task_dir = os.fspath(task_dir)
        self._warned = False

    @property
    def folder(self) -> Path:
        """Where the files are now."""
        chosen = self.task_dir
        if chosen == TASK_DIR:
            chosen = os.environ.get("DATMO_TASK_DIR") or chosen
        return Path(chosen) if os.path.isdir(chosen) else Path.cwd()

    def log_config(self, config: dict[str, Any]) -> dict[str, Any]:
        """Add to the config, and return all of it. Raises InvalidArgumentType for anything but a
        dictionary; a file that cannot be written is a warning."""
        return self._add("config", parts.CONFIG, config)

    def log_result(self, results: dict[str, Any]) -> dict[str, Any]:
        """Add to the stats, and return all of them. Raises InvalidArgumentType for anything but a
        dictionary; a file that cannot be written is a warning."""
        return self._add("results", parts.STATS, results)

    log_results = log_result

    def _add(self, kind: str, name: str, new: object) -> dict[str, Any]:
        if not isinstance(new, Mapping):
            raise InvalidArgumentType(f"{kind} must be a dictionary, not {type(new).__name__}")
        try:
            return parts.merge(self.folder / name, new)
        except FAULTS as error:
            if not self._warned:
                warn(f"{said(error)}; the program goes on")
            self._warned = True
            return dict(new)
