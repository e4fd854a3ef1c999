"""`config.json` and `stats.json`, written by many and never half."""

from __future__ import annotations

import json
import math
import multiprocessing
import os
from pathlib import Path
from typing import Any

import pytest

from git_datmo.errors import FileIOError
from git_datmo.model.diff import same
from git_datmo.tracking import parts


class Array:
    def __init__(self, value: object) -> None:
        self.value = value

    def tolist(self) -> object:
        return self.value


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ({"a": (1, 2), "b": {3}, 4: None}, {"a": [1, 2], "b": [3], "4": None}),
        ({"a": math.nan, "b": 2**80}, {"a": math.nan, "b": 2**80}),
        ({"a": Path("x/y"), "b": Array([[1], [2]])}, {"a": "x/y", "b": [[1], [2]]}),
        ({"a": {("k", 1): 2}, "b": [Path("p")]}, {"a": {"('k', 1)": 2}, "b": ["p"]}),
        ({"a": b"x", "b": int}, {"a": "b'x'", "b": "<class 'int'>"}),
        ({"a": "\ud800", "$b": 1}, {"a": "\\ud800", "$b": 1}),
    ],
)
def test_what_is_foreign_becomes_plain(tmp_path: Path, given: dict[Any, Any], kept: object):
    path = tmp_path / "config.json"
    assert same(parts.merge(path, given), kept)
    assert same(json.loads(path.read_text()), kept)
    assert same(parts.read(path), kept)
    assert [file.name for file in tmp_path.iterdir()] == ["config.json"]


def test_a_dictionary_that_holds_itself(tmp_path: Path):
    endless: dict[str, Any] = {}
    endless["again"] = endless
    assert "again" in parts.merge(tmp_path / "config.json", endless)


def test_leaves_are_set_and_others_stay(tmp_path: Path):
    path = tmp_path / "stats.json"
    path.write_text('\ufeff{"a": {"b": 1, "c": 2}, "d": 3}')
    path.chmod(0o600)
    assert parts.merge(path, {"a": {"b": 9}, "d": {"e": 1}}) == {
        "a": {"b": 9, "c": 2}, "d": {"e": 1},
    }  # fmt: skip
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("text", ["{", "[1]", "3", '"x"', "[" * 100_000])
def test_what_is_no_dictionary_is_left_alone(tmp_path: Path, text: str):
    path = tmp_path / "config.json"
    path.write_text(text)
    with pytest.raises(FileIOError, match=r"config\.json"):
        parts.merge(path, {"a": 1})
    assert path.read_text() == text
    assert len(list(tmp_path.iterdir())) == 1


def test_a_folder_without_space_keeps_what_it_has(tmp_path: Path):
    path = tmp_path / "config.json"
    parts.merge(path, {"a": 1})
    with pytest.raises(OSError):
        parts.merge(tmp_path / "none" / "config.json", {"a": 1})
    assert parts.read(path) == {"a": 1}


def add(path: Path, name: str, count: int) -> None:
    for number in range(count):
        parts.merge(path, {f"{name}{number}": number})
    os._exit(0)


def test_many_processes_lose_nothing(tmp_path: Path):
    path = tmp_path / "stats.json"
    context = multiprocessing.get_context("fork")
    crew = [context.Process(target=add, args=(path, name, 50)) for name in "abcd"]
    for process in crew:
        process.start()
    while any(process.is_alive() for process in crew):
        parts.read(path)  # Raises when it meets half a file.
    assert len(parts.read(path)) == 200
    assert [file.name for file in tmp_path.iterdir()] == ["stats.json"]
