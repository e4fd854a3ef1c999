"""Every value comes back as it was, from bytes that have one form."""

from __future__ import annotations

import enum
import math

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from git_datmo.errors import InvalidArgumentType, InvalidDocument
from git_datmo.model import document
from git_datmo.model.document import MAX_DEPTH, decode, dumps, encode, equal, flatten, loads, merge

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=6)
keys = texts | texts.map("${}".format) | st.sampled_from(["$float", "$int", "$", "$$"])
integers = st.integers() | st.integers(2**63 - 2, 2**64 + 2) | st.integers(-(2**70), -(2**62))
scalars = st.none() | st.booleans() | integers | st.floats() | texts
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3),
    max_leaves=12,
)
documents = st.dictionaries(keys, values, max_size=4)


def same(a, b) -> bool:
    """Equality that knows types, signs of zero and NaN, without any JSON."""
    if type(a) is not type(b):
        return False
    if isinstance(a, float):
        return repr(a) == repr(b)
    if isinstance(a, list):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)
    return bool(a == b)


@given(values)
def test_round_trip(value):
    data = dumps(value)
    assert same(loads(data), value)
    assert dumps(loads(data)) == data
    assert same(decode(encode(value)), value)
    assert equal(value, loads(data))


@given(values, values)
def test_equal_means_the_same_value(a, b):
    assert equal(a, b) == same(a, b)


HARD = [
    *(0.0, -0.0, 5e-324, 1e16, 1.5e300, math.inf, -math.inf, math.nan, 2**53 + 1, 2**64),
    *(-(2**63), -(2**63) - 1, 10**30, 10**4999, -(10**10_000) + 1, True, {}, [], {"$": {"$$": 1}}),
]


def test_hard_values():
    for value in HARD:
        assert same(loads(dumps({"a": [value]})), {"a": [value]})


def test_types_are_kept_apart():
    assert not equal(True, 1)
    assert not equal(1, 1.0)
    assert not equal(0.0, -0.0)
    assert not equal([], {})


@given(st.binary(max_size=40) | values.map(lambda value: orjson.dumps(encode(value))))
def test_only_canonical_bytes_are_read(data):
    try:
        value = loads(data)
    except InvalidDocument:
        return
    assert dumps(value) == data


@pytest.mark.parametrize(
    "data",
    [
        *(b"", b" 1", b"1\n", b"-0", b"1.00", b'{"b":1,"a":2}', b'{"a":1,"a":1}', b'{"a": 1}'),
        *(b"1e400", b"18446744073709551616", b"-9223372036854775809", b'"\\ud800"', b'"\xff"'),
        *(b"\xef\xbb\xbf1", b'"\\u0041"', b"1 1", b"NaN", b"[1,]", b'{"$date":"today"}'),
        *(b"[" * depth + b"]" * depth for depth in (MAX_DEPTH + 1, 300, 2000)),
        *(b'{"$float":"1.0"}', b'{"$float":"NaN"}', b'{"$float":1}', b'{"$float":"nan","a":1}'),
        *(b'{"$int":"1"}', b'{"$int":"018446744073709551616"}', b'{"$int":18446744073709551615}'),
        *(b'{"$int":"1e30"}', b'{"$int":"%b"}' % (b"9" * 10_001), b'{"$":1}'),
    ],
)
def test_refused(data):
    with pytest.raises(InvalidDocument):
        loads(data)


@pytest.mark.parametrize("data", [b"[1e+16,-1.5e-7]", b"[1e16,-1.5e-7]"])
def test_both_spellings_of_exponents_are_read(data):
    assert loads(data) == [1e16, -1.5e-7]
    assert dumps([1e16, -1.5e-7, "1e16"]) == b'[1e+16,-1.5e-7,"1e16"]'
    assert document._sign_exponents(b'["1e1\\"1e1",1e1]') == b'["1e1\\"1e1",1e+1]'


class Colour(enum.StrEnum):
    RED = "red"


class Level(enum.IntEnum):
    HIGH = 3


class Scalar:
    """What numpy's and torch's scalars look like from outside."""

    def __init__(self, inner: object) -> None:
        self.inner = inner

    def item(self) -> object:
        if isinstance(self.inner, list):
            raise ValueError("can only convert an array of size 1 to a Python scalar")
        return self.inner


