"""Credentials, regions and endpoints come from where every S3 program finds them."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from git_datmo.errors import RemoteError
from git_datmo.remotes.objectstore.address import parse
from git_datmo.remotes.objectstore.amazon import connect
from git_datmo.remotes.objectstore.place import ObjectStore
from git_datmo.storage.store import Store
from tests.contracts.places.ground import fill, nothing
from tests.kit.git import Repo
from tests.kit.program import datmo
from tests.kit.seaweed import BUCKET, KEY, READ_KEY, READ_SECRET, SECRET, Shelf

PROFILES = f"""\
[default]
aws_access_key_id = {READ_KEY}
aws_secret_access_key = {READ_SECRET}

[lab]
aws_access_key_id = {KEY}
aws_secret_access_key = {SECRET}
"""


@pytest.fixture
def aws(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> Path:
    """~/.aws with a default profile that may read and another that may write; no variables."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    folder = Path.home() / ".aws"
    folder.mkdir()
    (folder / "credentials").write_text(PROFILES)
    return folder


def writable(url: str) -> bool | None:
    place = ObjectStore(url)
    found = place.check()
    place.close()
    assert found.reached, found.remarks
    return found.writable


def test_the_profiles_file(shelf: Shelf, aws: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert writable(shelf.url) is False
    assert writable(shelf.url + "&profile=lab") is True
    monkeypatch.setenv("AWS_PROFILE", "lab")
    assert writable(shelf.url) is True


def test_the_file_may_lie_elsewhere(
    shelf: Shelf, aws: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    moved = (aws / "credentials").rename(tmp_path / "keys")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(moved))
    monkeypatch.setenv("AWS_PROFILE", "lab")
    assert writable(shelf.url) is True


@pytest.mark.parametrize("where", ["profile", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"])
def test_the_endpoint(shelf: Shelf, aws: Path, monkeypatch: pytest.MonkeyPatch, where: str) -> None:
    if where == "profile":
        text = f"[profile lab]\nendpoint_url = {shelf.server.endpoint}\nregion = eu-west-1\n"
        (aws / "config").write_text(text)
    else:
        monkeypatch.setenv(where, shelf.server.endpoint)
    assert writable(f"s3://{BUCKET}/{shelf.prefix}?profile=lab") is True


def test_the_address_is_above_the_environment(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    assert writable(shelf.url) is True


def test_a_program_that_gives_keys_which_expire(
    shelf: Shelf, aws: Path, tmp_path: Path, here: Store
) -> None:
    program = tmp_path / "keys.py"
    program.write_text(
        f"""\
import json, time
open({str(tmp_path / "asked")!r}, "a").write("x")
print(json.dumps({{"Version": 1, "AccessKeyId": {KEY!r}, "SecretAccessKey": {SECRET!r},
    "Expiration": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 3600))}}))
"""
    )
    words = f"{sys.executable} {program}"
    (aws / "config").write_text(f"[profile process]\ncredential_process = {words}\n")
    place = ObjectStore(shelf.url + "&profile=process")
    pointers = fill(here, b"one", bytes(9_000_000))
    place.put(here, pointers, nothing)
    assert place.present(pointers) == set(pointers)
    place.close()
    assert (tmp_path / "asked").read_text() == "x"


@pytest.mark.parametrize(
    ("variables", "url", "region"),
    [
        ({}, "s3://bucket", "us-east-1"),
        ({"AWS_REGION": "eu-west-1"}, "s3://bucket", "eu-west-1"),
        ({"AWS_DEFAULT_REGION": "eu-west-2"}, "s3://bucket", "eu-west-2"),
        ({"AWS_REGION": "eu-west-1"}, "s3://bucket?region=eu-north-1", "eu-north-1"),
    ],
)
def test_the_region(
    writer: None,
    monkeypatch: pytest.MonkeyPatch,
    variables: dict[str, str],
    url: str,
    region: str,
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    found = connect(parse(url))
    assert found.config["region"] == region
    assert found.client.meta.region_name == region


def test_amazon_itself_is_asked_by_its_own_endpoint(writer: None) -> None:
    found = connect(parse("s3://bucket?region=eu-west-1"))
    assert "endpoint" not in found.config
    assert found.client.meta.endpoint_url == "https://s3.eu-west-1.amazonaws.com"


def test_services_that_want_the_bucket_in_the_host_name(writer: None) -> None:
    folder = Path.home() / ".aws"
    folder.mkdir()
    (folder / "config").write_text("[default]\ns3 =\n    addressing_style = virtual\n")
    found = connect(parse("s3://bucket?endpoint=https://oss.example.com"))
    assert found.config["endpoint"] == "https://bucket.oss.example.com"
    assert found.config["virtual_hosted_style_request"] is True


def test_no_credentials(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    place = ObjectStore(shelf.url)
    found = place.check()
    assert not found.reached
    assert "no credentials" in found.remarks[0]
    with pytest.raises(RemoteError) as caught:
        list(place.listing())
    assert "AWS_PROFILE" in str(caught.value.hint)


def test_a_profile_that_is_not_there(shelf: Shelf) -> None:
    place = ObjectStore(shelf.url + "&profile=nowhere")
    with pytest.raises(RemoteError) as caught:
        list(place.listing())
    assert "nowhere" in caught.value.message
    assert "~/.aws" in str(caught.value.hint)


def test_a_public_bucket_needs_none(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    """The server knows no public buckets: what matters is that nobody's keys were sent."""
    place = ObjectStore(shelf.url + "&anonymous=true")
    found = place.check()
    assert not found.reached
    assert "does not allow" in found.remarks[0]


@pytest.mark.parametrize("missing", ["obstore", "botocore"])
def test_a_library_that_is_not_installed(shelf: Shelf, tmp_path: Path, missing: str) -> None:
    """As a process of its own, which finds a broken package before the real one."""
    hidden = tmp_path / "path" / missing
    hidden.mkdir(parents=True)
    text = f"raise ModuleNotFoundError('No module named {missing}', name='{missing}')\n"
    (hidden / "__init__.py").write_text(text)
    repo, hub = Repo.init(tmp_path / "repo"), Repo.bare(tmp_path / "hub.git")
    datmo("init", cwd=repo.path)
    repo.write("large.bin", bytes(1_100_000))
    datmo("snapshot", "-m", "one", cwd=repo.path)
    repo.git("remote", "add", "origin", str(hub.path))
    repo.git("config", "datmo.origin.store", shelf.url)
    done = datmo("push", cwd=repo.path, env={"PYTHONPATH": str(hidden.parent)}, check=False)
    assert done.code == 7
    assert missing in done.stderr
    assert "pip install 'git-datmo[s3]'" in done.stderr
    assert "Traceback" not in done.stderr
    assert shelf.sizes() == {}
