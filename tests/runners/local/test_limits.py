"""What a plain process is granted, and what is refused and why."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from git_datmo.errors import Conflict, UsageError, ValidationFailed
from git_datmo.model.run import Resources
from git_datmo.runners.local import gpus, limits
from tests.contracts.place import Place


def granted(local: Place, cpus: float) -> list[int]:
    text = "import os; print(*sorted(os.sched_getaffinity(0)))"
    return [int(n) for n in local.python(text, resources=Resources(cpus=cpus)).text.split()]


def test_whole_processors_are_bound(local: Place):
    before = os.sched_getaffinity(0)
    assert len(granted(local, 1)) == 1
    assert granted(local, len(before)) == sorted(before)
    assert os.sched_getaffinity(0) == before, "the supervisor's own must not change"


@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="one processor only")
def test_runs_side_by_side_get_different_ones():
    chosen = {limits.processors(1.0, f"{n:08x}{'0' * 32}") for n in range(8)}
    assert len(chosen) == len(os.sched_getaffinity(0))


@pytest.mark.parametrize("cpus", [0.5, 1.5])
def test_parts_of_processors_need_a_container(cpus: float):
    with pytest.raises(UsageError) as caught:
        limits.check(Resources(cpus=cpus))
    assert "--runner docker" in str(caught.value.hint)


@pytest.mark.parametrize("cpus", [0, -1, float("nan"), 10_000])
def test_processors_that_cannot_be(cpus: float):
    with pytest.raises(ValidationFailed):
        limits.check(Resources(cpus=cpus))


@pytest.mark.parametrize(
    "wish", [Resources(memory=2**30), Resources(network="none"), Resources(network="mynet")]
)
def test_what_needs_a_container(wish: Resources):
    with pytest.raises(UsageError) as caught:
        limits.check(wish)
    assert "--runner docker" in str(caught.value.hint)


def test_the_network_that_is_there_anyway():
    limits.check(Resources(network="host"))
    limits.check(Resources(network="bridge"))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("8888", ("127.0.0.1", 8888)),
        ("8888:8888", ("127.0.0.1", 8888)),
        ("0.0.0.0:8888:8888", ("0.0.0.0", 8888)),
        ("[::1]:8888:8888", ("::1", 8888)),
    ],
)
def test_ports(text: str, expected: tuple[str, int]):
    assert limits.port(text) == expected


@pytest.mark.parametrize("text", ["", ":", "a", "0", "65536", "-1", "1:2:3:4", "²", "8888/udp"])
def test_no_ports(text: str):
    with pytest.raises(UsageError):
        limits.port(text)


def test_a_port_is_not_mapped():
    with pytest.raises(UsageError, match="8080:80") as caught:
        limits.port("8080:80")
    assert "docker" in str(caught.value.hint)


def test_a_port_taken_on_every_address_is_taken():
    with socket.create_server(("0.0.0.0", 0)) as server:
        port = server.getsockname()[1]
        for text in (str(port), f"0.0.0.0:{port}:{port}"):
            with pytest.raises(Conflict, match=str(port)):
                limits.check(Resources(ports=(text,)))
    limits.check(Resources(ports=(str(port),)))


def test_an_address_that_is_not_ours():
    with pytest.raises(UsageError, match=r"192\.0\.2\.1"):
        limits.check(Resources(ports=("192.0.2.1:8888:8888",)))
    with pytest.raises(UsageError, match="no address"):
        limits.check(Resources(ports=("example.invalid:8888:8888",)))


@pytest.fixture
def two(tmp_path: Path) -> Path:
    """The device folder of a machine with two GPUs of NVIDIA."""
    for name in ("nvidia0", "nvidia1", "nvidiactl", "nvidia-uvm", "null"):
        (tmp_path / name).touch()
    return tmp_path


def test_gpus_by_number_and_id(two: Path):
    assert gpus.found(two) == ("nvidia", 2)
    assert gpus.chosen("all", two) == {}
    assert gpus.chosen("1", two)["CUDA_VISIBLE_DEVICES"] == "0"
    assert gpus.chosen("2", two)["CUDA_VISIBLE_DEVICES"] == "0,1"
    assert gpus.chosen("1,", two)["CUDA_VISIBLE_DEVICES"] == "1"
    assert gpus.chosen("1,0", two)["CUDA_VISIBLE_DEVICES"] == "1,0"
    assert gpus.chosen("GPU-8a-b", two)["CUDA_VISIBLE_DEVICES"] == "GPU-8a-b"


@pytest.mark.parametrize("wish", ["3", "0,2"])
def test_more_gpus_than_there_are(two: Path, wish: str):
    with pytest.raises(Conflict, match="2 are here"):
        gpus.chosen(wish, two)


@pytest.mark.parametrize("wish", ["0", "", ",", "both", "1;2", "-1"])
def test_what_names_no_gpus(two: Path, wish: str):
    with pytest.raises(ValidationFailed):
        gpus.chosen(wish, two)


def test_gpus_of_amd(tmp_path: Path):
    (tmp_path / "kfd").touch()
    (tmp_path / "dri").mkdir()
    for name in ("card0", "renderD128", "renderD129"):
        (tmp_path / "dri" / name).touch()
    assert gpus.found(tmp_path) == ("amd", 2)
    assert gpus.chosen("2", tmp_path) == {
        "HIP_VISIBLE_DEVICES": "0,1",
        "ROCR_VISIBLE_DEVICES": "0,1",
    }


def test_a_machine_without(tmp_path: Path):
    assert gpus.found(tmp_path) == gpus.found(tmp_path / "none") == ("", 0)
    with pytest.raises(Conflict, match="GPU"):
        gpus.chosen("all", tmp_path)
