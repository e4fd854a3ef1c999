"""A small Git LFS server: the batch API and `basic` transfers as its specification has them.

It checks what real servers check (SHA-256, size, who asks), keeps a record of every request, and
can be told to refuse, to cut connections in the middle, or to answer nonsense.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import itertools
import json
import re
import secrets
import shutil
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from git_datmo.model.pointer import Pointer
from git_datmo.remotes.lfs.digests import Digests
from git_datmo.remotes.lfs.place import Lfs
from git_datmo.storage.git import Git
from git_datmo.storage.store import Store
from tests.contracts.places.ground import Ground
from tests.kit.absence import absent
from tests.kit.git import Repo

MEDIA_TYPE = "application/vnd.git-lfs+json"
BLOCK = 65_536


@dataclass
class Seen:
    """One request: what was asked, with which headers, and how many bytes of a body moved."""

    method: str
    path: str
    headers: dict[str, str]
    document: Any = None
    status: int = 0
    body: int = 0


# Handles a request in the server's stead if it returns True.
Fault = Callable[["Handler"], bool]


@dataclass
class LfsServer:
    """`url` is the endpoint. What it demands and how it answers can be changed at any time."""

    root: Path
    host: str = "127.0.0.1"
    users: dict[str, str] = field(default_factory=dict)  # nobody has to sign in if empty
    readers: set[str] = field(default_factory=set)  # of the users, those who may not upload
    tokens: bool = False  # actions carry a token of their own, which data is given for alone
    verify: bool = True
    chunked: bool = False
    ranges: bool = True
    slow: float = 0  # seconds for each block of content
    refuse_after_put: int = 0  # so many times: content is kept, and the answer is an error
    ends: dict[str, Any] = field(default_factory=dict)  # expires_in, expires_at of actions
    largest: int | None = None
    data_url: str | None = None  # where content goes, if not here
    tls: tuple[Path, Path] | None = None
    seen: list[Seen] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    port: int = 0

    def start(self) -> LfsServer:
        """Listen, on the same port as before if there was one."""
        for name in ("objects", "incoming"):
            (self.root / name).mkdir(parents=True, exist_ok=True)
        self._http = _Listening((self.host, self.port), Handler)
        self._http.lfs = self
        self.port = self._http.server_address[1]
        if self.tls is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*self.tls)
            self._http.socket = context.wrap_socket(self._http.socket, server_side=True)
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()
        return self

    def stop(self) -> None:
        """Stop listening, and break every connection."""
        self._http.shutdown()
        self._http.server_close()
        for connection in list(self._http.open):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        self._thread.join()

    @property
    def base(self) -> str:
        """The server's root."""
        return f"{'https' if self.tls else 'http'}://{self.host}:{self.port}"

    @property
    def url(self) -> str:
        """The endpoint of a repository there."""
        return f"{self.base}/team/model.git/info/lfs"

    def path(self, oid: str) -> Path:
        """Where an object lies."""
        return self.root / "objects" / oid

    @property
    def oids(self) -> set[str]:
        """What is there whole."""
        return {path.name for path in (self.root / "objects").iterdir()}

    @property
    def litter(self) -> list[str]:
        """What is there beside whole objects."""
        return [str(path) for path in (self.root / "incoming").iterdir()]

    def requests(self, method: str, pattern: str = "") -> list[Seen]:
        """The requests of a method whose paths match."""
        return [s for s in self.seen if s.method == method and re.search(pattern, s.path)]

    def token(self, oid: str) -> str:
        """The token that an action for an object carries."""
        return "Token " + hashlib.sha256(b"a secret" + oid.encode()).hexdigest()[:16]

    def refuse(
        self,
        status: int,
        method: str = "",
        pattern: str = "",
        times: int = 1,
        skip: int = 0,
        **headers: str,
    ) -> None:
        """Answer the next matching requests, after `skip` of them, with a status."""
        left, passed = [times], [skip]

        def fault(handler: Handler) -> bool:
            if not left[0] or not handler.matches(method, pattern):
                return False
            if passed[0]:
                passed[0] -= 1
                return False
            left[0] -= 1
            handler.drain()
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            handler.answer(status, {"message": f"ordered: {status}"}, named)
            return True

        self.faults.append(fault)

    def cut(self, method: str, after: int, times: int = 1) -> None:
        """Break the next connections that move content, after so many bytes of it."""
        left = [times]

        def fault(handler: Handler) -> bool:
            if not left[0] or not handler.matches(method, "/data/"):
                return False
            left[0] -= 1
            handler.cut_after = after
            return False

        self.faults.append(fault)

    def redirect(self, method: str, pattern: str, target: str, status: int = 307) -> None:
        """Send matching requests to another server, where the path stays."""

        def fault(handler: Handler) -> bool:
            if not handler.matches(method, pattern):
                return False
            handler.drain()
            handler.answer(status, {}, {"Location": target + handler.path})
            return True

        self.faults.append(fault)


