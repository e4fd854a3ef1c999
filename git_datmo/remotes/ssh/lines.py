"""Connections that are opened when they are needed, and again after a cut; several at once."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from git_datmo.errors import DatmoError, RemoteError
from git_datmo.remotes.ssh.link import Cut, Link, NoAgent
from git_datmo.remotes.transfer import patiently

T = TypeVar("T")
R = TypeVar("R")


class Line:
    """Where there is at most one connection at a time. `moved` counts the bytes that went
    through: as long as it grows, cuts are not given in to."""

    def __init__(self, opened: Callable[[], Link | NoAgent]) -> None:
        self._opened = opened
        self._link: Link | None = None
        self._reached = False
        self._stopped = False
        self.moved = 0

    def reach(self) -> NoAgent | None:
        """Connect, if it is not done yet; what the host said when it runs no agent.

        Raises RemoteError when it cannot be reached.
        """
        if self._link is None:
            found = self._opened()
            if isinstance(found, NoAgent):
                return found
            self._link, self._reached = found, True
        return None

    def again(self, work: Callable[[Link], R]) -> R:
        """The result of `work`, from the start on a new connection after each cut.

        Raises RemoteError when cuts are all there is.
        """
        while True:
            before = self.moved
            try:
                return patiently(lambda: self._once(work), (Cut,))
            except Cut as cut:
                if self.moved == before:
                    hint = "try again: what arrived is kept"
                    raise RemoteError(str(cut), hint=hint) from cut

    def _once(self, work: Callable[[Link], R]) -> R:
        if self._stopped:
            raise RemoteError("the transfer was ended")
        link = self._connected()
        try:
            return work(link)
        except (Cut, DatmoError):
            self.close()
            raise
        except BaseException:
            self.stop()
            raise

    def _connected(self) -> Link:
        try:
            refused = self.reach()
        except RemoteError as error:
            if self._reached:
                raise Cut(error.message) from error
            raise
        if refused is not None:
            raise RemoteError(
                f"the host runs no python3 for us: {refused.reason}",
                hint="install python3 there, or name another place in datmo.<remote>.store",
            )
        assert self._link is not None
        return self._link

    def close(self) -> None:
        """Hang up; the next question connects again."""
        link, self._link = self._link, None
        if link is not None:
            link.close()

    def stop(self) -> None:
        """Hang up at once and for good."""
        self._stopped = True
        if self._link is not None:
            self._link.kill()


def spread(lines: Sequence[Line], jobs: Iterable[T], work: Callable[[Line, T], None]) -> None:
    """Do `work` on each job, one at a time on each line; the first line is this thread's.

    A further line that cannot be opened is gone without. After the first error no job is begun;
    those under way end, then it is raised.
    """
    waiting = deque(jobs)

    def serve(line: Line) -> None:
        while True:
            try:
                job = waiting.popleft()
            except IndexError:
                return
            try:
                work(line, job)
            except BaseException:
                waiting.clear()
                raise

    def join_in(line: Line) -> None:
        try:
            if line.reach() is not None:
                return
        except RemoteError:
            return
        serve(line)

    with ThreadPoolExecutor(len(lines), thread_name_prefix="ssh") as pool:
        others = [pool.submit(join_in, line) for line in lines[1:]]
        try:
            serve(lines[0])
            for other in others:
                other.result()
        except DatmoError:
            raise
        except BaseException:
            for line in lines:
                line.stop()
            raise
