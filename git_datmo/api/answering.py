"""Whether a workspace's server answers, and only to those who may enter."""

from __future__ import annotations

import http.client
import math
import threading
import time
from collections.abc import Callable

from git_datmo.model.frozen import field, frozen
from git_datmo.model.workspace import JUPYTERLAB, RSTUDIO, Access

LOCALHOST = "127.0.0.1"
ASK_SECONDS = 5.0
PAUSE_SECONDS = 0.1
READY_SECONDS = 120.0
NOT_YET, OPEN, UNGUARDED = "not yet", "open", "unguarded"
REFUSED = (401, 403)


@frozen
class Site:
    """Where a server will listen, and what it will ask for."""

    kind: str
    port: int
    token: str = field(repr=False)
    user: str | None = None

    @property
    def access(self) -> Access:
        """The way in, for its owner."""
        if self.kind == RSTUDIO:
            return Access(f"http://{LOCALHOST}:{self.port}/", self.user, self.token)
        page = "lab" if self.kind == JUPYTERLAB else "tree"
        return Access(f"http://{LOCALHOST}:{self.port}/{page}?token={self.token}")

    def state(self) -> str:
        """NOT_YET, OPEN, or UNGUARDED when it lets in who has no token."""
        if self.kind == RSTUDIO:
            return OPEN if self._ask("/auth-sign-in", None) == 200 else NOT_YET
        # First without: what listens there may be anybody's, and must not learn the token.
        stranger = self._ask("/api/status", None)
        if stranger == 200:
            return UNGUARDED
        if stranger not in REFUSED:
            return NOT_YET
        return OPEN if self._ask("/api/status", self.token) == 200 else NOT_YET

    def _ask(self, path: str, token: str | None) -> int | None:
        """The status of an answer, None without one."""
        headers = {} if token is None else {"Authorization": f"token {token}"}
        asked = http.client.HTTPConnection(LOCALHOST, self.port, timeout=ASK_SECONDS)
        try:
            asked.request("GET", path, headers=headers)
            return asked.getresponse().status
        except (OSError, http.client.HTTPException):
            return None
        finally:
            asked.close()


class Bell:
    """Looks, in a thread of its own, until a server answers; then `opened` is called, or
    `unguarded` if it lets anybody in. `late` is called once when that takes READY_SECONDS.
    Leaving the `with` ends the looking."""

    def __init__(
        self,
        site: Site,
        *,
        opened: Callable[[Access], None],
        unguarded: Callable[[], None],
        late: Callable[[], None],
    ) -> None:
        self._site = site
        self._opened, self._unguarded, self._late = opened, unguarded, late
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look, name="datmo-workspace", daemon=True)

    def __enter__(self) -> Bell:
        self._thread.start()
        return self

    def __exit__(self, *how: object) -> None:
        self._over.set()
        self._thread.join(ASK_SECONDS)

    def _look(self) -> None:
        deadline = time.monotonic() + READY_SECONDS
        while not self._over.wait(PAUSE_SECONDS):
            state = self._site.state()
            if state == OPEN:
                self._opened(self._site.access)
                return
            if state == UNGUARDED:
                self._unguarded()
                return
            if time.monotonic() > deadline:
                deadline = math.inf
                self._late()
