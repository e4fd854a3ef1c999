"""Who is logged in where. A login chooses the git remote that folders lie on: it asks nobody,
keeps nothing on the disk, and needs no key."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from git_datmo.compat.em import console, place
from git_datmo.errors import DatmoError, RemoteError

if TYPE_CHECKING:
    from git_datmo.records.project import Project


class NotLoggedIn(RemoteError, RuntimeError):
    """Something is to be sent, and no login said where to."""

    hint = "call em.login(), with the name or address of a git remote, or without any"


class _Session:
    """The login of this process: `chosen` is the remote, None the usual one."""

    logged_in = False
    chosen: str | None = None


_session = _Session()


def login(
    ais_host: str | os.PathLike[str] | None = None,
    api_key: str | None = None,
    timeout: float | None = None,
) -> None:
    """Choose where runs and artifacts are sent: a git remote by its name, address or path.

    Without one it is `datmo.remote` of git's configuration, else `origin`, else the repository
    itself. Nobody is asked, so this works without a network. `api_key` and `timeout` are taken
    for old scripts' sake, and neither used nor kept: git signs in as it does for any push.
    Raises ValueError for a word that is no remote here, TypeError for what is no text.
    """
    del api_key, timeout
    host = os.fspath(ais_host) if ais_host else None
    if host is not None and not isinstance(host, str):
        raise TypeError(f"a host is text, not {type(ais_host).__name__}")
    _session.chosen = _address(host) if host else None
    _session.logged_in = True
    project = _project()
    where, who = "the usual remote", None
    if project is not None:
        from git_datmo.api import folder

        try:
            where, who = folder.host_of(project, _session.chosen), folder.owner_of(project)
        except DatmoError as error:
            console.warning(error.message)
    elif _session.chosen is not None:
        where = _shown(_session.chosen)
    console.info(f"Logged in to {where}" + (f" as user {who}" if who else ""))


def logout() -> None:
    """Forget the login. What is being sent by `auto_upload` goes on to where it was begun."""
    if not _session.logged_in:
        console.warning("Not logged in")
        return
    _session.logged_in, _session.chosen = False, None
    console.info("Logged out")


def is_logged_in() -> bool:
    """Whether there was a login."""
    return _session.logged_in


def remote() -> str | None:
    """The remote that was chosen; None for the usual one."""
    return _session.chosen


def require() -> str | None:
    """`remote()`, once there was a login. Raises NotLoggedIn, a RuntimeError."""
    if not _session.logged_in:
        raise NotLoggedIn("Not logged in")
    return _session.chosen


def _address(host: str) -> str:
    """A remote's name or an address; a folder by its whole path, wherever the script goes."""
    project = _project()
    if project is not None and host in project.repository.config.sections("remote"):
        return host
    path = Path(host).expanduser()
    if path.is_dir():
        return os.path.abspath(path)
    # A word alone is a remote's name, and an address has more to it.
    if "/" in host or ":" in host:
        return host
    raise ValueError(f"there is no remote '{host}': git remote add {host} <path or address>")


def _shown(host: str) -> str:
    from git_datmo.api import folder

    return folder.shown(host)


def _project() -> Project | None:
    """The project around, where there is one; none is made for a login."""
    from git_datmo.api import location

    try:
        return location.find(place.home(), tidy=False)
    except DatmoError:
        return None
