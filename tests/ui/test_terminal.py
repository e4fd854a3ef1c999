"""A log on a terminal: colours pass, nothing else steers it, whatever way it comes in pieces."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from git_datmo.ui.terminal import passable


def shown(*pieces: bytes) -> bytes:
    return b"".join(passable(pieces))


@pytest.mark.parametrize(
    "kept",
    [
        b"plain\n\ttabs\r\x08",
        b"\x1b[1;31mred\x1b[0m \x1b[38:5:9mx\x1b[K",
        "ünïcode 漢字 \N{SLIGHTLY SMILING FACE}".encode(),
        b"\xff\xfe not text \x80",
    ],
)
def test_what_stays(kept: bytes):
    assert shown(kept) == kept


@pytest.mark.parametrize(
    ("raw", "safe"),
    [
        (b"\x1b]0;title\x07", rb"\x1b]0;title\x07"),
        (b"\x1b[2J\x1b[H", rb"\x1b[2J\x1b[H"),
        (b"\x00\x7f", rb"\x00\x7f"),
        ("\x9b2J".encode(), rb"\x9b2J"),
        ("\u202egnp.exe".encode(), rb"\u202egnp.exe"),
        ("\u2066x\u061c".encode(), rb"\u2066x\u061c"),
        (b"end\x1b", rb"end\x1b"),
        (b"end\x1b[31", rb"end\x1b[31"),
    ],
)
def test_what_becomes_text(raw: bytes, safe: bytes):
    assert shown(raw) == safe


@given(
    st.lists(
        st.sampled_from(
            [
                *(b"a", b"\x1b", b"[", b"3", b";", b"m", b"K", b"H", b"\xc2", b"\x9b", b"\xe2"),
                *(b"\x80", b"\xae", b"\xd8", b"\x9c", b"\x81", b"\xa6", b"\n"),
            ]
        )
    ),
    st.data(),
)
def test_pieces_make_no_difference(letters: list[bytes], data: st.DataObject):
    whole = b"".join(letters)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(whole)))))
    places = [0, *cuts, len(whole)]
    pieces = [whole[a:b] for a, b in pairwise(places)]
    assert shown(*pieces) == shown(whole)


def test_what_is_decided_is_passed_on_at_once():
    assert list(passable([b"10%\r", b"20%\r"])) == [b"10%\r", b"20%\r"]
