"""The pages as anybody on the machine meets them: a server that was started, bare requests to it,
and what lies in the markup of its answers."""

from __future__ import annotations

import gzip
import json
import os
import re
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

READY_SECONDS = 60
PROGRAM = [sys.executable, "-m", "git_datmo"]
LOADING = frozenset(
    {"href", "xlink:href", "src", "poster", "background", "data", "data-figure", "data-follow"}
)
LINK = re.compile(r"http://127\.0\.0\.1:(\d+)/enter\?token=([\w-]+)")


@dataclass(frozen=True)
class Answer:
    """One answer; names of headers are in small letters."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()

    def json(self) -> Any:
        return json.loads(self.body)


class Pages:
    """`git datmo ui` in a folder, from its link to its end. Use it as a context."""

    def __init__(
        self,
        folder: Path,
        *words: str,
        command: str = "ui",
        env: Mapping[str, str | None] | None = None,
    ) -> None:
        changed = {**os.environ, **(env or {})}
        self.process = subprocess.Popen(
            [*PROGRAM, command, *(words or ("--no-browser",))],
            cwd=folder,
            env={name: value for name, value in changed.items() if value is not None},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        ready, _, _ = select.select([self.process.stdout], [], [], READY_SECONDS)
        line = self.process.stdout.readline() if ready else ""
        found = LINK.search(line)
        if found is None:
            _, said = self.stop()
            raise AssertionError(f"it printed no link, but: {line}{said}")
        self.link, self.port, self.token = found[0], int(found[1]), found[2]
        self.cookie = ""

    def __enter__(self) -> Pages:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self, number: int = signal.SIGINT) -> tuple[int, str]:
        """Ctrl-C, unless it has ended; the exit code and what it said on standard error."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        try:
            _, said = self.process.communicate(timeout=20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            _, said = self.process.communicate()
            raise AssertionError(f"it did not end: {said}") from None
        return self.process.returncode, said

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"

    def url(self, path: str) -> str:
        """An address of it as a browser needs it."""
        return f"http://{self.host}{path}"

    def bare(self, request: bytes) -> bytes:
        """Any bytes sent to it; all that came back until it closed the connection."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=60) as connection:
            connection.sendall(request)
            parts = []
            while part := connection.recv(1 << 16):
                parts.append(part)
        return b"".join(parts)

    def ask(
        self,
        path: str,
        *,
        method: str = "GET",
        headers: Sequence[tuple[str, str]] = (),
        host: str | None = None,
        cookie: str | None = None,
    ) -> Answer:
        """One request, in the words given: an empty `host` or `cookie` sends none, without one it
        is what a browser that came in sends."""
        lines = [f"{method} {path} HTTP/1.1", "Connection: close"]
        if host != "":
            lines.append(f"Host: {host or self.host}")
        if cookie != "" and (cookie or self.cookie):
            lines.append(f"Cookie: {cookie or self.cookie}")
        lines += [f"{name}: {value}" for name, value in headers]
        return parsed(self.bare(("\r\n".join(lines) + "\r\n\r\n").encode("utf-8")))

    def enter(self) -> str:
        """Come in by the link; the cookie, which all that is asked later has."""
        answer = self.ask(f"/enter?token={self.token}")
        assert answer.status == 200, answer
        self.cookie = answer.headers["set-cookie"].partition(";")[0]
        return self.cookie

    def get(self, path: str, *, status: int = 200) -> Answer:
        """What a browser that came in sees; the answer must have this status."""
        answer = self.ask(path)
        assert answer.status == status, f"{path}: {answer.status}\n{answer.text[:2000]}"
        return answer


def parsed(answer: bytes) -> Answer:
    """An answer of HTTP/1.1, unpacked."""
    head, _, body = answer.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    headers: dict[str, str] = {}
    for line in lines:
        name, _, value = line.partition(":")
        assert name.lower() not in headers, f"{name} is said twice"
        headers[name.lower()] = value.strip()
    if headers.get("transfer-encoding") == "chunked":
        body = _joined(body)
    if headers.get("content-encoding") == "gzip":
        body = gzip.decompress(body)
    return Answer(int(first.split(" ")[1]) if first else 0, headers, body)


def _joined(body: bytes) -> bytes:
    parts = []
    while body:
        size, _, body = body.partition(b"\r\n")
        length = int(size, 16)
        parts.append(body[:length])
        body = body[length + 2 :]
    return b"".join(parts)


@dataclass
class Markup:
    """What a page holds that a browser would act upon."""

    links: list[str] = field(default_factory=list)
    loads: list[str] = field(default_factory=list)
    """What it loads by itself, or has its script load."""
    forms: list[tuple[str, str]] = field(default_factory=list)
    scripts: list[str | None] = field(default_factory=list)
    """Addresses of scripts; None is one in the page itself."""
    handlers: list[str] = field(default_factory=list)
    """Attributes that are run as script."""
    names: set[str] = field(default_factory=set)
    text: str = ""

    @classmethod
    def of(cls, page: str) -> Markup:
        reader = _Reader()
        reader.feed(page)
        reader.close()
        return reader.found

    def own(self, base: str) -> list[str]:
        """The links that stay with the server at `base`, as paths without their fragments."""
        whole = [urlsplit(urljoin(base, link)) for link in self.links]
        home = urlsplit(base)
        return [
            one._replace(scheme="", netloc="", fragment="").geturl()
            for one in whole
            if (one.scheme, one.netloc) == (home.scheme, home.netloc)
        ]


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found = Markup()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found, values = self.found, dict(attrs)
        assert len(values) == len(attrs), f"<{tag}> says an attribute twice: {attrs}"
        found.names.add(tag)
        if tag == "script":
            found.scripts.append(values.get("src"))
        if tag == "form":
            found.forms.append(
                (str(values.get("method", "get")).lower(), values.get("action") or "")
            )
        for name, value in attrs:
            text = value or ""
            if name.startswith("on") or name in ("srcdoc", "formaction"):
                found.handlers.append(f"{tag} {name}={text}")
            if name in ("href", "xlink:href") and tag in ("a", "area"):
                found.links.append(text)
            elif name in LOADING:
                found.loads.append(text)

    def handle_data(self, data: str) -> None:
        self.found.text += data
