"""What is shown of a file's beginning."""

from __future__ import annotations

import pytest

from git_datmo.ui.preview import BINARY, COLUMNS, EMPTY, PICTURE, ROWS, TABLE, TEXT, preview
from tests.kit.laboratory import picture


@pytest.mark.parametrize(
    ("name", "head", "kind"),
    [
        ("a.png", picture(), PICTURE),
        ("a.txt", picture(), PICTURE),
        ("a.png", b"<script>alert(1)</script>", TEXT),
        ("a.svg", b"<svg onload='alert(1)'/>", TEXT),
        ("a.gif", b"GIF89a....", PICTURE),
        ("a.webp", b"RIFF\0\0\0\0WEBPVP8 ", PICTURE),
        ("a.bin", b"\0\1\2", BINARY),
        ("a.bin", bytes(range(1, 256)), BINARY),
        ("a.txt", "grüße".encode("utf-16"), TEXT),
        ("latin.txt", b"gr\xfc\xdfe aus einem langen, langen Text, der sonst lesbar ist", TEXT),
        ("a.csv", b"a,b\n1,2\n", TABLE),
        ("a.tsv", b"a\tb\n1\t2\n", TABLE),
        ("one.csv", b"no columns\nat all\n", TEXT),
        ("empty.png", b"", EMPTY),
    ],
)
def test_kinds(name: str, head: bytes, kind: str):
    assert preview(name, head, len(head)).kind == kind


def test_tables_are_cut_and_say_so():
    width = COLUMNS + 5
    line = ",".join(f"c{n}" for n in range(width)) + "\n"
    data = line.encode() * (ROWS + 50)
    found = preview("t.csv", data, len(data))
    assert len(found.head) == COLUMNS
    assert len(found.rows) == ROWS
    assert found.note == f"the first {ROWS} rows, the first {COLUMNS} columns"
    data = b'a,"b\nc"\n1,"' + b"x" * 500 + b'"\n'
    small = preview("t.csv", data, len(data))
    assert small.head == ("a", "b\\nc")
    assert small.rows[0][1] == "x" * 200 + "…"
    assert small.note == ""


def test_text_says_what_is_left_out_and_does_nothing():
    assert preview("a.py", b"x = 1\r\n\x1b[31m", 12).text == "x = 1\n\\x1b[31m"
    cut = preview("a.py", b"one\ntw", 900)
    assert cut.text == "one\n"
    assert cut.note == "the first 6 bytes of 900"
