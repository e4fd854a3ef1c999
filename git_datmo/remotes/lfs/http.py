"""HTTP as git would speak it: its settings for proxies and certificates, and no secret sent astray.

A server names the addresses that content goes to and comes from. So an address is looked at
before it is used, a redirect keeps no secrets on its way to another host, and nothing that began
over TLS goes on without.
"""

from __future__ import annotations

import os
import random
import re
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from typing import IO, TYPE_CHECKING, Any, Protocol, TypeVar, cast
from urllib.parse import urljoin, urlsplit
from urllib.request import getproxies, proxy_bypass

from git_datmo.errors import RemoteError
from git_datmo.remotes.lfs.endpoint import origin, shown
from git_datmo.storage.git import Git
from git_datmo.version import __version__

if TYPE_CHECKING:
    from urllib3 import BaseHTTPResponse, PoolManager

R = TypeVar("R")

BLOCK = 256 * 1024
CONNECTIONS = 8
# While content is sent this is how long the line may stand still.
CONNECT_SECONDS = 30.0
SILENCE_SECONDS = 90.0
# A server that has got all of a file checks and moves it before it answers; bytes a second.
CHECKING = 20_000_000
TRIES = 5
LONGEST_PAUSE = 120.0
REDIRECTS = frozenset({301, 302, 303, 307, 308})
MOST_REDIRECTS = 5
LONGEST_ADDRESS = 16_384
# What may follow a redirect to another host: everything else could be a secret.
HARMLESS = frozenset({"accept", "accept-encoding", "content-type", "range", "user-agent"})


class Body(Protocol):
    """What is sent and can be sent again: a file."""

    def read(self, size: int = -1, /) -> bytes:
        """The next bytes."""

    def seek(self, offset: int, whence: int = 0, /) -> int:
        """Go to a position."""

    def tell(self) -> int:
        """The position."""


class Passing(RemoteError):
    """A refusal that may pass. `pause` is the seconds that the server asked for, if it did."""

    def __init__(self, message: str, *, hint: str | None = None, pause: float | None = None):
        super().__init__(message, hint=hint)
        self.pause = pause


def persistently(work: Callable[[], R], moved: Callable[[], int] = lambda: 0) -> R:
    """The result of `work`, tried again after refusals that may pass; the last is a RemoteError.

    As long as `moved`, the bytes that came over so far, grows, the tries begin anew.
    """
    attempt, before = 1, moved()
    while True:
        try:
            return work()
        except Passing as error:
            if moved() > before:
                attempt, before = 1, moved()
            if attempt == TRIES:
                # Whoever tries what contains this must not try it as often again.
                raise RemoteError(error.message, hint=error.hint) from error
            pause = 0.2 * 2**attempt * (0.5 + random.random())
            time.sleep(min(LONGEST_PAUSE, pause if error.pause is None else error.pause))
            attempt += 1


def checked(href: str, base: str) -> str:
    """An address that a server named, fit to be used by whoever spoke to `base`.

    Raises RemoteError for anything but http and https, and for http after https.
    """
    try:
        if len(href) > LONGEST_ADDRESS or re.search(r"[\x00-\x20\x7f]", href):
            raise ValueError("it has characters or a length that no address has")
        scheme, _, _ = origin(href)
        if urlsplit(href).username is not None:
            raise ValueError("it names a user")
        if scheme == "http" and base.startswith("https:"):
            raise ValueError("it leaves the encrypted connection")
    except ValueError as error:
        said = f"{shown(base)} sent us to an address that is not followed: {error}"
        raise RemoteError(f"{said} ({href[:200]!r})") from error
    return href


