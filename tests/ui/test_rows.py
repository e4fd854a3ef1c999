"""Single values: nothing is hidden for being falsy, exact where it counts."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from git_datmo.ui.rows import age, cell, full_time, literal, local_time, size, subject
from git_datmo.ui.style import paint, use_color


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, ""),
        ("", ""),
        (0, "0"),
        (False, "false"),
        (True, "true"),
        (2**70, "1180591620717411303424"),
        (0.0, "0.0"),
        (-0.0, "-0.0"),
        (0.1 + 0.2, "0.3"),
        (0.123456789, "0.123457"),
        (1234567.89, "1234567.9"),
        (1e300, "1e+300"),
        (1e6, "1000000.0"),
        (float("nan"), "nan"),
        (float("-inf"), "-inf"),
        ({"lr": 0.1, "net": {"depth": 3}, "on": True}, "lr: 0.1, net: {depth: 3}, on: true"),
        ({}, ""),
        ([1, None, "a"], "[1, null, a]"),
        (b"\xff.bin", r"\xff.bin"),
        ("\x1b[31m", r"\x1b[31m"),
        ({"\x1b": "\u202e"}, r"\x1b: \u202e"),
    ],
)
def test_cell(value: object, shown: str) -> None:
    assert cell(value) == shown


@given(st.floats())
def test_exact_floats_keep_every_digit(number: float) -> None:
    assert cell(number, exact=True) == repr(number)


@pytest.mark.parametrize(
    ("sign", "exponent", "rest"), [(1, 4999, 7), (-1, 5000, 0), (1, 8000, -1), (1, 4299, 0)]
)
def test_integers_that_python_refuses_to_print(sign: int, exponent: int, rest: int) -> None:
    number = sign * (10**exponent + rest)
    text = cell(number)

    value = 0
    for start in range(0, len(text.lstrip("-")), 1000):
        part = text.lstrip("-")[start : start + 1000]
        value = value * 10 ** len(part) + int(part)
    assert value == abs(number)
    assert text.startswith("-") == (number < 0)


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("vit", "vit"),
        ("", '""'),
        ("0.1", '"0.1"'),
        ("1e5", '"1e5"'),
        ("True", '"True"'),
        ("null", '"null"'),
        ("nan", '"nan"'),
        ("(none)", '"(none)"'),
        (" padded", '" padded"'),
        (None, "null"),
        (0, "0"),
        (False, "false"),
        ({}, "{}"),
        ([], "[]"),
        (["a, b", 1], '["a, b", 1]'),
        ({"k": "v"}, '{k: "v"}'),
        ('say "hi"', 'say "hi"'),
    ],
)
def test_literal_shows_the_type(value: object, shown: str) -> None:
    assert literal(value) == shown


@pytest.mark.parametrize(
    ("message", "shown"),
    [("one", "one"), ("one\n\ntwo", "one …"), ("\n one \r\n", "one"), ("", ""), ("a\tb", r"a\tb")],
)
def test_subject(message: str, shown: str) -> None:
    assert subject(message) == shown


@pytest.fixture
def berlin() -> Iterator[None]:
    before = os.environ.get("TZ")
    os.environ["TZ"] = "CET-1CEST,M3.5.0,M10.5.0/3"
    time.tzset()
    yield
    if before is None:
        del os.environ["TZ"]
    else:
        os.environ["TZ"] = before
    time.tzset()


@pytest.mark.usefixtures("berlin")
def test_times_are_local() -> None:
    assert local_time(1795231320_999) == "2026-11-21 04:22"
    assert full_time(1795231320_000) == "Sat Nov 21 04:22:00 2026 +0100"
    assert local_time(10**30) == f"{10**30} ms"


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0, "just now"),
        (1, "1 second ago"),
        (59, "59 seconds ago"),
        (7200, "2 hours ago"),
        (86400 * 400, "1 year ago"),
        (-5, "in the future"),
    ],
)
def test_age(seconds: int, shown: str) -> None:
    assert age(1_000_000_000_000, 1_000_000_000_000 + seconds * 1000) == shown


@pytest.mark.parametrize(
    ("n", "shown"),
    [
        (0, "0 B"),
        (1023, "1023 B"),
        (1024, "1.0 KiB"),
        (1024**2 - 1, "1.0 MiB"),
        (1288490189, "1.2 GiB"),
        (2**63 - 1, "8.0 EiB"),
    ],
)
def test_size(n: int, shown: str) -> None:
    assert size(n) == shown


class Stream:
    def __init__(self, terminal: bool) -> None:
        self.terminal = terminal

    def isatty(self) -> bool:
        return self.terminal


@pytest.mark.parametrize(
    ("terminal", "environ", "expected"),
    [
        (True, {}, True),
        (False, {}, False),
        (True, {"NO_COLOR": "1"}, False),
        (True, {"NO_COLOR": ""}, True),
        (True, {"TERM": "dumb"}, False),
    ],
)
def test_colour_is_for_terminals(terminal: bool, environ: dict[str, str], expected: bool) -> None:
    assert use_color(Stream(terminal), environ) is expected


def test_paint() -> None:
    assert paint("x", "bold red", color=True) == "\x1b[1;31mx\x1b[0m"
    assert paint("x", "red", color=False) == paint("x", "", color=True) == "x"
    assert paint("", "red", color=True) == ""
