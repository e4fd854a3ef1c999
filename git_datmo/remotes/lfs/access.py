"""What is shown to a Git LFS server so that it lets us in.

In this order: what `git-lfs-authenticate` gave over ssh, `http.extraHeader`, user and password in
the address, `.netrc`, git's credential helpers and its question on the terminal. Nothing is kept
here beyond the process; whether a password was right is told to the helpers, as git does.
"""

from __future__ import annotations

import base64
import netrc
import os
import re
import threading
import time
from datetime import UTC, datetime
from urllib.parse import unquote, urlsplit

from git_datmo.errors import RemoteError
from git_datmo.model.frozen import field, frozen
from git_datmo.remotes.lfs.authenticate import authenticate
from git_datmo.remotes.lfs.endpoint import Endpoint, shown
from git_datmo.remotes.signingin import signing_in
from git_datmo.storage.git import Git

# git asks three times too.
QUESTIONS = 3
# A token that ends so soon is not begun with, in seconds.
EARLY = 5.0


@frozen
class Pass:
    """The endpoint's address and the headers to show there, until `ends` on the monotonic clock.

    `headers` are secrets: they go to the endpoint's own host alone.
    """

    url: str
    headers: dict[str, str] = field(repr=False)
    ends: float | None = None


# The user name and password that were right, by the address they were asked for.
Logins = dict[str, tuple[str, str]]


class Access:
    """Gets in, for one endpoint and one operation, from several threads. What somebody typed for
    one operation is in `logins` for the next."""

    def __init__(self, git: Git, endpoint: Endpoint, operation: str, logins: Logins) -> None:
        self._git, self._endpoint, self._operation = git, endpoint, operation
        self._logins = logins
        self._lock = threading.Lock()
        self._pass: Pass | None = None
        self._asked = 0
        self._filled: dict[str, str] | None = None
        self._netrc_tried = False

    def current(self) -> Pass:
        """What to show now. Raises RemoteError when ssh gives nothing."""
        with self._lock:
            ends = self._pass.ends if self._pass is not None else None
            if self._pass is None or (ends is not None and ends < time.monotonic() + EARLY):
                self._pass = self._first()
            return self._pass

    def refused(self, shown_pass: Pass) -> None:
        """The server did not let us in with this: get something else to show.

        Raises RemoteError when there is nothing more to try.
        """
        with self._lock:
            if self._pass is not shown_pass:
                return  # another thread has asked meanwhile
            if self._endpoint.ssh is not None:
                self._asked += 1
                if self._asked >= QUESTIONS:
                    raise self._no("the host's own token is refused")
                self._pass = self._first()
                return
            self._reject()
            if self._asked >= QUESTIONS:
                raise self._no("user name and password are refused")
            login = self._from_netrc() or self._from_git()
            self._pass = Pass(self._endpoint.url, _basic(*login))

    def worked(self, shown_pass: Pass) -> None:
        """The server let us in with this: the helper that knew the password may keep it."""
        if self._filled is None or self._pass is not shown_pass:
            return
        with self._lock:
            filled, self._filled = self._filled, None
            if filled is not None:
                login = filled.get("username", ""), filled["password"]
                self._logins[self._endpoint.asked_as] = login
                self._credential("approve", filled)
                self._asked = 0

    def _first(self) -> Pass:
        endpoint = self._endpoint
        if endpoint.ssh is not None:
            given = authenticate(self._git, endpoint.ssh, self._operation)
            if given is not None:
                ends = ending(given.get("expires_in"), given.get("expires_at"))
                headers = given.get("header") or {}
                return Pass((given.get("href") or endpoint.url).rstrip("/"), headers, ends)
        headers = _extra_headers(self._git, endpoint.url)
        if endpoint.password is not None and "authorization" not in {n.lower() for n in headers}:
            headers |= _basic(endpoint.user or "", endpoint.password)
        elif endpoint.asked_as in self._logins:
            headers |= _basic(*self._logins[endpoint.asked_as])
        return Pass(endpoint.url, headers)

    def _from_netrc(self) -> tuple[str, str] | None:
        if self._netrc_tried:
            return None
        self._netrc_tried = True
        host = urlsplit(self._endpoint.url).hostname or ""
        try:
            found = netrc.netrc(os.path.expanduser("~/.netrc")).hosts.get(host)
        except (OSError, netrc.NetrcParseError):
            return None
        if found is None or (self._endpoint.user or found[0]) != found[0]:
            return None
        return found[0], found[2]

    def _from_git(self) -> tuple[str, str]:
        parts = urlsplit(self._endpoint.asked_as)
        question = {
            "protocol": parts.scheme,
            "host": parts.netloc.rpartition("@")[2],
            "path": unquote(parts.path).strip("/"),
        }
        if self._endpoint.user:
            question["username"] = self._endpoint.user
        self._asked += 1
        code, out, err = self._credential("fill", question)
        pairs = (line.partition("=") for line in out.decode(errors="replace").splitlines())
        answer = {key: value for key, _, value in pairs}
        if code != 0 or not answer.get("password"):
            said = err.decode(errors="replace").strip().splitlines()
            raise self._no(said[-1] if said else "git knows no password for it")
        self._filled = answer
        return answer.get("username", ""), answer["password"]

    def _reject(self) -> None:
        if self._filled is not None:
            filled, self._filled = self._filled, None
            self._credential("reject", filled)

    def _credential(self, verb: str, pairs: dict[str, str]) -> tuple[int, bytes, bytes]:
        env = signing_in(self._git)
        return self._git.attempt("credential", verb, data=_lines(pairs), env=env, safe=False)

    def _no(self, why: str) -> RemoteError:
        return RemoteError(
            f"{shown(self._endpoint.url)} does not let us {self._operation}: {why}",
            hint="it wants what 'git push' wants there: a user name, and a password or token; "
            "git's credential helpers can remember them",
        )


