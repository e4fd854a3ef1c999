"""The grammar of `--paths`."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from git_datmo.errors import InvalidDestinationName, TooManyArgumentsFound, ValidationFailed
from git_datmo.model.paths import Mapping, parse_mapping


@pytest.mark.parametrize(
    ("text", "src", "dest"),
    [
        ("data", "data", None),
        ("/abs/data.csv", "/abs/data.csv", None),
        ("data>x", "data", "x"),
        ("../data>x/y", "../data", "x/y"),
        ("a b>c d", "a b", "c d"),
        ("data>.gitignore", "data", ".gitignore"),
        ("data>café\udcff", "data", "café\udcff"),
    ],
)
def test_read(text, src, dest):
    assert parse_mapping(text) == Mapping(src, dest)


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("a>b>c", TooManyArgumentsFound),
        ("a>>b", TooManyArgumentsFound),
        ("a>", InvalidDestinationName),
        ("a>/b", InvalidDestinationName),
        ("a>..", InvalidDestinationName),
        ("a>b/../c", InvalidDestinationName),
        ("a>./b", InvalidDestinationName),
        ("a>b//c", InvalidDestinationName),
        ("a>b/", InvalidDestinationName),
        ("a>.git/hooks", InvalidDestinationName),
        ("a>b/.GIT/hooks", InvalidDestinationName),
        ("a>b\0", InvalidDestinationName),
        ("a>\ud800", InvalidDestinationName),
        ("a\0>b", ValidationFailed),
        (">b", ValidationFailed),
        ("", ValidationFailed),
    ],
)
def test_refused(text, error):
    with pytest.raises(error) as caught:
        parse_mapping(text)
    assert type(caught.value) is error
    assert caught.value.message.isprintable()


@given(st.text("a./>g~1it\\ \0"))
def test_a_destination_stays_inside(text):
    try:
        mapping = parse_mapping(text)
    except ValidationFailed:
        return
    if mapping.dest is not None:
        assert not {"", ".", "..", ".git"} & set(mapping.dest.split("/"))
        assert f"{mapping.src}>{mapping.dest}" == text
