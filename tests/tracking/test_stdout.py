"""Copies of what is printed: to several at a time, over whatever stream there is."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import pytest

from git_datmo.tracking.stdout import copied


def test_several_at_a_time_end_in_any_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    beneath = io.StringIO()
    monkeypatch.setattr(sys, "stdout", beneath)
    first = copied(tmp_path / "a", tmp_path / "b")
    print("one")
    second = copied(tmp_path / "c")
    print("two é \udc80")
    first.end()
    print("three")
    second.end()
    print("four")
    assert sys.stdout is beneath
    assert beneath.getvalue() == "one\ntwo é \udc80\nthree\nfour\n"
    assert (tmp_path / "a").read_text() == (tmp_path / "b").read_text() == "one\ntwo é \\udc80\n"
    assert (tmp_path / "c").read_text() == "two é \\udc80\nthree\n"
    second.end()


def test_a_stream_that_was_put_over_ours_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    beneath, above = io.StringIO(), io.StringIO()
    monkeypatch.setattr(sys, "stdout", beneath)
    copy = copied(tmp_path / "a")
    ours = sys.stdout
    monkeypatch.setattr(sys, "stdout", above)
    again = copied(tmp_path / "b")
    print("x")
    copy.end()
    again.end()
    assert sys.stdout is above
    ours.write("late")
    assert (beneath.getvalue(), above.getvalue()) == ("late", "x\n")
    assert (tmp_path / "a").read_text() == (tmp_path / "b").read_text() == "x\n"


def test_the_rest_is_the_streams_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    with open(tmp_path / "out", "w", encoding="latin-1") as beneath:
        monkeypatch.setattr(sys, "stdout", beneath)
        copy = copied(tmp_path / "none" / "there", tmp_path / "a")
        assert sys.stdout.encoding == "latin-1"
        assert not sys.stdout.isatty()
        sys.stdout.writelines(["a", "b"])
        with pytest.raises(TypeError):
            sys.stdout.write(3)  # type: ignore[arg-type]
        copy.end()
    assert (tmp_path / "a").read_text() == "ab"