class _Listening(ThreadingHTTPServer):
    daemon_threads = True
    lfs: LfsServer

    def __init__(self, *args: Any) -> None:
        self.open: set[socket.socket] = set()
        super().__init__(*args)

    def process_request(self, request: Any, client_address: Any) -> None:
        self.open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self.open.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A connection that broke is what some tests are about."""


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Listening
    cut_after: int | None
    seen: Seen

    def matches(self, method: str, pattern: str) -> bool:
        """Whether this is the request that a fault is meant for."""
        return self.command == (method or self.command) and bool(re.search(pattern, self.path))

    @property
    def lfs(self) -> LfsServer:
        """The server's state."""
        return self.server.lfs

    def handle_one_request(self) -> None:
        self.cut_after = None
        with contextlib.suppress(ConnectionError):
            super().handle_one_request()
            return
        self.close_connection = True

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: `seen` is the record."""

    def _begin(self) -> bool:
        self.seen = Seen(self.command, self.path, dict(self.headers.items()))
        self.lfs.seen.append(self.seen)
        return any(fault(self) for fault in self.lfs.faults)

    def do_POST(self) -> None:
        if self._begin():
            return
        data = b"".join(self._incoming())
        user = self._user()
        if user is None:
            self.answer(401, {"message": "who are you?"}, {"WWW-Authenticate": "Basic realm=x"})
        elif self.path.endswith("/objects/batch"):
            self.seen.document = question = json.loads(data)
            if question["operation"] == "upload" and user in self.lfs.readers:
                self.answer(403, {"message": "you may only read"})
                return
            objects = [self._object(question["operation"], item) for item in question["objects"]]
            self.answer(200, {"transfer": "basic", "objects": objects})
        elif self.path.endswith("/verify"):
            self.seen.document = asked = json.loads(data)
            path = self.lfs.path(asked["oid"])
            whole = path.is_file() and path.stat().st_size == asked["size"]
            self.answer(200 if whole else 404, {})
        else:
            self.answer(404, {"message": "no such thing"})

    def _object(self, operation: str, item: dict[str, Any]) -> dict[str, Any]:
        oid, size = item["oid"], item["size"]
        path = self.lfs.path(oid)
        there = path.is_file()
        found = {"oid": oid, "size": size, "authenticated": True}
        if operation == "download" and not there:
            return {**found, "error": {"code": 404, "message": "Object does not exist"}}
        if operation == "upload" and there:
            return found
        if self.lfs.largest is not None and size > self.lfs.largest:
            said = f"Size must be less than or equal to {self.lfs.largest}"
            return {**found, "error": {"code": 422, "message": said}}
        headers = {"Authorization": self.lfs.token(oid)} if self.lfs.tokens else {}
        if operation == "upload" and self.lfs.chunked:
            headers["Transfer-Encoding"] = "chunked"
        base = self.lfs.data_url or self.lfs.base
        action = {"href": f"{base}/data/{oid}?sig=1", "header": headers, **self.lfs.ends}
        found["actions"] = {operation: action}
        if operation == "upload" and self.lfs.verify:
            verify = f"{self.lfs.base}/team/model.git/info/lfs/verify"
            found["actions"]["verify"] = {"href": verify, "header": {}}
        return found

    def do_PUT(self) -> None:
        if self._begin() or self._unwelcome():
            return
        incoming = self.lfs.root / "incoming" / secrets.token_hex(4)
        digest = hashlib.sha256()
        try:
            with incoming.open("wb") as file:
                for data in self._incoming():
                    file.write(data)
                    digest.update(data)
            if digest.hexdigest() != self._oid():
                self.answer(422, {"message": "these are other bytes"})
                return
            incoming.rename(self.lfs.path(self._oid()))
        finally:
            incoming.unlink(missing_ok=True)
        if self.lfs.refuse_after_put:
            self.lfs.refuse_after_put -= 1
            self.answer(502, {"message": "lost"})
            return
        self.answer(200, {})

    def do_GET(self) -> None:
        if self._begin() or self._unwelcome():
            return
        try:
            data = self.lfs.path(self._oid()).read_bytes()
        except FileNotFoundError:
            self.answer(404, {"message": "gone"})
            return
        start, status, headers = 0, 200, {}
        match = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        if match is not None and self.lfs.ranges:
            start, status = int(match[1]), 206
            if start >= len(data):
                self.answer(416, {}, {"Content-Range": f"bytes */{len(data)}"})
                return
            headers["Content-Range"] = f"bytes {start}-{len(data) - 1}/{len(data)}"
        self.seen.status = status
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data) - start))
        self.end_headers()
        for offset in range(start, len(data), BLOCK):
            part = data[offset : offset + BLOCK]
            self._count(len(part))
            self.wfile.write(part)

    def _count(self, size: int) -> None:
        self.seen.body += size
        if self.lfs.slow:
            time.sleep(self.lfs.slow)
        if self.cut_after is not None and self.seen.body > self.cut_after:
            self.wfile.flush()
            self.connection.shutdown(socket.SHUT_RDWR)
            raise ConnectionAbortedError("ordered")

    def _oid(self) -> str:
        return self.path.partition("?")[0].rpartition("/")[2]

    def _user(self) -> str | None:
        if not self.lfs.users:
            return ""
        kind, _, value = self.headers.get("Authorization", "").partition(" ")
        if kind != "Basic":
            return None
        user, _, password = base64.b64decode(value).decode().partition(":")
        return user if self.lfs.users.get(user) == password else None

    def _unwelcome(self) -> bool:
        """Content is given and taken for the action's token, or else for who may sign in."""
        if self.lfs.tokens:
            welcome = self.headers.get("Authorization") == self.lfs.token(self._oid())
        else:
            welcome = self._user() is not None
        if not welcome:
            self.drain()
            self.answer(401, {"message": "not with this"})
        return not welcome

    def _incoming(self) -> Iterator[bytes]:
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            while size := int(self.rfile.readline(), 16):
                data = self.rfile.read(size)
                self._count(len(data))
                yield data
                self.rfile.readline()
            self.rfile.readline()
            return
        left = int(self.headers.get("Content-Length", "0"))
        while left:
            data = self.rfile.read(min(BLOCK, left))
            if not data:
                raise ConnectionAbortedError("the client is gone")
            left -= len(data)
            self._count(len(data))
            yield data

    def drain(self) -> None:
        """Take what the client sends, so that it hears the answer."""
        for _ in self._incoming():
            pass

    def answer(self, status: int, document: Any, headers: dict[str, str] | None = None) -> None:
        """Send a whole answer."""
        data = document if isinstance(document, bytes) else json.dumps(document).encode()
        self.seen.status = status
        self.send_response(status)
        self.send_header("Content-Type", MEDIA_TYPE)
        self.send_header("Content-Length", str(len(data)))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)