def test_what_becomes_plain_json():
    given = {"t": (1, (2,)), "n": Scalar(0.5), "b": Scalar(True), "c": Colour.RED, "l": Level.HIGH}
    plain = {"t": [1, [2]], "n": 0.5, "b": True, "c": "red", "l": 3}
    assert same(decode(encode(given)), plain)
    assert all(type(leaf) in (str, int, float, bool, list) for leaf in encode(given).values())

    keyed = {1: 0, 1.5: 0, None: 0, False: 0, Scalar(7): 0, 10**30: 0, Colour.RED: 0}
    assert set(encode(keyed)) == {"1", "1.5", "null", "false", "7", str(10**30), "red"}


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ({"a": {"b": [0, {1}]}}, "config.a.b[1] is of type builtins.set"),
        ({"a": b"x"}, "config.a is of type builtins.bytes"),
        ({"a": Scalar([1, 2])}, "config.a is of type"),
        ({"a": Scalar(Scalar(1))}, "config.a is of type"),
        ({"a": 1j}, "config.a is of type builtins.complex"),
        ({(1, 2): 0}, "a key of config is of type builtins.tuple"),
        ({"a": {"1": 0, 1: 0}}, "config.a has two keys that are both written '1'"),
        ({"a": "x\ud800"}, "config.a holds half of a surrogate pair at position 1"),
        ({"\udcff": 0}, "a key of config holds half of a surrogate pair"),
    ],
)
def test_what_cannot_be_stored(value, said):
    with pytest.raises(InvalidArgumentType) as caught:
        encode(value, "config")
    assert caught.value.message.startswith(said)


def test_integers_have_a_limit():
    with pytest.raises(InvalidArgumentType, match=r"value\.a is an integer of more than 10000"):
        dumps({"a": 10**10_000})


def nested(levels: int, inner: object = None) -> object:
    for _ in range(levels):
        inner = {"a": inner}
    return inner


def test_depth_is_capped_alike_in_both_directions():
    deepest = nested(MAX_DEPTH, math.nan)
    assert equal(loads(dumps(deepest)), deepest)
    for value in (nested(MAX_DEPTH + 1), nested(MAX_DEPTH, []), nested(MAX_DEPTH, {})):
        with pytest.raises(InvalidArgumentType, match="deeper than 100"):
            dumps(value)
        with pytest.raises(InvalidDocument, match="deeper than 100"):
            loads(orjson.dumps(value))

    loop: list[object] = []
    loop.append(loop)
    with pytest.raises(InvalidArgumentType, match="deeper than 100"):
        dumps(loop)


def test_leaves():
    given = {"a": {"b": 1, "c": {}, "d": {"e": [{}]}}, "f": None}
    assert dict(document.leaves(given, ("p",))) == {
        ("p", "a", "b"): 1,
        ("p", "a", "c"): {},
        ("p", "a", "d", "e"): [{}],
        ("p", "f"): None,
    }
    assert list(document.leaves({})) == []


def test_flatten():
    assert flatten({"a": {"b": 1}, "lr.x": 2, "": 3}) == {"a.b": 1, "lr.x": 2, "": 3}
    assert flatten({"a": {"b": 1}, "a.b": 2}) == {"a.b": 1, '"a.b"': 2}


dotted_keys = st.text('a."', max_size=3)


@given(
    st.dictionaries(
        dotted_keys, st.none() | st.dictionaries(dotted_keys, st.none(), max_size=4), max_size=5
    )
)
def test_flatten_loses_no_leaf(given):
    assert len(flatten(given)) == len(list(document.leaves(given)))


@given(documents, documents)
def test_merge(base, over):
    before = dumps([base, over])
    merged = dict(document.leaves(merge(base, over)))
    wanted = dict(document.leaves(over))
    assert all(same(merged[path], leaf) for path, leaf in wanted.items())
    for path, leaf in document.leaves(base):
        related = (p for p in wanted if p[: len(path)] == path or path[: len(p)] == p)
        if next(related, None) is None:
            assert same(merged.pop(path), leaf)
    assert merged.keys() >= wanted.keys()
    assert set(merged) == set(wanted)
    assert dumps([base, over]) == before
