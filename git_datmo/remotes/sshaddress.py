"""Where something is over ssh."""

from __future__ import annotations

import re
from urllib.parse import unquote, urlsplit

from git_datmo.errors import UsageError
from git_datmo.model.frozen import frozen
from git_datmo.remotes.refusals import without_secrets

# `transport::address`: a program of git's own speaks it.
_HELPER = re.compile(r"[A-Za-z0-9][A-Za-z0-9+.-]*::")
_SCP = re.compile(r"(?:([^@/:]+)@)?(?:\[([^\]]+)\]|([^/:\[\]]+)):(.*)", re.DOTALL)


@frozen
class SshAddress:
    """A path on a host; None for the user or port that ssh itself would take."""

    user: str | None
    host: str
    port: int | None
    path: str

    @property
    def target(self) -> str:
        """`user@host`, or the host alone."""
        return f"{self.user}@{self.host}" if self.user else self.host

    def __str__(self) -> str:
        port = f":{self.port}" if self.port else ""
        path = self.path if self.path.startswith("/") else f"/~/{self.path.removeprefix('~/')}"
        host = f"[{self.host}]" if ":" in self.host else self.host
        user = f"{self.user}@" if self.user else ""
        return f"ssh://{user}{host}{port}{path}"


def ssh_address(url: str) -> SshAddress | None:
    """The parts of `ssh://user@host:port/path` or `user@host:path`; None for any other address.

    A path `~/x` or `x` is from the user's home there. Raises UsageError for a host or user that
    a program would take for an option.
    """
    if match := re.fullmatch(r"(?:git\+)?ssh(?:\+git)?://(.*)", url):
        try:
            parts = urlsplit("ssh://" + match[1])
            path = unquote(parts.path, errors="surrogateescape")
            path = path[1:] if path.startswith("/~") else path
            user = unquote(parts.username) if parts.username else None
            # Host aliases of ssh's own settings tell large letters from small ones.
            at = parts.netloc.lower().rfind(parts.hostname or "")
            host = parts.netloc[at:][: len(parts.hostname or "")]
            address = SshAddress(user, host, parts.port, path)
        except ValueError as error:
            raise UsageError(f"{without_secrets(url)} is no address: {error}") from error
    elif "://" not in url and not _HELPER.match(url) and (match := _SCP.fullmatch(url)):
        address = SshAddress(match[1], match[2] or match[3], None, match[4])
    else:
        return None
    for word in (address.user or "", address.host, address.path):
        if word.startswith("-"):
            raise UsageError(
                f"{without_secrets(url)} is refused: '{word}' would be read as an option"
            )
    return address
