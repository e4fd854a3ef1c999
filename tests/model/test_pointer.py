"""A pointer has one encoding, and nothing else is one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from git_datmo.errors import InvalidPointer, NewerFormat
from git_datmo.model.ids import CLONE_RE, is_oid, new_clone_id, new_nonce
from git_datmo.model.pointer import MAX_CONTENT, MAX_SIZE, Pointer, looks_like_pointer

GOOD = Pointer("ab" * 16, "cd" * 32, 1048577).encode()


def digits(count: int) -> st.SearchStrategy[str]:
    return st.text("0123456789abcdef", min_size=count, max_size=count)


pointers = st.builds(Pointer, digits(32), digits(64), st.integers(0, MAX_CONTENT))


def test_the_bytes():
    assert GOOD == (
        b"git-datmo pointer 1\n"
        b"xxh3-128 abababababababababababababababab\n"
        b"blake3 cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd\n"
        b"size 1048577\n"
    )


@given(pointers)
def test_round_trip(pointer):
    data = pointer.encode()
    assert len(data) <= MAX_SIZE
    assert Pointer.parse(data) == pointer
    assert looks_like_pointer(data)


@given(st.data())
def test_what_parses_is_canonical(data):
    start, stop = sorted(data.draw(st.tuples(*[st.integers(0, len(GOOD))] * 2)))
    piece = data.draw(st.binary(max_size=3) | st.sampled_from([b"0", b"\r\n", b"\n", b"A", b"-"]))
    changed = GOOD[:start] + piece + GOOD[stop:]
    try:
        pointer = Pointer.parse(changed)
    except (InvalidPointer, NewerFormat):
        return
    assert pointer.encode() == changed
    assert looks_like_pointer(changed)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "first line"),
        (b"\xef\xbb\xbf" + GOOD, "first line"),
        (GOOD.replace(b"\n", b"\r\n"), "first line"),
        (GOOD.replace(b"1\n", b"01\n", 1), "no version 01"),
        (GOOD.replace(b"1\n", b"0\n", 1), "no version 0"),
        (GOOD.replace(b"abab", b"ABAB"), "'xxh3-128' must be"),
        (GOOD.replace(b"abab", b"../x"), "'xxh3-128' must be"),
        (GOOD.replace(b"cdcd", b"cd"), "'blake3' must be"),
        (GOOD.replace(b"size 1", b"size -1"), "'size' must be"),
        (GOOD.replace(b"size 1", b"size 01"), "'size' must be"),
        (GOOD.replace(b"1048577", str(MAX_CONTENT + 1).encode()), "must be from 0 to"),
        (GOOD.replace(b"1048577", b"9" * 100), "must be from 0 to"),
        (GOOD[:-1], "ends too early"),
        (GOOD + b"\n", "more after the size"),
        (GOOD + b"size 1\n", "more after the size"),
        (GOOD + b"x" * 600, "more than 512"),
    ],
)
def test_reasons(data, said):
    with pytest.raises(InvalidPointer, match=said) as caught:
        Pointer.parse(data)
    assert caught.value.message.isprintable()


def test_a_newer_pointer_is_named_and_kept_out_of_trees():
    newer = b"git-datmo pointer 2\nsha3 00\n"
    assert looks_like_pointer(newer)
    with pytest.raises(NewerFormat, match="version 2"):
        Pointer.parse(newer)


def test_what_looks_like_a_pointer():
    assert looks_like_pointer(b"git-datmo pointer 1\n")
    assert looks_like_pointer(b"git-datmo pointer 1\n" + b"x" * 492)
    assert not looks_like_pointer(b"git-datmo pointer 1\n" + b"x" * 493)
    assert not looks_like_pointer(b"git-datmo pointer 1")
    assert not looks_like_pointer(b"git-datmo pointer one\n")
    assert not looks_like_pointer(b" " + GOOD)


@pytest.mark.parametrize(
    "fields",
    [
        *(("A" * 32, "0" * 64, 0), ("0" * 32, "0" * 63, 0), ("0" * 32, "0" * 64, -1)),
        *(("0" * 32, "0" * 64, 2**63), ("0" * 32 + "\n", "0" * 64, 0)),
    ],
)
def test_no_pointer_is_born_invalid(fields):
    with pytest.raises(InvalidPointer):
        Pointer(*fields)


def test_ids():
    assert len(new_nonce()) == 32
    assert new_nonce() != new_nonce()
    assert CLONE_RE.match(new_clone_id())
    assert is_oid("0a" * 20)
    assert not any(map(is_oid, ["0a" * 20 + "\n", "0A" * 20, "0a" * 19, "0a" * 32, ""]))
