"""git's own settings for certificates and proxies hold for Git LFS too."""

from __future__ import annotations

import socket
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from git_datmo.errors import RemoteError
from git_datmo.remotes.lfs.place import Lfs
from git_datmo.storage.store import Store
from tests.contracts.places.ground import fill, nothing, some
from tests.kit.lfsserver import Field, LfsServer


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate for 127.0.0.1 that only itself vouches for, and its key."""
    folder = tmp_path_factory.mktemp("certificate")
    made, key = folder / "cert.pem", folder / "key.pem"
    words = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
    words += ["-keyout", str(key), "-out", str(made), "-subj", "/CN=test"]
    words += ["-addext", "subjectAltName=IP:127.0.0.1"]
    subprocess.run(words, check=True, capture_output=True)
    return made, key


@pytest.fixture
def secure(lfs_field: Field, tmp_path: Path, certificate: tuple[Path, Path]) -> Iterator[LfsServer]:
    server = LfsServer(tmp_path / "lfs-server", tls=certificate).start()
    yield server
    server.stop()


def put(field: Field, place: Lfs) -> None:
    here = Store(field.root / "here" / "store")
    pointers = fill(here, some(1, 100_000))
    try:
        place.put(here, pointers, nothing)
        assert place.present(pointers) == set(pointers)
    finally:
        place.close()


def test_a_certificate_that_nobody_vouches_for(lfs_field: Field, secure: LfsServer) -> None:
    with pytest.raises(RemoteError, match="cannot be trusted") as caught:
        put(lfs_field, lfs_field.clone("a", secure.url))
    assert "sslCAInfo" in (caught.value.hint or "")
    assert secure.seen == []


def test_a_certificate_that_the_settings_name(
    lfs_field: Field, secure: LfsServer, certificate: tuple[Path, Path]
) -> None:
    put(lfs_field, lfs_field.clone("a", secure.url, f"http.sslCAInfo={certificate[0]}"))
    assert len(secure.oids) == 1


def test_settings_for_one_address(
    lfs_field: Field, secure: LfsServer, certificate: tuple[Path, Path]
) -> None:
    setting = f"http.{secure.base}/.sslCAInfo={certificate[0]}"
    put(lfs_field, lfs_field.clone("a", secure.url, setting))
    with pytest.raises(RemoteError, match="cannot be trusted"):
        setting = f"http.https://other.example/.sslCAInfo={certificate[0]}"
        put(lfs_field, lfs_field.clone("b", secure.url, setting))


def test_a_certificate_for_another_name(
    lfs_field: Field, secure: LfsServer, certificate: tuple[Path, Path]
) -> None:
    url = secure.url.replace("127.0.0.1", "localhost")
    assert url != secure.url
    with pytest.raises(RemoteError, match="cannot be trusted"):
        put(lfs_field, lfs_field.clone("a", url, f"http.sslCAInfo={certificate[0]}"))


def test_the_environment(
    lfs_field: Field,
    secure: LfsServer,
    certificate: tuple[Path, Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("GIT_SSL_CAINFO", str(certificate[0]))
    put(lfs_field, lfs_field.clone("a", secure.url))


def test_verification_can_be_switched_off(
    lfs_field: Field, secure: LfsServer, recwarn: pytest.WarningsRecorder
) -> None:
    put(lfs_field, lfs_field.clone("a", secure.url, f"http.{secure.base}/.sslVerify=false"))
    assert [str(warning.message) for warning in recwarn if "nverified" in str(warning)] == []


def test_a_file_of_certificates_that_is_not_there(lfs_field: Field, secure: LfsServer) -> None:
    with pytest.raises(RemoteError, match="cannot be read"):
        put(lfs_field, lfs_field.clone("a", secure.url, "http.sslCAInfo=/nowhere"))


def test_content_does_not_leave_the_encrypted_connection(
    lfs_field: Field, secure: LfsServer, lfs_server: LfsServer, certificate: tuple[Path, Path]
) -> None:
    place = lfs_field.clone("a", secure.url, f"http.sslCAInfo={certificate[0]}")
    secure.data_url = lfs_server.base
    with pytest.raises(RemoteError, match="leaves the encrypted connection"):
        put(lfs_field, place)
    secure.data_url = None
    secure.redirect("PUT", "/data/", lfs_server.base)
    with pytest.raises(RemoteError, match="leaves the encrypted connection"):
        put(lfs_field, lfs_field.clone("b", secure.url, f"http.sslCAInfo={certificate[0]}"))
    assert lfs_server.seen == []


class Proxy:
    """A proxy for plain http: it notes what it is asked for and passes everything on."""

    def __init__(self) -> None:
        self.heads: list[bytes] = []
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = self._listening.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                client, _ = self._listening.accept()
            except OSError:
                return
            threading.Thread(target=self._pass_on, args=(client,), daemon=True).start()

    def _pass_on(self, client: socket.socket) -> None:
        data = b""
        while b"\r\n\r\n" not in data:
            data += client.recv(65_536)
        self.heads.append(data.partition(b"\r\n\r\n")[0])
        host, _, port = data.split(b" ", 2)[1].split(b"/")[2].partition(b":")
        server = socket.create_connection((host.decode(), int(port)))
        server.sendall(data)
        threading.Thread(target=_pump, args=(client, server), daemon=True).start()
        _pump(server, client)

    def close(self) -> None:
        self._listening.close()


def _pump(source: socket.socket, target: socket.socket) -> None:
    try:
        while data := source.recv(65_536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        pass


@pytest.fixture
def proxy() -> Iterator[Proxy]:
    made = Proxy()
    yield made
    made.close()


def test_a_proxy_of_gits_settings(lfs_field: Field, proxy: Proxy) -> None:
    setting = f"http.proxy=http://eve:p%40ss@127.0.0.1:{proxy.port}"
    put(lfs_field, lfs_field.clone("a", None, setting))
    assert len(lfs_field.server.oids) == 1
    assert proxy.heads
    assert all(b"authorization: Basic ZXZlOnBAc3M=" in head for head in proxy.heads)


def test_a_proxy_of_the_environment_and_exceptions_from_it(
    lfs_field: Field, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{proxy.port}")
    put(lfs_field, lfs_field.clone("a"))
    seen = len(proxy.heads)
    assert seen
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    put(lfs_field, lfs_field.clone("b"))
    assert len(proxy.heads) == seen


@pytest.mark.parametrize(
    ("named", "said"),
    [("socks5://127.0.0.1:9", "none for http"), ("http://127.0.0.1:9", "cannot be reached|broke")],
)
def test_a_proxy_that_cannot_be_used(lfs_field: Field, named: str, said: str) -> None:
    with pytest.raises(RemoteError, match=said):
        put(lfs_field, lfs_field.clone("a", None, f"http.proxy={named}"))


def test_words_that_are_no_host(lfs_field: Field) -> None:
    with pytest.raises(RemoteError, match="cannot be reached") as caught:
        put(lfs_field, lfs_field.clone("a", "http://no-such-host.invalid/x"))
    assert "0x" not in caught.value.message
    assert "urllib3" not in caught.value.message
