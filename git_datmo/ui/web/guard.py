"""Who may ask: a browser on this machine that came by the one-time link.

The rules are those that Jupyter and MLflow arrived at: check the Host against rebinding, a cookie
against other users, the Origin against other pages, and no CORS header at all.
"""

from __future__ import annotations

import hmac
import secrets
import threading
from collections.abc import Awaitable, Callable, Iterable, Mapping, MutableMapping
from typing import Any

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        # Plotly writes its styles into the page.
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data: blob:",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
ENTER = "/enter"
# What browsers say of requests of our own pages, and of addresses that a person typed.
OWN = frozenset({"same-origin", "none"})
# Browsers leave it out of what they say.
USUAL_PORT = 80


class Key:
    """The secrets of one server: the link's token, good for one use, and the cookie's value."""

    def __init__(self, port: int) -> None:
        self.port = port
        # Cookies know hosts, not ports: two servers must not take each other's.
        self.cookie_name = f"git-datmo-{port}"
        self._token: str | None = secrets.token_urlsafe(32)
        self._cookie = secrets.token_urlsafe(32)
        self._lock = threading.Lock()

    @property
    def link(self) -> str:
        """The way in; empty after it was used."""
        return f"http://127.0.0.1:{self.port}{ENTER}?token={self._token}" if self._token else ""

    def redeem(self, token: str) -> str | None:
        """The cookie for the right token, once; None for anything else."""
        with self._lock:
            right = self._token
            if right is None or not hmac.compare_digest(right.encode(), token.encode()):
                return None
            self._token = None
            return self._cookie

    def fits(self, cookies: str) -> bool:
        """Whether a Cookie header has ours, among whatever other servers of this machine set:
        those need not keep to any grammar."""
        pairs = (pair.strip().partition("=") for pair in cookies.split(";"))
        values = [value for name, _, value in pairs if name == self.cookie_name]
        return any(hmac.compare_digest(self._cookie.encode(), one.encode()) for one in values)


class Guard:
    """Lets through to `app` what may ask, and puts the headers on every answer."""

    def __init__(self, app: App, key: Key) -> None:
        self._app, self._key = app, key
        names = ("127.0.0.1", "localhost", "[::1]")
        self._hosts = {f"{name}:{key.port}" for name in names}
        if key.port == USUAL_PORT:
            self._hosts.update(names)
        self._origins = {f"http://{host}" for host in self._hosts}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        refused = self._refusal(scope)
        if refused is not None:
            await _say(send, *refused)
            return

        async def sealed(message: Message) -> None:
            if message["type"] == "http.response.start":
                given = {name.lower() for name, _ in message["headers"]}
                message["headers"] = [
                    *message["headers"],
                    *(
                        (name.encode(), value.encode())
                        for name, value in HEADERS.items()
                        if name.lower().encode() not in given
                    ),
                ]
            await send(message)

        await self._app(scope, receive, sealed)

    def _refusal(self, scope: Scope) -> tuple[int, str] | None:
        heads = _headers(scope["headers"])
        hosts = heads.get("host", [])
        if len(hosts) != 1 or hosts[0] not in self._hosts:
            return 403, "This server answers to its own address only."
        if not self._origins.issuperset(heads.get("origin", [])) or _asked_by_others(heads):
            return 403, "Other pages may not ask."
        if scope["method"] not in ("GET", "HEAD"):
            return 405, "There is nothing here but to read."
        if scope["path"] == ENTER:
            return None
        if not any(map(self._key.fits, heads.get("cookie", []))):
            return 403, (
                "Come in by the link that 'git datmo ui' printed. It is good for one browser, "
                "once: for another one, run 'git datmo ui' again."
            )
        return None


def _asked_by_others(heads: Mapping[str, list[str]]) -> bool:
    """Whether another page has our address load inside of it. One may lead here, as links do:
    a page of another port of this machine has the cookie sent along all the same."""
    found = heads.get("sec-fetch-site", ["none"])
    return not OWN.issuperset(found) and heads.get("sec-fetch-dest") != ["document"]


def _headers(pairs: Iterable[tuple[bytes, bytes]]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, value in pairs:
        found.setdefault(name.decode("latin-1").lower(), []).append(value.decode("latin-1"))
    return found


def plain(text: str) -> tuple[list[tuple[bytes, bytes]], bytes]:
    """The headers and the body of an answer in plain words."""
    body = (text + "\n").encode()
    heads = {**HEADERS, "Content-Type": "text/plain; charset=utf-8", "Content-Length": len(body)}
    return [(name.encode(), str(value).encode()) for name, value in heads.items()], body


async def _say(send: Send, status: int, text: str) -> None:
    headers, body = plain(text)
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
