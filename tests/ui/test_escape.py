"""Foreign text on a terminal: nothing moves the cursor, every column is counted."""

from __future__ import annotations

import os
import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from git_datmo.model.text import encodable
from git_datmo.ui.escape import clip, safe, width

ANY_TEXT = st.text(st.characters(codec=None))  # lone surrogates included
BIDI = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b]0;owned\x07", r"\x1b]0;owned\x07"),
        ("abc\u202etxt.exe", r"abc\u202etxt.exe"),
        (os.fsdecode(b"\xff\xfe"), r"\xff\xfe"),
        ("\ud800", r"\ud800"),
        ("\x9b31m", r"\x9b31m"),
        ("a\nb\tc\rd\x7f", r"a\nb\tc\rd\x7f"),
        ("naïve 模型 👍", "naïve 模型 👍"),
        ("no-break\u00a0space", "no-break\u00a0space"),
    ],
)
def test_safe_shows_what_would_act(text: str, shown: str) -> None:
    assert safe(text) == shown


def test_several_lines_keep_line_feeds_and_tabs_only() -> None:
    assert safe("a\n\tb\r\n\x1b[2J", multiline=True) == "a\n\tb\\r\n\\x1b[2J"


@given(ANY_TEXT)
@example(BIDI)
def test_safe_text_holds_no_control_and_can_be_written(text: str) -> None:
    shown = safe(text)

    shown.encode()
    assert not any(unicodedata.category(character) in ("Cc", "Cs") for character in shown)
    assert not set(shown) & set(BIDI)
    assert safe(shown) == shown


@given(ANY_TEXT)
def test_encodable_changes_only_what_cannot_be_written(text: str) -> None:
    encodable(text).encode()
    if text.isascii() or not any("\ud800" <= character <= "\udfff" for character in text):
        assert encodable(text) == text


@pytest.mark.parametrize(
    ("text", "columns"),
    [("abc", 3), ("模型", 4), ("e\u0301", 1), ("é", 1), ("\uff21", 2), ("a\u200db", 2), ("", 0)],
)
def test_width(text: str, columns: int) -> None:
    assert width(text) == columns


@given(ANY_TEXT.map(safe), st.integers(-1, 30))
def test_clip_fits_and_cuts_only_when_it_must(text: str, columns: int) -> None:
    clipped = clip(text, columns)

    assert width(clipped) <= max(columns, 0)
    if width(text) <= columns:
        assert clipped == text
    elif columns > 0:
        assert clipped.endswith("…")
        assert text.startswith(clipped[:-1])


def test_clip_keeps_marks_with_their_letter() -> None:
    assert clip("ae\u0301bc", 3) == "ae\u0301…"
    assert clip("模型模型", 4) == "模…"
