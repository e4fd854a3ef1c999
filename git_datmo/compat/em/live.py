"""auto_upload: a run is sent every few seconds while it lasts, and for good when it has ended."""

from __future__ import annotations

import os
import shlex
import threading
from typing import TYPE_CHECKING, Any, Final

from git_datmo.compat.em import console, session, uploading
from git_datmo.compat.em.sending import files, send_once, sender, told
from git_datmo.errors import DatmoError
from git_datmo.model.folder import DEFAULT, REPLACE, SKIP, check_strategy

if TYPE_CHECKING:
    from git_datmo.api.live import Upload
    from git_datmo.compat.em.experiment import Run

MAX_WAIT_SECONDS: Final = 60.0
FINISH_SECONDS: Final = 120.0


class AutoUpload:
    """The sending of one run, in a thread of its own that nothing waits for but `finish`.

    What fails is tried again, more seldom each time; nothing is lost by it, for the next time
    sends all that there is. Raises ValueError at once for a strategy that is none.
    """

    def __init__(
        self,
        run: Run,
        *,
        folder: str = "default",
        make_folder: bool = False,
        conflict_strategy: str = "new",
    ) -> None:
        with uploading.as_em_says():
            check_strategy(conflict_strategy)
        self._run = run
        self._wish: dict[str, Any] = {"folder": folder, "make_folder": make_folder}
        self._wish["conflict_strategy"] = conflict_strategy
        self._process = os.getpid()
        self._over = threading.Event()
        self._thread: threading.Thread | None = None
        self._upload: Upload | None = None
        self._remote: str | None = None
        self._begun = False
        self.problem: str | None = None

    def start(self) -> None:
        """Begin to send. Where nobody is logged in yet, it begins after the login."""
        if not session.is_logged_in():
            console.warning("auto_upload begins with em.login(): nobody is logged in")
        self._project = self._run._project()
        self._thread = threading.Thread(target=self._work, name="em-auto-upload", daemon=True)
        self._thread.start()

    def finish(self) -> None:
        """Send the rest: the run as it was recorded, or, inside of a task, as it is now. What
        fails is said, and raised nowhere."""
        if self._process != os.getpid():
            return
        self._over.set()
        if self._thread is not None:
            self._thread.join(FINISH_SECONDS)
            self._thread = None
        try:
            self._last()
            self.problem = None
        except (DatmoError, OSError, RuntimeError, ValueError) as error:
            self.problem = str(error)
            hint = getattr(error, "hint", None)
            console.error(
                f"{self._run.alternative_name} was not uploaded: {error}"
                + (f" ({hint})" if hint else "")
                + f"; '{self._command()}' does it later"
            )

    def _command(self) -> str:
        """What sends it from a shell, to where it was asked for."""
        folder, strategy = str(self._wish["folder"]), str(self._wish["conflict_strategy"])
        words = ["git", "datmo", "em", "upload", self._run.local]
        words += ["-f", folder, "-m"] if folder != DEFAULT else []
        words += ["-c", strategy] if strategy in (SKIP, REPLACE) else []
        return shlex.join(words)

    def _last(self) -> None:
        if not self._begun:
            self._remote = session.require()
        # The thread that finishes a run may be another than the one that began it.
        self._project = self._run._project()
        if self._project is None:
            raise session.NotLoggedIn("this task reaches no repository to upload from")
        at = self._upload.path if self._upload is not None else None
        if self._upload is not None:
            self._upload.close()
            self._upload = None
        wish = {**self._wish, "remote": self._chosen()}
        if self._run._record() is None:
            # The task around it records it, when it has ended.
            send_once(self._run, self._project, {**wish, "at": at})
        else:
            uploading.upload_run(self._run, at=at, project=self._project, **wish)

    def _work(self) -> None:
        wait = 0.0
        while not self._over.wait(wait):
            usual = self._interval()
            if not session.is_logged_in() and not self._begun:
                wait = usual
                continue
            try:
                self._send()
                self.problem, wait = None, usual
            except (DatmoError, OSError, RuntimeError, ValueError) as error:
                if self.problem is None:
                    console.warning(f"auto_upload will try again: {error}")
                self.problem = str(error)
                wait = min(MAX_WAIT_SECONDS, max(usual, wait * 2))

    def _interval(self) -> float:
        from git_datmo.api import live

        try:
            return live.interval(self._project) if self._project is not None else MAX_WAIT_SECONDS
        except DatmoError:
            return float(live.INTERVAL_SECONDS)

    def _chosen(self) -> str:
        from git_datmo.api import folder

        if self._project is None:
            raise session.NotLoggedIn("this task reaches no repository to upload from")
        return folder.remote_of(self._project, self._remote)

    def _send(self) -> None:
        if self._project is None:
            return
        if not self._begun:
            # A logout, or another login, does not move what was begun.
            self._remote, self._begun = session.require(), True
        if self._upload is None:
            wish = {**self._wish, "remote": self._chosen()}
            self._upload = sender(self._run, self._project, wish)
        self._upload.send(told(self._run), files(self._run))
