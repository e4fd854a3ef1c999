"""A small server of one bucket, for what a real one does not do to order.

It speaks the XML language that Amazon's and Google's services share, checks no signatures, and
keeps objects in memory. It can lack what some services lack, and refuse everything.
"""

from __future__ import annotations

import hashlib
import itertools
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

import pytest

from git_datmo.model.pointer import Pointer
from git_datmo.remotes.objectstore.names import name_of, read_name
from git_datmo.remotes.objectstore.place import ObjectStore
from tests.contracts.places.ground import Ground

BUCKET = "content"
PAGE = 100
_count = itertools.count(1)


@dataclass
class Refusal:
    """An answer to every request: an HTTP status, the service's code, its message."""

    status: int
    code: str
    message: str = ""


@dataclass
class BucketServer:
    """`objects` are bytes and the time they were put, by key. `conditions`, `batches` and
    `parts` say whether create-only puts, deletion in batches and uploads in parts are known."""

    objects: dict[str, tuple[bytes, float]] = field(default_factory=dict)
    uploads: dict[str, tuple[str, dict[int, bytes]]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    conditions: bool = True
    batches: bool = True
    refusal: Refusal | None = None
    skip: int = 0
    lock: Any = field(default_factory=threading.RLock)
    port: int = 0

    @property
    def endpoint(self) -> str:
        """The address of the service."""
        return f"http://127.0.0.1:{self.port}"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    state: BucketServer

    def log_message(self, *args: Any) -> None:
        """Say nothing."""

    def do_HEAD(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        self._answer()

    def do_PUT(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def do_DELETE(self) -> None:
        self._answer()

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        parts = urlsplit(self.path)
        query = {k: v[0] for k, v in parse_qs(parts.query, keep_blank_values=True).items()}
        bucket, _, key = unquote(parts.path).lstrip("/").partition("/")
        with self.state.lock:
            self.state.asked.append(f"{self.command} {key}")
            if self.state.refusal is not None:
                if self.state.skip == 0:
                    self._refuse(self.state.refusal)
                    return
                self.state.skip -= 1
            if bucket != BUCKET:
                self._refuse(Refusal(404, "NoSuchBucket"))
                return
            ask = self._bucket if not key else self._upload if _of_upload(query) else self._object
            ask(key, query, body)

    def _bucket(self, key: str, query: dict[str, str], body: bytes) -> None:
        if "delete" in query:
            if not self.state.batches:
                self._refuse(Refusal(501, "NotImplemented"))
                return
            gone = re.findall(r"<Key>(.*?)</Key>", body.decode())
            for name in gone:
                self.state.objects.pop(name, None)
            rows = "".join(f"<Deleted><Key>{name}</Key></Deleted>" for name in gone)
            self._send(200, f"<DeleteResult>{rows}</DeleteResult>".encode())
        elif "uploads" in query:
            prefix = query.get("prefix", "")
            rows = "".join(
                f"<Upload><Key>{escape(name)}</Key><UploadId>{number}</UploadId>"
                "<Initiated>2026-01-01T00:00:00.000Z</Initiated></Upload>"
                for number, (name, _) in self.state.uploads.items()
                if name.startswith(prefix)
            )
            text = f"<IsTruncated>false</IsTruncated>{rows}"
            whole = f"<ListMultipartUploadsResult>{text}</ListMultipartUploadsResult>"
            self._send(200, whole.encode())
        else:
            self._list(query)

    def _list(self, query: dict[str, str]) -> None:
        after = query.get("continuation-token") or query.get("start-after") or ""
        names = sorted(
            name
            for name in self.state.objects
            if name.startswith(query.get("prefix", "")) and name > after
        )
        rows = ""
        for name in names[:PAGE]:
            data, put = self.state.objects[name]
            when = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(put))
            rows += f"<Contents><Key>{escape(name)}</Key><LastModified>{when}</LastModified>"
            rows += f"<ETag>{_tag(data)}</ETag><Size>{len(data)}</Size></Contents>"
        more, token = len(names) > PAGE, ""
        if more:
            token = f"<NextContinuationToken>{escape(names[PAGE - 1])}</NextContinuationToken>"
        text = f"<IsTruncated>{str(more).lower()}</IsTruncated>{token}{rows}"
        self._send(200, f"<ListBucketResult>{text}</ListBucketResult>".encode())

    def _upload(self, key: str, query: dict[str, str], body: bytes) -> None:
        if "uploads" in query:
            number = str(next(_count))
            self.state.uploads[number] = (key, {})
            text = f"<Bucket>{BUCKET}</Bucket><Key>{escape(key)}</Key><UploadId>{number}</UploadId>"
            whole = f"<InitiateMultipartUploadResult>{text}</InitiateMultipartUploadResult>"
            self._send(200, whole.encode())
            return
        number = query["uploadId"]
        if number not in self.state.uploads:
            self._refuse(Refusal(404, "NoSuchUpload"))
            return
        _, parts = self.state.uploads[number]
        if self.command == "PUT":
            parts[int(query["partNumber"])] = body
            self._send(200, b"", {"ETag": _tag(body)})
        elif self.command == "GET":
            rows = "".join(
                f"<Part><PartNumber>{n}</PartNumber><ETag>{_tag(data)}</ETag>"
                f"<Size>{len(data)}</Size></Part>"
                for n, data in sorted(parts.items())
            )
            text = f"<IsTruncated>false</IsTruncated>{rows}"
            self._send(200, f"<ListPartsResult>{text}</ListPartsResult>".encode())
        elif self.command == "DELETE":
            del self.state.uploads[number]
            self._send(204, b"")
        elif self._may_create(key):
            data = b"".join(parts[n] for n in sorted(parts))
            self.state.objects[key] = (data, time.time())
            del self.state.uploads[number]
            text = f"<Key>{escape(key)}</Key><ETag>{_tag(data)}</ETag>"
            whole = f"<CompleteMultipartUploadResult>{text}</CompleteMultipartUploadResult>"
            self._send(200, whole.encode())

    def _may_create(self, key: str) -> bool:
        """Whether the request's condition holds; else it is answered."""
        given = self.headers.get("If-None-Match") or self.headers.get("x-goog-if-generation-match")
        if given is None:
            return True
        if not self.state.conditions:
            self._refuse(Refusal(501, "NotImplemented"))
            return False
        if key in self.state.objects:
            self._refuse(Refusal(412, "PreconditionFailed"))
            return False
        return True

    def _object(self, key: str, query: dict[str, str], body: bytes) -> None:
        if self.command == "PUT":
            if self._may_create(key):
                self.state.objects[key] = (body, time.time())
                self._send(200, b"", {"ETag": _tag(body), "x-goog-generation": "1"})
        elif key not in self.state.objects:
            self._refuse(Refusal(404, "NoSuchKey"))
        elif self.command == "DELETE":
            del self.state.objects[key]
            self._send(204, b"")
        else:
            data, put = self.state.objects[key]
            headers = {
                "ETag": _tag(data),
                "Last-Modified": formatdate(put, usegmt=True),
                "x-goog-generation": "1",
            }
            match = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range") or "")
            if match is None:
                self._send(200, data, headers)
                return
            start, end = int(match[1]), int(match[2] or len(data) - 1)
            if start >= len(data):
                self._refuse(Refusal(416, "InvalidRange"))
                return
            end = min(end, len(data) - 1)
            headers["Content-Range"] = f"bytes {start}-{end}/{len(data)}"
            self._send(206, data[start : end + 1], headers)

    def _refuse(self, refusal: Refusal) -> None:
        text = f"<Code>{refusal.code}</Code><Message>{escape(refusal.message)}</Message>"
        self._send(refusal.status, f"<Error>{text}</Error>".encode())

    def _send(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        if status != 204:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


def _of_upload(query: dict[str, str]) -> bool:
    return "uploads" in query or "uploadId" in query


def _tag(data: bytes) -> str:
    return f'"{hashlib.md5(data).hexdigest()}"'


@contextmanager
def serving() -> Iterator[BucketServer]:
    """The server, on a free port of this machine."""
    state = BucketServer()
    handler = type("Handler", (_Handler,), {"state": state})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        state.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        yield state
        server.shutdown()
        thread.join(10)


@pytest.fixture
def bucket_server(writer: None) -> Iterator[BucketServer]:
    """The small server, with credentials for it in the environment."""
    with serving() as state:
        yield state


@pytest.fixture
def google_ground(
    bucket_server: BucketServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Ground:
    """Google's side of the adapter, for the contract suite."""
    monkeypatch.setenv("GOOGLE_BEARER_TOKEN", "a token")
    server = bucket_server

    def damage(pointer: Pointer, data: bytes) -> None:
        server.objects[f"x/{name_of(pointer)}"] = (data, time.time())

    def lose(pointer: Pointer) -> None:
        del server.objects[f"x/{name_of(pointer)}"]

    def litter() -> list[str]:
        found = [key for key in server.objects if not read_name(key.removeprefix("x/"))]
        return found + list(server.uploads)

    return Ground(
        "google",
        tmp_path,
        make=lambda: ObjectStore(f"gs://{BUCKET}/x?endpoint={server.endpoint}"),
        damage=damage,
        lose=lose,
        litter=litter,
        unreachable=lambda: ObjectStore(f"gs://{BUCKET}/x?endpoint=http://127.0.0.1:9"),
    )
