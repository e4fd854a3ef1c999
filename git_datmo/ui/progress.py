"""A progress bar for work that takes longer than a moment, on a terminal only.

What draws it is imported when the first bar appears: quick commands never pay for it.
"""

from __future__ import annotations

import shutil
import sys
import time
from threading import Lock
from types import TracebackType
from typing import TYPE_CHECKING, Literal, Protocol, Self, TextIO

from git_datmo.ui.escape import clip, safe

if TYPE_CHECKING:
    from rich.progress import Progress as RichProgress
    from rich.progress import ProgressColumn, TaskID

DELAY = 0.5

Unit = Literal["B", "files"]


class Progress(Protocol):
    """What a `with progress(…) as p:` gives; `advance` may be called from several threads."""

    @property
    def shown(self) -> bool:
        """Whether anybody sees it."""

    def advance(self, n: int = 1) -> None:
        """Say that `n` more bytes or files are done."""

    def expect(self, n: int) -> None:
        """Say that `n` more bytes or files are to come."""

    def report(self, text: str) -> None:
        """Say in one line what goes on before or after the counting."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...


def progress(
    label: str,
    *,
    total: int | None = None,
    unit: Unit = "files",
    stream: TextIO | None = None,
    enabled: bool | None = None,
) -> Progress:
    """Make a bar on `stream` (standard error) that shows up after half a second of work.

    Unless `enabled` says otherwise it is off, and costs nothing, where `stream` is no terminal.
    """
    stream = sys.stderr if stream is None else stream
    if enabled is None:
        enabled = stream.isatty()
    return _Bar(label, total, unit, stream) if enabled else _Silence()


class _Silence:
    shown = False

    def advance(self, n: int = 1) -> None:
        pass

    def expect(self, n: int) -> None:
        pass

    def report(self, text: str) -> None:
        pass

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        pass


class _Bar:
    shown = True

    def __init__(self, label: str, total: int | None, unit: Unit, stream: TextIO) -> None:
        self._label = safe(label)
        self._total = total
        self._unit = unit
        self._stream = stream
        self._done = 0
        self._lock = Lock()
        self._shown: tuple[RichProgress, TaskID] | None = None
        self._said = ""
        self._due = time.monotonic() + DELAY

    def advance(self, n: int = 1) -> None:
        with self._lock:
            self._done += n
            if self._shown is None and time.monotonic() >= self._due:
                self._shown = self._show()
            if self._shown is not None:
                bar, task = self._shown
                bar.update(task, completed=self._done)

    def expect(self, n: int) -> None:
        with self._lock:
            self._total = (self._total or 0) + n
            if self._shown is not None:
                bar, task = self._shown
                bar.update(task, total=self._total)

    def report(self, text: str) -> None:
        with self._lock:
            if self._shown is not None:
                bar, task = self._shown
                bar.update(task, description=safe(text))
            elif time.monotonic() >= self._due:
                self._wipe()
                self._said = clip(safe(text), shutil.get_terminal_size().columns - 1)
                self._stream.write(self._said)
                self._stream.flush()

    def _wipe(self) -> None:
        if self._said:
            self._stream.write("\r\x1b[K")
            self._said = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with self._lock:
            if self._shown is not None:
                self._shown[0].stop()
            self._wipe()
            self._stream.flush()
            self._shown = None
            self._due = float("inf")

    def _show(self) -> tuple[RichProgress, TaskID]:
        from rich import progress as rich
        from rich.console import Console

        self._wipe()
        columns: list[ProgressColumn] = [
            rich.TextColumn("{task.description}", markup=False),
            rich.BarColumn(),
        ]
        if self._unit == "B":
            columns += [rich.DownloadColumn(binary_units=True), rich.TransferSpeedColumn()]
        else:
            columns += [rich.MofNCompleteColumn()]
        bar = rich.Progress(
            *columns,
            rich.TimeRemainingColumn(),
            console=Console(file=self._stream),
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        task = bar.add_task(self._label, total=self._total, completed=self._done)
        bar.start()
        return bar, task
