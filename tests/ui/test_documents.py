"""JSON that comes back as it was, and never acts on a terminal."""

from __future__ import annotations

import os
import re

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from git_datmo.errors import InvalidArgumentType
from git_datmo.model.document import MAX_DEPTH, decode, equal
from git_datmo.ui.documents import to_json, to_jsonl, to_line

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
)


@given(VALUES)
def test_json_comes_back(value: object) -> None:
    assert equal(decode(orjson.loads(to_json(value))), value)
    assert equal(decode(orjson.loads(to_line(value))), value)


@given(VALUES)
def test_json_holds_no_control_but_its_own_line_breaks(value: object) -> None:
    acting = "[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]"

    assert not re.search(acting, to_json(value))
    assert "\n" not in to_line(value)


def test_json_has_explicit_forms_and_the_order_given() -> None:
    value = {"z": float("nan"), "a": (2**70, 10**4999), "$k": {"in": 1}, "m": b"\xff"}

    big = "1" + "0" * 4999
    assert to_line(value) == (
        '{"z":{"$float":"nan"},"a":[{"$int":"1180591620717411303424"},{"$int":"' + big + '"}],'
        '"$$k":{"in":1},"m":"\\\\xff"}'
    )


def test_paths_that_are_not_utf8() -> None:
    assert to_line([os.fsdecode(b"a\xff"), "\u202e\x7f"]) == r'["a\\xff","\u202e\u007f"]'


def test_the_deepest_document_still_fits_into_a_listing() -> None:
    config: dict[str, object] = {}
    for _ in range(MAX_DEPTH - 1):
        config = {"k": config}

    assert to_line({"snapshots": [{"config": config}]}).count("k") == MAX_DEPTH - 1


def test_what_no_document_can_hold_is_refused() -> None:
    with pytest.raises(InvalidArgumentType):
        to_json({"x": object()})


def test_one_line_per_value_as_they_come() -> None:
    lines = to_jsonl(iter([{"a": 1}, None]))

    assert next(lines) == '{"a":1}'
    assert list(lines) == ["null"]
