"""Spans of time as people write them."""

from __future__ import annotations

import pytest

from git_datmo.errors import ValidationFailed
from git_datmo.model.span import parse_span


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0),
        ("90s", 90),
        ("10m", 600),
        ("12h", 43_200),
        ("14d", 1_209_600),
        ("2W", 1_209_600),
        (" 1 y ", 31_536_000),
        ("0.5d", 43_200),
        ("0d", 0),
    ],
)
def test_spans(text: str, seconds: float):
    assert parse_span(text) == seconds


@pytest.mark.parametrize(
    "text", ["", "d", "30", "-1d", "1 month", "nan", "infd", "1e9d", "9" * 99 + "y"]
)
def test_what_is_none(text: str):
    with pytest.raises(ValidationFailed, match="30d"):
        parse_span(text)
