"""YAML of other programs: numbers of numpy as numbers, tags of Python as plain data, no objects."""

from __future__ import annotations

import math
import re
from typing import Any

import numpy
import pytest
import yaml

from git_datmo.errors import FileIOError
from git_datmo.model import yamltext


@pytest.mark.parametrize(
    "value",
    [
        numpy.float64(0.1),
        numpy.float32(0.5),
        numpy.float16(0.25),
        numpy.int8(-3),
        numpy.int64(-(2**40)),
        numpy.uint16(60000),
        numpy.bool_(True),
    ],
)
def test_scalars_of_numpy(value: Any):
    assert yamltext.load(yaml.dump({"a": value})) == {"a": value.item()}


def test_tags_of_python():
    mine = {"t": (1, (2,)), "s": {"x"}, "f": math.nan, "b": b"x", "big": 2**70}
    found = yamltext.load(yaml.dump(mine))
    assert math.isnan(found.pop("f"))
    assert found == {"t": [1, [2]], "s": {"x"}, "b": b"x", "big": 2**70}
    text = "[!!python/name:os.system '', !!python/none '', !!python/int '3', !!python/float '.5']"
    assert yamltext.load(text) == ["", None, 3, 0.5]


@pytest.mark.parametrize(
    "text", ["a: [", "!!python/int x", "!unknown x", "? [1]\n: 2", "a: b: c", b"\xff\xfe\xfa", "\t"]
)
def test_what_cannot_be_read(text: str | bytes):
    with pytest.raises(FileIOError, match="it is not YAML that can be read: "):
        yamltext.load(text)


LAUGHS = "a0: &a0 [x, x]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 12)
)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("a: " + "[" * 100_000, "nested deeper"),
        ("- " * 5_000 + "x", "nested deeper"),
        (LAUGHS, "aliases stand for more"),
        (re.sub(r"&(a[1-9]\d?) (\[.*\])", r"&\1 {<<: \2}", LAUGHS), "aliases stand for more"),
        ("a: &a [*a]", "holds itself"),
        ("a: &a {b: [*a]}", "holds itself"),
    ],
)
def test_what_would_never_end(text: str, why: str):
    with pytest.raises(FileIOError, match=why):
        yamltext.load(text)


def test_what_is_named_twice():
    text = "a: &x [1, 2]\nb: *x\nc: &y {d: 3}\ne: {<<: *y, f: *y}\n"
    assert yamltext.load(text)["e"] == {"d": 3, "f": {"d": 3}}


def test_what_is_written_is_read():
    mine = {"b": 1, "a": [1, {"é": None}], "n": "1e5", "inf": math.inf, "t": "true", "s": "x\ny"}
    text = yamltext.dump(mine)
    assert text.startswith("b: 1\na:\n")
    assert yamltext.load(text) == yaml.safe_load(text) == mine
    with pytest.raises(FileIOError):
        yamltext.dump({"a": object()})
