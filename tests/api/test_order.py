"""Options of a run as people type them: what is meant, or one clear refusal."""

from __future__ import annotations

from pathlib import Path

import pytest

from git_datmo.api import order
from git_datmo.api.user import User
from git_datmo.errors import (
    DatmoError,
    FileAlreadyExistsError,
    InvalidDestinationName,
    MutuallyExclusiveArguments,
    PathDoesNotExist,
    RequiredArgumentMissing,
    ValidationFailed,
)


@pytest.mark.parametrize(
    ("given", "argv"),
    [
        ("echo a | wc", ("sh", "-c", "echo a | wc")),
        (["python", "train.py", "a b"], ("python", "train.py", "a b")),
        (("ls",), ("ls",)),
    ],
)
def test_commands(given: object, argv: tuple[str, ...]):
    assert order.argv_of(given) == argv  # type: ignore[arg-type]


@pytest.mark.parametrize("given", ["", "  ", [], None, [""]])
def test_no_command(given: object):
    with pytest.raises(RequiredArgumentMissing):
        order.argv_of(given)  # type: ignore[arg-type]


def test_odd_commands():
    with pytest.raises(DatmoError, match="text, not of int"):
        order.argv_of(["sleep", 3])  # type: ignore[list-item]
    with pytest.raises(ValidationFailed, match="NUL"):
        order.argv_of(["a\0b"])


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("512m", 512 << 20),
        ("2g", 2 << 30),
        ("1.5GiB", 3 << 29),
        ("1GB", 1 << 30),
        (1 << 30, 1 << 30),
    ],
)
def test_memory(text: str, size: int):
    assert order.resources_of(mem_limit=text).memory == size


@pytest.mark.parametrize(
    "wrong",
    [
        {"mem_limit": "lots"},
        {"mem_limit": "4m"},
        {"mem_limit": "-1g"},
        {"cpus": "0"},
        {"cpus": "many"},
        {"cpus": "nan"},
        {"gpus": "-1"},
        {"gpus": "a b"},
        {"ports": ["0"]},
        {"ports": ["70000"]},
        {"ports": ["80:x"]},
        {"ports": ["80:70000"]},
        {"ports": ["example.com:80:80"]},
        {"network": "a b"},
        {"timeout": "soon"},
        {"timeout": "0"},
        {"timeout": "-3"},
    ],
    ids=str,
)
def test_limits_that_mean_nothing(wrong: dict[str, str]):
    with pytest.raises(ValidationFailed):
        order.resources_of(**wrong)  # type: ignore[arg-type]


def test_limits():
    made = order.resources_of(
        gpu=True, ports=["8888", "80:8080", "127.0.0.1:1:2", "[::1]:5:6"], cpus="1.5", timeout="10m"
    )
    assert made.to_dict() == {
        "gpus": "all",
        "ports": ("8888", "80:8080", "127.0.0.1:1:2", "[::1]:5:6"),
        "cpus": 1.5,
        "timeout": 600.0,
    }
    assert order.resources_of(timeout=1.5).timeout == 1.5
    assert order.resources_of(gpus="device=GPU-1,GPU-2").gpus == "device=GPU-1,GPU-2"
    with pytest.raises(MutuallyExclusiveArguments):
        order.resources_of(ports=["80"], network="none")


def test_variables():
    user = User({"HERE": "mine", "API_KEY": "k"})
    found = order.variables_of(["A=1", "B=x=y", "HERE", "EMPTY="], user)
    assert found == {"A": "1", "B": "x=y", "HERE": "mine", "EMPTY": ""}
    assert order.variables_of({"A": "1"}, user) == {"A": "1"}
    for wrong in ("1A=x", "a b=c", "=x", "MISSING", "DATMO_RUN_ID=x", "N=a\0b"):
        with pytest.raises(ValidationFailed):
            order.variables_of([wrong], user)


def test_secret_looking_variables_are_named_only():
    names = {"API_KEY": "x", "GITHUB_TOKEN": "x", "DB_PASSWORD": "x", "MY_SECRET": "x"}
    plain = {"LR": "0.1", "MONKEY": "x", "PWD_COUNT": "3", "AUTHOR": "x", "KEYS": "3"}
    leaked = {"CALLED": "ghp_" + "a" * 36}
    secret = order.secret_names({**names, **plain, **leaked})
    assert names.keys() | leaked.keys() == secret
    made = order.Order((), order.resources_of(), {**names, "LR": "0.1"}, secret, (), ())
    assert made.recorded == {**dict.fromkeys(sorted(names)), "LR": "0.1"}


def test_data(tmp_path: Path):
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "one").write_text("1")
    found = order.mounts_of(["set", "set/one>two"], tmp_path)
    assert [(mount.source, mount.name) for mount in found] == [
        (tmp_path / "set", "set"),
        (tmp_path / "set" / "one", "two"),
    ]
    with pytest.raises(PathDoesNotExist):
        order.mounts_of(["absent"], tmp_path)
    with pytest.raises(FileAlreadyExistsError):
        order.mounts_of(["set", "set/one>set"], tmp_path)
    for name in ("..", "a/b", ".git", "."):
        with pytest.raises(DatmoError) as caught:
            order.mounts_of([f"set>{name}"], tmp_path)
        assert isinstance(caught.value, (InvalidDestinationName, ValidationFailed))


def test_links_lie_inside(tmp_path: Path):
    (tmp_path / "data").mkdir()
    assert [link.dest for link in order.links_of(["data", "absent"], tmp_path)] == ["data"]
    with pytest.raises(InvalidDestinationName):
        order.links_of(["/etc"], tmp_path)
    for wrong in ("../up", ".git", "data>x/.git"):
        with pytest.raises(InvalidDestinationName):
            order.links_of([wrong], tmp_path)