@pytest.fixture
def lfs_server(tmp_path: Path) -> Iterator[LfsServer]:
    """A server that anybody may use."""
    server = LfsServer(tmp_path / "lfs-server").start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def git_lfs() -> None:
    """git-lfs is here: else the test is skipped, or fails where `CI` is set."""
    if shutil.which("git-lfs") is None:
        absent("git-lfs is not installed")


@dataclass
class Field:
    """A bare git remote, and handles to the place beside it from clones of it."""

    root: Path
    server: LfsServer
    origin: Repo

    def clone(self, name: str, url: str | None = None, *settings: str) -> Lfs:
        """The place as a new clone sees it; `settings` are `name=value` of its configuration."""
        return self.handle(self.repo(name, url, *settings))

    def repo(self, name: str, url: str | None = None, *settings: str) -> Repo:
        """A clone's repository, which knows the server."""
        repo = Repo.init(self.root / name)
        for setting in (f"lfs.url={url or self.server.url}", *settings):
            key, _, value = setting.partition("=")
            repo.git("config", "--add", key, value)
        return repo

    def handle(self, repo: Repo) -> Lfs:
        """The place as a clone's repository sees it."""
        git = Git(repo.git_dir, repo.path)
        return Lfs(git, repo.git_dir / "datmo", "origin", str(self.origin.path))

    def oid(self, pointer: Pointer) -> str:
        """What the server calls some content that a store of this test has."""
        for folder in self.root.glob("*/store"):
            if Store(folder).has(pointer):
                digests = Digests(self.root / "digests.sqlite")
                return digests.compute(Store(folder), [pointer])[pointer]
        raise AssertionError("no store of this test has it")


@pytest.fixture
def lfs_field(lfs_server: LfsServer, tmp_path: Path) -> Field:
    """A server, and a git remote that it goes with."""
    return Field(tmp_path, lfs_server, Repo.bare(tmp_path / "origin.git"))


@pytest.fixture
def lfs_ground(lfs_field: Field, tmp_path: Path) -> Ground:
    """The place for the contract suite; every handle is another clone's."""
    numbers = itertools.count()

    def damage(pointer: Pointer, data: bytes) -> None:
        lfs_field.server.path(lfs_field.oid(pointer)).write_bytes(data)

    def lose(pointer: Pointer) -> None:
        lfs_field.server.path(lfs_field.oid(pointer)).unlink()

    return Ground(
        "lfs",
        tmp_path,
        make=lambda: lfs_field.clone(f"clone-{next(numbers)}"),
        damage=damage,
        lose=lose,
        litter=lambda: lfs_field.server.litter,
        unreachable=lambda: lfs_field.clone("lost", "http://127.0.0.1:9/x.git/info/lfs"),
    )


def wait_for(condition: Callable[[], bool], seconds: float = 20) -> None:
    """Wait until something is so; an assertion when it does not become so."""
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "waited in vain"
        time.sleep(0.01)