def ending(seconds: object, moment: object) -> float | None:
    """When something ends on the monotonic clock, from `expires_in` or else `expires_at`."""
    if isinstance(seconds, int | float) and seconds > 0:
        return time.monotonic() + seconds
    if not isinstance(moment, str):
        return None
    try:
        # Python 3.11 reads no more than microseconds.
        ends = datetime.fromisoformat(re.sub(r"(\.\d{6})\d+", r"\1", moment))
    except ValueError:
        return None
    if ends.tzinfo is None:
        ends = ends.replace(tzinfo=UTC)
    left = (ends - datetime.now(UTC)).total_seconds()
    # A server that knows no end writes the year 1.
    return time.monotonic() + left if ends.year > 1 else None


def _extra_headers(git: Git, url: str) -> dict[str, str]:
    """`http.extraHeader` as git takes it for an address: all values of the closest section."""
    given = {name: os.environ[name] for name in os.environ if name.startswith("GIT_CONFIG_")}
    args = ["config", "-z", "--get-urlmatch", "http.extraHeader", url]
    _, out, _ = git.attempt(*args, env=given, safe=False)
    last = out.decode(errors="surrogateescape").rstrip("\0")
    if not last:
        return {}
    listed = git.attempt(
        "config", "-z", "--get-regexp", r"^http\.(.*\.)?extraheader$", env=given, safe=False
    )[1]
    sections: dict[str, list[str]] = {}
    for pair in listed.decode(errors="surrogateescape").split("\0"):
        key, _, value = pair.partition("\n")
        # An empty value forgets those before it.
        sections[key] = [*sections.get(key, ()), value] if value else []
    values = next((found for found in sections.values() if found and found[-1] == last), [last])
    pairs = (value.partition(":") for value in values)
    return {name.strip(): value.strip() for name, colon, value in pairs if colon}


def _basic(user: str, password: str) -> dict[str, str]:
    login = base64.b64encode(f"{user}:{password}".encode()).decode()
    return {"Authorization": f"Basic {login}"}


def _lines(pairs: dict[str, str]) -> bytes:
    """What `git credential` reads. Raises RemoteError for a value that would add lines."""
    if any("\n" in value or "\0" in value for value in pairs.values()):
        raise RemoteError("an address with a line break in it is refused")
    return "".join(f"{key}={value}\n" for key, value in pairs.items()).encode() + b"\n"
