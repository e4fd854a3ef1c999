"""What a job may ask of a container, and what is refused before anything is made."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from git_datmo.errors import (
    GPUSupportNotEnabled,
    MutuallyExclusiveArguments,
    PathDoesNotExist,
    PortTaken,
    UsageError,
    ValidationFailed,
)
from git_datmo.model.run import Resources
from git_datmo.runners.base import Job, Link, Mount
from git_datmo.runners.docker.engine import Ability
from git_datmo.runners.docker.limits import Port, check_grants, check_wishes, ports

ABLE = Ability("id", "20.10", cpus=2, rootless=False, shares_kernel=True, gpus=False)


def wishing(
    tmp_path: Path,
    *,
    mounts: tuple[Mount, ...] = (),
    links: tuple[Link, ...] = (),
    resources: Resources | None = None,
) -> Job:
    wanted = resources or Resources()
    room = tmp_path / "room"
    return Job(
        *("0" * 40, ("true",), tmp_path, "", room / "task", room, {}, {}),
        mounts=mounts,
        links=links,
        resources=wanted,
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("8888", Port("127.0.0.1", 8888, 8888, "tcp")),
        ("80:8888", Port("127.0.0.1", 80, 8888, "tcp")),
        ("0.0.0.0:80:8888", Port("0.0.0.0", 80, 8888, "tcp")),
        ("[::1]:80:8888", Port("::1", 80, 8888, "tcp")),
        ("53/udp", Port("127.0.0.1", 53, 53, "udp")),
        ("1.2.3.4:53:53/udp", Port("1.2.3.4", 53, 53, "udp")),
    ],
)
def test_ports(text: str, expected: Port):
    assert ports(Resources(ports=(text,))) == [expected]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "0",
        "65536",
        "1:0",
        "1:2:3",
        "999.1.1.1:1:1",
        "[::x]:1:1",
        "1/sctp",
        "-1",
        "1:",
        "٣",
    ],
)
def test_what_is_no_port(text: str):
    with pytest.raises(ValidationFailed, match="no port"):
        ports(Resources(ports=(text,)))


@pytest.mark.parametrize(
    "wrong",
    [
        Resources(memory=1),
        Resources(memory=-1),
        Resources(cpus=0),
        Resources(cpus=-1),
        Resources(cpus=float("nan")),
        Resources(gpus=""),
        Resources(gpus="a b"),
        Resources(ports=("x",)),
    ],
    ids=lambda wrong: str(wrong.to_dict()),
)
def test_wishes_that_cannot_be(tmp_path: Path, wrong: Resources):
    with pytest.raises(UsageError):
        check_wishes(wishing(tmp_path, resources=wrong))


def test_ports_need_a_network(tmp_path: Path):
    with pytest.raises(MutuallyExclusiveArguments):
        check_wishes(wishing(tmp_path, resources=Resources(ports=("1",), network="none")))
    twice = Resources(ports=("18080:80", "127.0.0.1:18080:81"))
    with pytest.raises(MutuallyExclusiveArguments, match="18080"):
        check_wishes(wishing(tmp_path, resources=twice))
    check_wishes(wishing(tmp_path, resources=Resources(ports=("80:1", "80:1/udp", "80:1"))))


def test_data_must_be_there_and_have_one_name(tmp_path: Path):
    (tmp_path / "in").touch()
    check_wishes(wishing(tmp_path, mounts=(Mount(tmp_path / "in", "in"),)))
    with pytest.raises(PathDoesNotExist, match="gone"):
        check_wishes(wishing(tmp_path, mounts=(Mount(tmp_path / "gone", "in"),)))
    with pytest.raises(PathDoesNotExist, match="gone"):
        check_wishes(wishing(tmp_path, links=(Link(tmp_path / "gone", "data"),)))
    for name in ("", "a/b", ".", ".."):
        with pytest.raises(ValidationFailed):
            check_wishes(wishing(tmp_path, mounts=(Mount(tmp_path / "in", name),)))
    twice = (Mount(tmp_path / "in", "same"), Mount(tmp_path / "in", "same"))
    with pytest.raises(ValidationFailed, match="same"):
        check_wishes(wishing(tmp_path, mounts=twice))


def test_more_cpus_than_there_are(tmp_path: Path):
    check_grants(wishing(tmp_path, resources=Resources(cpus=2)), ABLE)
    with pytest.raises(ValidationFailed, match="has 2"):
        check_grants(wishing(tmp_path, resources=Resources(cpus=2.5)), ABLE)


def test_a_gpu_where_there_is_none(tmp_path: Path):
    if any(Path("/dev").glob("nvidia[0-9]*")):
        pytest.skip("this machine has a GPU")
    with pytest.raises(GPUSupportNotEnabled) as error:
        check_grants(wishing(tmp_path, resources=Resources(gpus="all")), ABLE)
    assert error.value.hint


@pytest.mark.parametrize("kind", [socket.SOCK_STREAM, socket.SOCK_DGRAM])
def test_a_port_in_use(tmp_path: Path, kind: socket.SocketKind):
    with socket.socket(socket.AF_INET, kind) as taken:
        taken.bind(("127.0.0.1", 0))
        if kind == socket.SOCK_STREAM:
            taken.listen()
        port = taken.getsockname()[1]
        text = f"{port}/udp" if kind == socket.SOCK_DGRAM else str(port)
        with pytest.raises(PortTaken, match=str(port)):
            check_grants(wishing(tmp_path, resources=Resources(ports=(text,))), ABLE)
    check_grants(wishing(tmp_path, resources=Resources(ports=(text,))), ABLE)
