"""Whether an engine answers: found out fast, without the SDK, and explained."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from git_datmo.errors import EngineError
from git_datmo.runners.docker.engine import Engine
from git_datmo.runners.docker.place import locate
from git_datmo.runners.docker.probe import ping, reachable

Serve = Callable[[bytes], str]


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    """Starts something that gives one answer to everybody; returns its address."""
    servers: list[socket.socket] = []

    def start(answer: bytes) -> str:
        path = tmp_path / f"{len(servers)}.sock"
        server = socket.socket(socket.AF_UNIX)
        server.bind(str(path))
        server.listen()
        servers.append(server)
        threading.Thread(target=_answer, args=(server, answer), daemon=True).start()
        return f"unix://{path}"

    yield start
    for server in servers:
        server.shutdown(socket.SHUT_RDWR)
        server.close()


def _answer(server: socket.socket, answer: bytes) -> None:
    while True:
        try:
            connection, _ = server.accept()
        except OSError:
            return
        with connection:
            connection.recv(4096)
            connection.sendall(answer)


def test_no_engine_is_found_out_at_once(tmp_path: Path):
    environ = {"DOCKER_HOST": f"unix://{tmp_path}/none.sock"}
    reachable(environ)
    began = time.perf_counter()
    for _ in range(20):
        assert not reachable(environ)
    assert (time.perf_counter() - began) / 20 < 0.005


def test_asking_does_not_load_the_sdk():
    code = (
        "import os, sys\n"
        "from git_datmo.runners.docker.probe import reachable\n"
        "reachable(os.environ)\n"
        "print([name for name in sys.modules if name in ('docker', 'requests', 'urllib3')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


@pytest.mark.parametrize(
    "host",
    ["nonsense", "unix://", "unix://relative", "tcp://", "tcp://h:port", "ftp://h:1", "tcp://h:0"],
)
def test_an_address_that_is_none(host: str):
    assert not reachable({"DOCKER_HOST": host})


def test_what_answers_is_no_engine(serve: Serve):
    for answer in (b"hello", b"", b"HTTP/1.0 200 OK\r\n\r\nOK", b"HTTP/1.1 404 no\r\n\r\n"):
        host = serve(answer)
        assert not reachable({"DOCKER_HOST": host})
        with pytest.raises(EngineError, match="no Docker engine"):
            ping(locate({"DOCKER_HOST": host}))


def test_an_engine_tells_its_version(serve: Serve):
    host = serve(b"HTTP/1.1 200 OK\r\nApi-Version: 1.43\r\nServer: Docker\r\n\r\nOK")
    assert reachable({"DOCKER_HOST": host})
    assert ping(locate({"DOCKER_HOST": host})) == "1.43"


def test_an_engine_that_is_too_old(serve: Serve):
    host = serve(b"HTTP/1.1 200 OK\r\nAPI-Version: 1.24\r\n\r\nOK")
    with pytest.raises(EngineError, match=r"too old.*1\.24.*1\.40") as error:
        Engine({"DOCKER_HOST": host}).client()
    assert "19.03" in str(error.value.hint)


def test_who_does_not_answer_is_not_waited_for(tmp_path: Path):
    path = tmp_path / "silent.sock"
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        server.listen()
        began = time.perf_counter()
        assert not reachable({"DOCKER_HOST": f"unix://{path}"})
        assert time.perf_counter() - began < 3


def test_nobody_there_says_where_and_what_to_do(tmp_path: Path):
    with pytest.raises(EngineError, match=r"none\.sock.*DOCKER_HOST.*no such file") as error:
        ping(locate({"DOCKER_HOST": f"unix://{tmp_path}/none.sock"}))
    assert "--runner local" in str(error.value.hint)


def test_permission_denied_names_the_group(tmp_path: Path):
    from tests.kit import nobody

    def attempt(folder: Path) -> None:
        shut = folder / "shut"
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(str(shut))
            shut.chmod(0)
            with pytest.raises(EngineError, match="does not let you in") as error:
                ping(locate({"DOCKER_HOST": f"unix://{shut}"}))
        assert "group" in str(error.value.hint)

    nobody.run(attempt)


def test_over_tcp():
    with socket.create_server(("127.0.0.1", 0)) as server:
        host = f"tcp://127.0.0.1:{server.getsockname()[1]}"
        answer = b"HTTP/1.1 200 OK\r\nApi-Version: 1.41\r\n\r\n"
        threading.Thread(target=_answer, args=(server, answer), daemon=True).start()
        assert reachable({"DOCKER_HOST": host})
        server.shutdown(socket.SHUT_RDWR)


@pytest.mark.docker
@pytest.mark.usefixtures("engine")
def test_the_engine_of_this_machine():
    assert ping(locate(os.environ)) >= "1.40"
