"""Following a container to its end: its output into files, its state into an `End`.

The connection may be cut and the engine may be restarted: the container is looked for again by
its id, and what was printed meanwhile is taken from the engine's log.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from threading import Event, Thread
from typing import TYPE_CHECKING, Any

from git_datmo.errors import EngineError
from git_datmo.runners.base import End
from git_datmo.runners.docker import stream
from git_datmo.runners.docker.engine import Engine, foreign_errors, is_gone
from git_datmo.runners.docker.record import Record
from git_datmo.runners.docker.stream import ERR, OUT, Attached

if TYPE_CHECKING:
    from docker import APIClient

PATIENCE_SECONDS = 30.0  # how long an engine that is gone is looked for
PAUSE_SECONDS = 0.25
# Streams that end this long before their container were cut, or closed by the task.
EARLY_SECONDS = 0.25
LOOK_SECONDS = 0.01
OVER = ("exited", "dead")
OOM_SECONDS = 0.2  # the flag may come a moment after the end
KILLED = 137
_INIT = re.compile(rb"\[FATAL tini \(\d+\)\] exec (.*) failed: (.*)")
_CROSS_DEVICE = (b"Invalid cross-device link", b"EXDEV")


class Follower(Thread):
    """Follows one container in the background, from its streams or, without them, its log."""

    def __init__(
        self,
        engine: Engine,
        container: str,
        records: Mapping[int, Record],
        attached: Attached | None,
        *,
        tty: bool = False,
        overlay: bool = False,
        passed_on: Callable[[bytes], None] | None = None,
    ) -> None:
        super().__init__(name=f"docker-{container[:12]}", daemon=True)
        self._engine = engine
        self._container = container
        self._records = records
        self._attached = attached
        self._tty = tty
        self._overlay = overlay
        self._passed_on = passed_on
        self._lost_since: float | None = None
        self._faults: tuple[type[BaseException], ...] = (EngineError, *foreign_errors())
        self._ended = Event()
        self._end: End | None = None

    def ended(self, seconds: float) -> End | None:
        """The end, or None when it does not come within `seconds`."""
        return self._end if self._ended.wait(seconds) else None

    def is_over(self) -> bool:
        """Whether the container is known to have ended, or to be gone."""
        try:
            return self._inspect(self._engine.client())["Status"] in OVER
        except EngineError:
            return False
        except foreign_errors() as error:
            return is_gone(error)

    def run(self) -> None:
        try:
            self._end = self._follow()
        finally:
            if self._end is None:
                self._end = End(None, lost=True, reason="its supervisor failed to follow it")
            self._ended.set()

    def _follow(self) -> End:
        complete = self._attached is not None and self._pump(self._attached)
        while True:
            try:
                client = self._engine.client(None)
                if not complete:
                    self._inspect(client)
                    self._lost_since = None
                    self._read_log(client)
                complete = self._ends_now(client)
                self._lost_since = None
                if complete:
                    return self._state(client)
            except self._faults as error:
                if is_gone(error):
                    return End(None, lost=True, reason="its container was removed by somebody else")
                complete = False
                if end := self._out_of_patience():
                    return end

    def _ends_now(self, client: APIClient) -> bool:
        """Whether the container ends where its streams do; else there may be more of them."""
        deadline = time.monotonic() + EARLY_SECONDS
        while self._inspect(client)["Status"] not in OVER:
            if time.monotonic() > deadline:
                return False
            time.sleep(LOOK_SECONDS)
        return True

    def _out_of_patience(self) -> End | None:
        now = time.monotonic()
        self._lost_since = self._lost_since or now
        if now - self._lost_since < PATIENCE_SECONDS:
            time.sleep(PAUSE_SECONDS)
            return None
        place, name = self._engine.place.shown, self._container[:12]
        return End(
            None,
            lost=True,
            reason=f"the Docker engine at {place} did not answer for {PATIENCE_SECONDS:.0f} s; "
            f"if it comes back, 'docker logs {name}' shows what became of the task",
        )

    def _pump(self, attached: Attached) -> bool:
        """Write down all that comes; whether it came to an orderly end."""
        try:
            for which, data in attached.chunks():
                self._records[which].append(data)
                if self._passed_on is not None:
                    self._passed_on(data)
        except OSError:
            return False
        finally:
            attached.close()
        return True

    def _read_log(self, client: APIClient) -> None:
        """Both streams from the log, from its start."""
        with self._records[OUT].overlaid() as out, self._records[ERR].overlaid() as err:
            for which, data in stream.log(client, self._container, tty=self._tty):
                (err if which == ERR else out)(data)

    def _state(self, client: APIClient) -> End:
        state = self._inspect(client)
        code = int(state["ExitCode"])
        if code == KILLED and not state["OOMKilled"]:
            time.sleep(OOM_SECONDS)
            state = self._inspect(client)
        oom = bool(state["OOMKilled"]) and code != 0
        return End(code, oom=oom, reason=self._reason(code, oom, str(state.get("Error") or "")))

    def _inspect(self, client: APIClient) -> Mapping[str, Any]:
        state: Mapping[str, Any] = client.inspect_container(self._container)["State"]
        return state

    def _reason(self, code: int, oom: bool, error: str) -> str | None:
        faults = [record.fault for record in self._records.values() if record.fault]
        if any(record.dropped for record in self._records.values()):
            faults.append("the engine had dropped the start of its log: some output may be missing")
        if oom:
            faults.insert(0, "it used more memory than it was granted")
        elif code:
            last = self._records[ERR].tail() + (self._records[OUT].tail() if self._tty else b"")
            if code in (126, 127) and (match := _INIT.search(last)):
                what, why = (part.decode("utf-8", "replace") for part in match.groups())
                faults.insert(0, f"the command {what} could not be executed: {why.lower()}")
            elif self._overlay and any(sign in last for sign in _CROSS_DEVICE):
                faults.append(
                    "a folder that was there before cannot be renamed on an overlay: "
                    "'git config datmo.docker.copy true' works without one"
                )
            elif error:
                faults.append(error)
        return "; ".join(faults) or None


class Later:
    """A container whose supervisor is gone. Nothing is followed and no file is written before
    somebody waits for it in earnest, or it turns out to have ended."""

    def __init__(self, follower: Follower) -> None:
        self._follower = follower
        self._follows = False

    def ended(self, seconds: float) -> End | None:
        """The end, or None when it does not come within `seconds`."""
        if not self._follows:
            over = self._follower.is_over()
            if not over and seconds <= 0:
                return None
            self._follows = True
            self._follower.start()
            if over:
                seconds += PATIENCE_SECONDS  # its log is still to be read
        return self._follower.ended(seconds)
