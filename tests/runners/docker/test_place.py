"""Which engine is meant: DOCKER_HOST, a docker context, or the usual sockets."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from git_datmo.errors import EngineError
from git_datmo.runners.docker.place import locate


def make_context(home: Path, name: str, host: str, *, current: bool, tls: bool = False) -> None:
    digest = hashlib.sha256(name.encode()).hexdigest()
    settings = home / ".docker"
    meta = settings / "contexts" / "meta" / digest
    meta.mkdir(parents=True)
    endpoint = {"Host": host, "SkipTLSVerify": False}
    (meta / "meta.json").write_text(json.dumps({"Name": name, "Endpoints": {"docker": endpoint}}))
    if tls:
        (settings / "contexts" / "tls" / digest / "docker").mkdir(parents=True)
    if current:
        (settings / "config.json").write_text(json.dumps({"currentContext": name}))


def test_docker_host_goes_first(tmp_path: Path):
    make_context(tmp_path, "far", "tcp://far:2376", current=True)
    place = locate({"HOME": str(tmp_path), "DOCKER_HOST": "unix:///run/mine.sock"})
    assert (place.address, place.kind, place.source) == (
        "unix:///run/mine.sock",
        "unix",
        "DOCKER_HOST",
    )
    assert place.socket == "/run/mine.sock"


def test_the_current_context(tmp_path: Path):
    make_context(tmp_path, "far", "tcp://far:2376", current=True, tls=True)
    place = locate({"HOME": str(tmp_path)})
    assert (place.address, place.host) == ("tcp://far:2376", ("far", 2376))
    assert "far" in place.source
    assert place.certificates is not None
    assert place.verify


def test_a_context_by_name(tmp_path: Path):
    make_context(tmp_path, "near", "unix:///run/near.sock", current=False)
    environ = {"HOME": str(tmp_path), "DOCKER_CONTEXT": "near"}
    assert locate(environ).address == "unix:///run/near.sock"
    with pytest.raises(EngineError, match="nowhere") as error:
        locate({**environ, "DOCKER_CONTEXT": "nowhere"})
    assert "docker context ls" in str(error.value.hint)


@pytest.mark.parametrize("text", ["{", "[]", '{"currentContext": 3}', ""])
def test_settings_that_cannot_be_read_are_no_context(tmp_path: Path, text: str):
    (tmp_path / ".docker").mkdir()
    (tmp_path / ".docker" / "config.json").write_text(text)
    assert locate({"HOME": str(tmp_path)}).kind == "unix"


@pytest.mark.parametrize("host", ["nonsense", "unix://", "unix://relative", "tcp://", "tcp://h:x"])
def test_an_address_that_is_none_is_named(host: str):
    with pytest.raises(EngineError, match="DOCKER_HOST") as error:
        locate({"DOCKER_HOST": host})
    assert "unix:///" in str(error.value.hint)


def test_a_password_in_an_address_is_not_shown():
    place = locate({"DOCKER_HOST": "ssh://me:s3cret@far"})
    assert place.kind == "ssh"
    assert "s3cret" not in place.shown
