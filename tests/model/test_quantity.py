"""Numbers of things in a sentence."""

from __future__ import annotations

import pytest

from git_datmo.model.quantity import are, counted


@pytest.mark.parametrize(
    ("number", "text", "sentence"),
    [
        (0, "0 files", "0 files are"),
        (1, "1 file", "1 file is"),
        (2, "2 files", "2 files are"),
        (12_345, "12,345 files", "12,345 files are"),
    ],
)
def test_one_is_not_several(number: int, text: str, sentence: str):
    assert (counted(number, "file"), are(number, "file")) == (text, sentence)
