"""What a Git LFS server's refusals mean, and what to do about them."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

import orjson

from git_datmo.errors import RemoteError
from git_datmo.remotes.lfs.endpoint import shown
from git_datmo.remotes.lfs.http import LONGEST_PAUSE, Passing

if TYPE_CHECKING:
    from urllib3 import BaseHTTPResponse

MOST_BYTES = 65_536
MOST_SHOWN = 300
_MAY_PASS = frozenset({408, 425, 429, 500, 502, 503, 504})

_MEANING: dict[int, tuple[str, str | None]] = {
    401: ("does not let us in", "check the user name and the password or token for it"),
    403: ("refuses", "ask its owner for the right, or whether the quota is used up"),
    404: (
        "has no such thing",
        "is Git LFS switched on for the repository, and may you read it? "
        "git config remote.<name>.lfsurl names another server",
    ),
    410: ("has removed it", None),
    413: (
        "refuses a file as too large (a limit of the server, or of a proxy before it)",
        "ask its owner to raise the limit, or put content elsewhere: "
        "git config datmo.<remote>.store s3://bucket/prefix",
    ),
    422: (
        "does not accept the content",
        "it may be larger than the host's limit for one file",
    ),
    429: ("is asked too often", "try again later: what arrived stays"),
    501: ("knows no Git LFS batch API", None),
    507: (
        "has no room left",
        "free room there or buy some, then push again: what arrived stays",
    ),
    509: ("has used up its bandwidth", "the host gives more, or again with the next month"),
}


def refusal(response: BaseHTTPResponse, url: str, operation: str) -> RemoteError:
    """The error for an answer that is no success; Passing when it may pass."""
    said = _said(response)
    pause = _pause(response.headers.get("Retry-After")) if response.status in _MAY_PASS else None
    if response.status in _MAY_PASS and (pause is None or pause <= LONGEST_PAUSE):
        message, hint = _told(response.status, url, operation, said)
        return Passing(message, hint=hint, pause=pause)
    return meant(response.status, url, operation, said)


def meant(code: int, url: str, operation: str, said: str) -> RemoteError:
    """The error for a code that a server answered, for a request or for one object."""
    message, hint = _told(code, url, operation, said)
    return RemoteError(message, hint=hint)


def _told(code: int, url: str, operation: str, said: str) -> tuple[str, str | None]:
    meaning, hint = _MEANING.get(code, ("failed", "try again: what arrived stays"))
    words = plain(said)
    shown_url = shown(url).partition("?")[0]
    return (
        f"{shown_url} {meaning} ({operation}, status {code}){': ' + words if words else ''}",
        hint,
    )


def plain(said: str) -> str:
    """A server's words in one line that a terminal can show."""
    kept = "".join(letter if letter.isprintable() else " " for letter in said)
    return re.sub(r" +", " ", kept).strip()[:MOST_SHOWN]


def _said(response: BaseHTTPResponse) -> str:
    from urllib3.exceptions import HTTPError

    try:
        data = response.read(MOST_BYTES)
    except (HTTPError, OSError):
        return response.reason or ""
    try:
        found = orjson.loads(data)
        return str(found["message"])
    except (ValueError, KeyError, TypeError):
        return response.reason or ""


def _pause(named: str | None) -> float | None:
    """`Retry-After` in seconds: a number, or a moment."""
    if named is None:
        return None
    if re.fullmatch(r"\d{1,9}", named.strip()):
        return float(named)
    try:
        moment = parsedate_to_datetime(named)
    except ValueError:
        return None
    return max(0.0, (moment - datetime.now(UTC)).total_seconds()) if moment.tzinfo else None
