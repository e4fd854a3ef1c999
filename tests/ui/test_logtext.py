"""Logs as text for pages, and where a piece of one may end."""

from __future__ import annotations

import time

import pytest

from git_datmo.ui.logtext import shown, whole_lines


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"plain\nlines\n", "plain\nlines\n"),
        (b"\x1b[1;31mred\x1b[0m \x1b[2K\x1b]0;title\x07done\n", "red done\n"),
        (b"\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\\n", "link\n"),
        (b"\x1b]never ended\nnext\n", "\nnext\n"),
        (b"10%\r50%\r100%\r\nnext\r\n", "100%\nnext\n"),
        (b"50%\r", "50%"),
        (b"\r60%", "\n60%"),
        (b"a\x00b\x08c\x7f\xe2\x80\xaed\n", "a\\x00b\\x08c\\x7f\\u202ed\n"),
        (b"\xff\xc3\xa9", "\ufffdé"),
        (b"", ""),
    ],
)
def test_nothing_of_it_acts(data: bytes, text: str):
    assert shown(data) == text


def test_it_is_quick_on_what_has_no_lines():
    begin = time.process_time()
    for data in (b"x" * (1 << 18), b"\x1b]" * (1 << 17), b"\x1b[0" * (1 << 16), b"\r" * (1 << 18)):
        shown(data)
    assert time.process_time() - begin < 5


def test_pieces_end_with_lines_and_whole_characters():
    assert whole_lines(b"one\ntwo", more=True) == b"one\n"
    assert whole_lines(b"one\ntwo", more=False) == b"one\ntwo"
    for text in ("é", "€", "😀"):
        data = text.encode()
        for cut in range(1, len(data)):
            assert whole_lines(b"no end " + data[:cut], more=True) == b"no end "
        assert whole_lines(b"no end " + data, more=True) == b"no end " + data
    assert whole_lines(b"\x80" * 9, more=False) == b"\x80" * 9
    assert whole_lines(b"", more=True) == b""