class Http:
    """Connections to any number of servers, kept open and used from several threads."""

    def __init__(self, git: Git) -> None:
        self._git = git
        self._pools: dict[tuple[str, str, int], PoolManager] = {}
        self._met: set[tuple[str, str, int]] = set()
        self._lock = threading.Lock()

    def send(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: bytes | Body | None = None,
        *,
        chunked: bool = False,
    ) -> BaseHTTPResponse:
        """What the server answered, redirects followed; the body is still to be read.

        Raises Passing when the server cannot be reached now, RemoteError when it never could.
        """
        sent = {"User-Agent": f"git-datmo/{__version__}", "Accept-Encoding": "identity", **headers}
        size = sent.get("Content-Length")
        for _ in range(MOST_REDIRECTS + 1):
            response = self._once(method, url, sent, body, chunked)
            target = response.headers.get("Location")
            if response.status not in REDIRECTS or not target:
                return response
            response.close()
            old, url = url, checked(urljoin(url, target), url)
            if origin(old) != origin(url):
                sent = {name: value for name, value in sent.items() if name.lower() in HARMLESS}
                if size is not None:
                    sent["Content-Length"] = size
            if body is not None and not isinstance(body, bytes):
                body.seek(0)
        raise RemoteError(f"{shown(url)} redirects more than {MOST_REDIRECTS} times")

    def _once(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: bytes | Body | None,
        chunked: bool,
    ) -> BaseHTTPResponse:
        from urllib3 import Timeout
        from urllib3.exceptions import HTTPError, NewConnectionError, SSLError

        where = origin(url)
        patience = SILENCE_SECONDS + int(headers.get("Content-Length", "0")) / CHECKING
        try:
            response = self._pool(where, url).request(
                method,
                url,
                headers=headers,
                body=cast("IO[bytes] | bytes | None", body),  # it reads, seeks and tells
                chunked=chunked,
                preload_content=False,
                decode_content=False,
                enforce_content_length=True,  # urllib3 1 lets a body end early
                redirect=False,
                retries=False,
                timeout=Timeout(connect=CONNECT_SECONDS, read=patience),
            )
        except SSLError as error:
            raise RemoteError(
                f"{where[1]} cannot be trusted: {_plain(error)}",
                hint="git config http.sslCAInfo <file> names the certificate to trust",
            ) from error
        except NewConnectionError as error:
            said = f"{where[1]} port {where[2]} cannot be reached: {_plain(error)}"
            if where in self._met:
                raise Passing(said) from error
            raise RemoteError(said, hint="check the network and the address") from error
        except (HTTPError, OSError) as error:
            raise Passing(f"the connection to {where[1]} broke: {_plain(error)}") from error
        self._met.add(where)
        return response

    def _pool(self, where: tuple[str, str, int], url: str) -> PoolManager:
        with self._lock:
            pool = self._pools.get(where)
            if pool is None:
                pool = self._pools[where] = _pool(self._git, url)
            return pool

    def close(self) -> None:
        """Close every connection."""
        with self._lock:
            for pool in self._pools.values():
                pool.clear()
            self._pools.clear()


def settings(git: Git, url: str) -> dict[str, str]:
    """git's `http.*` settings for an address, the names in lower case."""
    given = {name: os.environ[name] for name in os.environ if name.startswith("GIT_CONFIG_")}
    args = ["config", "-z", "--get-urlmatch", "http", shown(url)]
    code, out, _ = git.attempt(*args, env=given, safe=False)
    pairs = out.decode(errors="surrogateescape").split("\0") if code == 0 else []
    return {key: value for key, _, value in (pair.partition("\n") for pair in pairs)}


def _pool(git: Git, url: str) -> PoolManager:
    import urllib3

    found = settings(git, url)
    options: dict[str, Any] = {"retries": False, "maxsize": CONNECTIONS}
    if not _first():  # which sends in blocks of its own size
        options["blocksize"] = BLOCK
    if url.startswith("https:"):
        options["ssl_context"] = _trust(found)
    proxy = _proxy(found, url)
    if proxy is None:
        return urllib3.PoolManager(**options)
    parts = urlsplit(proxy if "://" in proxy else "http://" + proxy)
    if parts.scheme not in ("http", "https"):
        raise RemoteError(
            f"the proxy {shown(proxy)} is none for http", hint="only http:// and https:// proxies"
        )
    headers = None
    if parts.username is not None:
        from urllib.parse import unquote

        login = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        headers = urllib3.make_headers(proxy_basic_auth=login)
    bare = parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
    return urllib3.ProxyManager(bare, proxy_headers=headers, **options)


def _proxy(found: Mapping[str, str], url: str) -> str | None:
    if "http.proxy" in found:
        return found["http.proxy"] or None
    parts = urlsplit(url)
    if proxy_bypass(parts.hostname or ""):
        return None
    proxies = getproxies()
    return proxies.get(parts.scheme) or proxies.get("all")


def _trust(found: Mapping[str, str]) -> ssl.SSLContext:
    named = os.environ.get("GIT_SSL_CAINFO") or found.get("http.sslcainfo")
    folder = os.environ.get("GIT_SSL_CAPATH") or found.get("http.sslcapath")
    certificate = os.environ.get("GIT_SSL_CERT") or found.get("http.sslcert")
    key = os.environ.get("GIT_SSL_KEY") or found.get("http.sslkey")
    try:
        context = ssl.create_default_context(
            cafile=os.path.expanduser(named) if named else None,
            capath=os.path.expanduser(folder) if folder else None,
        )
        if certificate:
            context.load_cert_chain(
                os.path.expanduser(certificate), os.path.expanduser(key) if key else None
            )
    except OSError as error:
        raise RemoteError(
            f"the certificates that git's settings name cannot be read: {error}",
            hint="see git config --get-regexp 'http.*ssl'",
        ) from error
    import urllib3

    if _first():
        context.check_hostname = False  # it compares names itself then, and knows addresses too
    refused = found.get("http.sslverify", "true").lower() in ("false", "no", "off", "0")
    if refused or "GIT_SSL_NO_VERIFY" in os.environ:
        urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _plain(error: Exception) -> str:
    """An error of the library without the objects that it prints."""
    said = str(error.args[-1]) if error.args else str(error)
    return re.sub(r"<[^>]*>[:,]?\s*", "", said).strip("() '\"") or type(error).__name__


def _first() -> bool:
    """Whether this is urllib3 1, which squirrel asks for."""
    from importlib.metadata import version

    return version("urllib3").startswith("1.")
