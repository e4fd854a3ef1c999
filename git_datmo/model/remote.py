"""A remote as its users see it."""

from __future__ import annotations

from git_datmo.model.frozen import frozen
from git_datmo.model.project import Exchange


@frozen
class RemoteState:
    """Where one remote keeps refs and content, and what asking it showed.

    `store` is what `datmo.<remote>.store` says, `place` where content really goes, `more_places`
    where it goes as well, for further push addresses. What was not asked, or did not answer, is
    None: `chains` and `refs` count what is below refs/datmo/ where fetches go, `due` the refs of
    ours that a push would bring, `writable` and `free` (bytes) hold for all of the places. `errors`
    say what did not answer, `remarks` what is worth knowing.
    """

    name: str
    url: str
    push_urls: tuple[str, ...]
    store: str | None
    place: str | None
    chains: int | None = None
    refs: int | None = None
    due: int | None = None
    writable: bool | None = None
    free: int | None = None
    errors: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()
    more_places: tuple[str, ...] = ()


@frozen
class Cloned:
    """What `clone` did: the folder, and what came; `initialized` is False where git knows no
    name and email to write anything under."""

    directory: str
    initialized: bool
    exchange: Exchange
