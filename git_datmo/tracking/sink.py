"""Where a program's points, config and results go: the task directory of the run it is."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from time import time
from typing import Any, Final

from git_datmo.errors import Conflict, DatmoError, InvalidArgumentType, PathDoesNotExist
from git_datmo.model.series import line
from git_datmo.tracking import parts

METRICS: Final = "metrics.jsonl"
KEPT: Final = 10
"""How many of its problems a sink remembers in words; it counts them all."""

# Whatever a value of somebody's own class may raise while it is looked at; never Ctrl-C.
FAULTS: Final = (
    *(OSError, DatmoError, TypeError, ValueError, ArithmeticError),
    *(LookupError, AttributeError, RuntimeError, AssertionError, MemoryError),
)


def warn(message: str) -> None:
    """Say something in the program's log, on stderr unless the program says otherwise."""
    import logging

    logging.getLogger("git_datmo").warning("git-datmo: %s", message)


class Sink:
    """The task directory `folder`, written to by any number of threads and processes.

    No method raises for what cannot be recorded: the first time it is said in the log, and
    `problems` keeps the first sentences.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.problems: list[str] = []
        self.failures = 0
        self._fd = -1
        self._torn = False
        self._ended = False
        self._refused: list[str] = []
        self._mirror: Callable[[str, bytes], None] | None = None

    def log(
        self,
        what: Any = None,
        /,
        metrics: Any = None,
        step: Any = None,
        epoch: Any = None,
        *,
        type: Any = None,
        **values: Any,
    ) -> None:
        """Record values by name as one point: on the disk's side when this returns.

        `log({"loss": 0.1}, step=1)`, `log("train", {"loss": 0.1}, step=1, epoch=0)` and
        `log(loss=0.1, step=1)` are all understood. `type` names the series (`train`, `val`, …);
        `step` and `epoch` are numbers. Numbers of numpy, torch and their like count as numbers.
        """
        try:
            plain = type is None or isinstance(type, str)
            if values or metrics is not None or not plain or not isinstance(what, Mapping):
                what, type, step = _sorted(what, metrics, step, type, values)
            refused = self._refused
            data = line(what, type=type, step=step, epoch=epoch, time=time(), refused=refused)
            if self._mirror is not None:
                self._mirror(type, data)
            careful = self._fd < 0 or self._torn
            if careful:
                data = self._open() + data
            written = os.write(self._fd, data)
            if written != len(data):
                self._finish(data[written:])
            elif careful:
                self._torn = False
            if refused:
                for sentence in refused:
                    self._note(sentence)
                refused.clear()
        except FAULTS as error:
            self._note(said(error))

    def log_config(self, config: Any = None, /, **values: Any) -> dict[str, Any]:
        """Add to the run's config, and return all of it that was logged."""
        return self._merge(parts.CONFIG, config, values)

    def log_result(self, results: Any = None, /, **values: Any) -> dict[str, Any]:
        """Add to the run's stats, and return all of them that were logged."""
        return self._merge(parts.STATS, results, values)

    log_results = log_result

    def mirror(self, also: Callable[[str, bytes], None]) -> None:
        """Give the type and the line of each point to `also`, before it is written here."""
        self._mirror = also

    def close(self) -> None:
        """Let go of the file; what is logged later is a problem."""
        self._ended = True
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)

    def _merge(self, name: str, given: Any, values: dict[str, Any]) -> dict[str, Any]:
        try:
            self._check()
            return parts.merge(self.folder / name, {**dictionary(given), **values})
        except FAULTS as error:
            self._note(said(error))
            return {}

    def _check(self) -> None:
        if self._ended:
            raise Conflict("the run has ended: nothing can be added to it")
        if not self.folder.is_dir():
            raise PathDoesNotExist(f"there is no task directory {self.folder}")

    def _open(self) -> bytes:
        """Open the file if it is not, and return what must come first: an end for a torn line."""
        if self._fd < 0:
            self._check()
            flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
            fd = os.open(self.folder / METRICS, flags, 0o644)
            size = os.fstat(fd).st_size
            self._torn = size > 0 and os.pread(fd, 1, size - 1) != b"\n"
            self._fd = fd
        return b"\n" if self._torn else b""

    def _finish(self, rest: bytes) -> None:
        """Write what the system did not take at once: a full disk says so only now."""
        self._torn = True
        while rest:
            rest = rest[os.write(self._fd, rest) :]
        self._torn = False

    def describe(self, **about: Any) -> None:
        """Say what the run of a task is called besides: `labels`, `description`,
        `alternative_name`. None leaves one as it is."""
        try:
            parts.describe(self.folder, **about)
        except FAULTS as error:
            self._note(said(error))

    def _note(self, sentence: str) -> None:
        self.failures += 1
        if self.failures == 1:
            warn(f"{sentence}; the program goes on")
        if len(self.problems) < KEPT and sentence not in self.problems:
            self.problems.append(sentence)


def dictionary(given: Any) -> Mapping[Any, Any]:
    """Return a dictionary, or what keeps one: a namespace of arguments, a data class.

    Raises InvalidArgumentType for anything else.
    """
    if given is None:
        return {}
    if isinstance(given, Mapping):
        return given
    if not isinstance(given, type):
        if hasattr(given, "__dataclass_fields__"):
            return {name: getattr(given, name) for name in given.__dataclass_fields__}
        if type(given).__name__ in ("Namespace", "SimpleNamespace"):
            named: dict[str, Any] = vars(given)
            return named
    raise InvalidArgumentType(f"a dictionary is needed, not {type(given).__name__}")


def _sorted(
    what: Any, metrics: Any, step: Any, type: Any, values: dict[str, Any]
) -> tuple[Mapping[Any, Any], Any, Any]:
    """Tell the arguments apart: the type may come first, and a step second."""
    if isinstance(what, str):
        what, type = None, what
    if metrics is not None and not isinstance(metrics, Mapping):
        if step is not None or isinstance(metrics, str):
            raise InvalidArgumentType(f"values by name are needed, not {metrics!r:.60}")
        metrics, step = None, metrics
    if what is not None and not isinstance(what, Mapping):
        raise InvalidArgumentType(f"values by name are needed, not {what!r:.60}")
    if what is None and metrics is None and not values:
        raise InvalidArgumentType("there is no value to log")
    if type is not None and not isinstance(type, str):
        type = str(type)
    return {**(what or {}), **(metrics or {}), **values}, type, step


def said(error: BaseException) -> str:
    """Return what a fault means, in one sentence."""
    if isinstance(error, DatmoError):
        return error.message
    if isinstance(error, OSError) and error.strerror:
        where = f" {error.filename}" if error.filename else ""
        return f"cannot write what was logged:{where} {error.strerror}"
    return f"cannot log that: {type(error).__name__}: {error}"
