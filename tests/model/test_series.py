"""Points and their lines: every value survives, whoever wrote the line."""

from __future__ import annotations

import json
import math
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from git_datmo.errors import InvalidArgumentType, InvalidDocument
from git_datmo.model.diff import same
from git_datmo.model.series import DEFAULT, Point, line, parse

NAN, INF = math.nan, math.inf


class Scalar:
    """What numpy's and torch's scalars have in common."""

    def __init__(self, value: object) -> None:
        self.value = value

    def item(self) -> object:
        if isinstance(self.value, Exception):
            raise self.value
        return self.value


class Floating:
    """What has nothing but a `float` inside."""

    def __float__(self) -> float:
        return 0.25


def test_the_line_is_what_the_protocol_says():
    data = line({"loss": 0.5}, type="train", step=1, epoch=0, time=1700000000.0)
    assert data.endswith(b"\n")
    assert json.loads(data) == {
        "type": "train", "step": 1, "epoch": 0, "time": 1700000000.0, "loss": 0.5,
    }  # fmt: skip
    assert parse(data) == Point("train", 1, 0, 1700000000.0, {"loss": 0.5})
    assert parse(line({"loss": 1}, time=2.0)) == Point(DEFAULT, None, None, 2.0, {"loss": 1})


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        (NAN, NAN),
        (-INF, -INF),
        (True, True),
        (2**80, 2**80),
        ("text", "text"),
        ("null", "null"),
        ('{"$x', '{"$x'),
        (Scalar(0.5), 0.5),
        (Scalar(2**80), 2**80),
        (Scalar("text"), "text"),
        (Scalar(NAN), NAN),
        (Floating(), 0.25),
        (Decimal("0.5"), 0.5),
        (Fraction(1, 4), 0.25),
    ],
)
def test_values(value: object, kept: object):
    refused: list[str] = []
    point = parse(line({"v": value}, time=1.0, refused=refused))
    assert same(point.values, {"v": kept})
    assert refused == []


def test_names():
    values = {1: 2, "$a": 3, "é": 4, "": 5, "in": {"er": {"most": 6}}, "none": None}
    point = parse(line(values, time=1.0))
    assert point.values == {"1": 2, "$a": 3, "é": 4, "": 5, "in.er.most": 6}


def test_the_four_words_as_names_of_values():
    values = {"time": 7, "step": 8, "epoch": 9, "type": 10, "loss": 1}
    given = parse(line(values, type="val", step=1, epoch=2, time=3.0))
    assert given == Point("val", 1, 2, 3.0, values)
    own = parse(line({"epoch": 9, "step": 8, "type": "val", "loss": 1}, time=3.0))
    assert own == Point("val", 8, 9, 3.0, {"loss": 1})
    odd = parse(line({"epoch": "nine", "type": 10, "step": True}, time=3.0))
    assert odd == Point(DEFAULT, None, None, 3.0, {"epoch": "nine", "type": 10, "step": True})


@pytest.mark.parametrize(
    "value",
    [[1, 2], (), {1}, object(), b"x", Scalar(ValueError("more than one")), Scalar([1]), "\ud800"],
)
def test_what_is_no_scalar_is_left_out_and_said(value: object):
    refused: list[str] = []
    point = parse(line({"bad": value, "good": 1}, time=1.0, refused=refused))
    assert point.values == {"good": 1}
    assert len(refused) == 1
    assert "bad" in refused[0]
    with pytest.raises(InvalidArgumentType, match="bad"):
        line({"bad": value}, time=1.0)


def test_an_interrupt_is_not_swallowed():
    class Slow(Scalar):
        def item(self) -> object:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        line({"a": Slow(0)}, time=1.0)


def test_nothing_but_a_dictionary_is_a_point():
    for wrong in (None, 3, "loss", [("a", 1)]):
        with pytest.raises(InvalidArgumentType, match="dictionary"):
            line(wrong, time=1.0)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "point"),
    [
        (b'{"loss": NaN, "a": -Infinity}', Point(values={"loss": NAN, "a": -INF})),
        (b' { "loss" : 1 , "loss" : 2 } \r\n', Point(values={"loss": 2})),
        (b'{"in": {"er": 1, "list": [1]}, "list": [1], "none": null}', Point(values={"in.er": 1})),
        (b'{"step": "x", "epoch": null, "time": true}', Point(values={"step": "x", "time": True})),
        (b'{"step": 1.5, "type": ""}', Point(type="", step=1.5)),
        (b"{}", Point()),
    ],
)
def test_lines_of_other_programs(text: bytes, point: Point):
    found = parse(text)
    assert same(dict(found.values), dict(point.values))
    assert (found.type, found.step, found.epoch) == (point.type, point.step, point.epoch)


@pytest.mark.parametrize(
    "text",
    [
        *(b"", b"nope", b"[1]", b"3", b'{"a": 1', b'{"a": 1}{"a": 2}', b"\xff", b'{"a": "\xff"}'),
        *(b'{"a": "\\ud800"}', b'{"a": ' + b"[" * 5000 + b"]" * 5000 + b"}"),
        b'{"a": {"$float": "x"}}',
    ],
)
def test_what_is_no_point(text: bytes):
    with pytest.raises(InvalidDocument):
        parse(text)


SCALARS = st.booleans() | st.integers() | st.floats() | st.text(st.characters(codec="utf-8"))
NUMBERS = (
    st.none() | st.integers(-(2**60), 2**60) | st.floats(allow_nan=False, allow_infinity=False)
)


@given(
    st.dictionaries(st.text(st.characters(codec="utf-8"), max_size=6), SCALARS, max_size=4),
    st.none() | st.text(st.characters(codec="utf-8"), max_size=6),
    NUMBERS,
    NUMBERS,
)
def test_any_point_survives(values: dict[str, Any], type: str | None, step: Any, epoch: Any):
    values = {name: v for name, v in values.items() if name not in ("type", "step", "epoch")}
    data = line(values, type=type, step=step, epoch=epoch, time=1.5)
    assert data.count(b"\n") == 1
    point = parse(data)
    assert same(dict(point.values), values)
    assert (point.type, point.step, point.epoch, point.time) == (
        DEFAULT if type is None else type, step, epoch, 1.5,
    )  # fmt: skip
