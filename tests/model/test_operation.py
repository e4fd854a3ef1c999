"""The same operations mean the same state, in whatever order and however often they come."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from git_datmo.errors import (
    Conflict,
    InvalidArgumentType,
    InvalidOperation,
    NewerFormat,
    ValidationFailed,
)
from git_datmo.model.document import dumps, equal, leaves
from git_datmo.model.operation import MAX_AT, MAX_LINE, Operation, clock, fold, parse_note

ADA = "Ada Lovelace <ada@example.com>"
HERE, THERE = "00" * 8, "ff" * 8


def op(at: int, *, clone: str = HERE, set=None, unset=()) -> Operation:
    return Operation.make(at=at, clone=clone, by=ADA, set=set, unset=unset)


# Few keys and few moments, so that paths and operations often meet.
keys = st.sampled_from(["a", "b", "$c"])
leaf: st.SearchStrategy[object] = st.one_of(
    st.integers(0, 3), st.just(math.nan), st.just({}), st.just([1, {"a": 2}])
)
trees = st.dictionaries(
    keys, st.recursive(leaf, lambda inner: st.dictionaries(keys, inner, max_size=2)), max_size=3
)
paths = st.lists(keys, min_size=1, max_size=3)
operations = st.lists(
    st.builds(
        op,
        st.integers(0, 5),
        clone=st.sampled_from([HERE, THERE]),
        set=trees,
        unset=st.lists(paths, max_size=2),
    ),
    max_size=6,
)


def by_the_book(given: list[Operation]) -> dict[tuple[str, ...], object]:
    """The format's own words: a map of leaf paths."""
    state: dict[tuple[str, ...], object] = {}

    def drop(path, *, prefixes):
        for other in list(state):
            below = other[: len(path)] == path
            if below or (prefixes and path[: len(other)] == other):
                del state[other]

    for operation in sorted(given, key=lambda each: (each.at, each.clone, each.line)):
        for path in operation.unset:
            drop(path, prefixes=False)
        for path, value in leaves(operation.set):
            drop(path, prefixes=True)
            state[path] = value
    return state


@given(operations, st.randoms(use_true_random=False))
def test_fold_knows_neither_order_nor_number(given, random):
    once = fold(given)
    shuffled = given + random.choices(given, k=3) if given else []
    random.shuffle(shuffled)
    assert equal(fold(shuffled), once)
    assert list(fold(shuffled)) == list(once)


@given(operations)
def test_fold_follows_the_book(given):
    assert dumps(sorted(leaves(fold(given)))) == dumps(sorted(by_the_book(given).items()))


@given(operations)
def test_fold_shares_nothing(given):
    before = [dumps(each.set) for each in given]

    def spoil(value):
        for inner in list(value.values()) if isinstance(value, dict) else list(value):
            if isinstance(inner, dict | list):
                spoil(inner)
        value.clear()

    spoil(fold(given))
    assert [dumps(each.set) for each in given] == before


def test_fold_by_example():
    first = op(1, set={"config": {"lr": 0.1, "layers": 3}, "label": "x"})
    assert fold([first]) == first.set
    later = op(2, clone=THERE, set={"config": {"lr": {"start": 1}}}, unset=[["label"]])
    assert fold([later, first]) == {"config": {"lr": {"start": 1}, "layers": 3}}
    assert fold([op(3, set={"config": {}}), later, first]) == {"config": {}}
    assert fold([op(3, unset=[["config", "lr", "start"]]), later]) == {}
    assert fold([op(3, unset=[["config", "lr", "start", "x"]]), later]) == later.set
    assert fold([op(1, set={"a": {}}), op(2, unset=[["a", "b"]])]) == {"a": {}}
    assert fold([op(1, set={"a": 1}, unset=[["a"]])]) == {"a": 1}
    assert fold([]) == {}


@given(operations)
def test_lines_round_trip(given):
    for each in given:
        again = Operation.parse(each.line)
        assert again == each
        assert (again.at, again.clone, again.by, again.unset) == (
            *(each.at, each.clone, each.by),
            each.unset,
        )
        assert equal(again.set, each.set)
    assert parse_note(b"".join(each.line + b"\n" for each in given)) == (given, [])


def test_the_bytes():
    made = op(4096, set={"stats": {"loss": math.nan, "$x": 2**64}}, unset=[["b"], ["a", ""], ["b"]])
    assert made.line == (
        b'{"at":4096,"by":"Ada Lovelace <ada@example.com>","clone":"0000000000000000",'
        b'"set":{"stats":{"$$x":{"$int":"18446744073709551616"},"loss":{"$float":"nan"}}},'
        b'"unset":[["a",""],["b"]]}'
    )
    assert made.unset == (("a", ""), ("b",))
    bare = b'{"at":0,"by":"Ada Lovelace <ada@example.com>","clone":"0000000000000000"}'
    assert op(0, set={}).line == bare
    assert Operation.parse(bare).set == {}


LINE = op(7, set={"a": 1}, unset=[["b"]]).line


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (LINE, b"", "not JSON"),
        (LINE, b"[]", "not a JSON object"),
        (LINE, LINE + b"\r", "canonical"),
        (LINE, LINE + LINE, "not JSON"),
        (b'"at":7', b'"at": 7', "canonical"),
        (b'"at":7', b'"at":6,"at":7', "canonical"),
        (b'"at":7,', b"", "'at' is missing"),
        (b'"at":7', b'"at":-1', "'at' must be"),
        (b'"at":7', b'"at":7.0', "'at' must be"),
        (b'"at":7', b'"at":true', "'at' must be"),
        (b'"at":7', b'"at":9007199254740992', "'at' must be"),
        (b"00000000", b"0000000A", "'clone' must be"),
        (b" <ada@example.com>", b"", "'by' must read"),
        (b"Ada", b"Ada\\n", "'by' must read"),
        (b'{"a":1}', b"{}", "'set' must be"),
        (b'{"a":1}', b"[1]", "'set' must be"),
        (b'{"a":1}', b'{"$float":"nan"}', "'set' is not an object"),
        (b'{"a":1}', b'{"$x":1}', "the tag '\\$x' has no such value"),
        (b'{"a":1}', b'{"a":' * 101 + b"1" + b"}" * 101, "deeper than 100"),
        (b'[["b"]]', b"[]", "'unset' must be"),
        (b'[["b"]]', b"[[]]", "1 to 100 keys"),
        (b'[["b"]]', b"[[1]]", "lists of keys"),
        (b'[["b"]]', b'["b"]', "lists of keys"),
        (b'"b"', b'"' + b"b" * MAX_LINE + b'"', "bytes, more than"),
    ],
)
def test_bad_lines_are_named_and_left_out(old, new, said):
    bad = LINE.replace(old, new)
    with pytest.raises(InvalidOperation, match=said):
        Operation.parse(bad)
    found, problems = parse_note(LINE + b"\n" + bad + b"\n" + LINE + b"\n")
    assert [each.line for each in found] == [LINE, LINE]
    assert len(problems) == 1
    assert problems[0].startswith("line 2: ")
    assert problems[0].isprintable()


def test_a_newer_line_is_named():
    with pytest.raises(NewerFormat, match="'zoo'"):
        Operation.parse(LINE[:-1] + b',"zoo":1}')


@given(st.binary(max_size=50), st.integers(0, len(LINE)), st.integers(0, 4))
def test_no_note_is_too_broken_to_read(piece, start, length):
    found, problems = parse_note(LINE[:start] + piece + LINE[start + length :])
    assert all(Operation.parse(each.line) == each for each in found)
    assert all(problem.isprintable() for problem in problems)


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"at": -1}, ValidationFailed),
        ({"at": MAX_AT + 1}, ValidationFailed),
        ({"clone": "me"}, ValidationFailed),
        ({"by": "Ada"}, ValidationFailed),
        ({"by": "A\udcff <a@b>"}, InvalidArgumentType),
        ({"set": {"a": {1}}}, InvalidArgumentType),
        ({"set": {"a": "x" * MAX_LINE}}, ValidationFailed),
        ({"unset": ["ab"]}, InvalidArgumentType),
        ({"unset": [["\udcff"]]}, InvalidArgumentType),
        ({"unset": [[]]}, ValidationFailed),
    ],
)
def test_what_cannot_be_made(fields, error):
    with pytest.raises(error):
        Operation.make(**{"at": 1, "clone": HERE, "by": ADA, **fields})


def test_the_longest_line():
    room = MAX_LINE - len(op(1, set={"a": ""}).line)
    longest = op(1, set={"a": "x" * room})
    assert len(longest.line) == MAX_LINE
    assert Operation.parse(longest.line) == longest
    with pytest.raises(ValidationFailed):
        op(1, set={"a": "x" * (room + 1)})


@given(st.integers(0, MAX_AT - 1), st.integers(-1, 2**41 - 1))
def test_clock(previous, now_ms):
    at = clock(previous, now_ms)
    assert previous < at <= MAX_AT
    assert at >= now_ms * 4096
    assert at in (previous + 1, now_ms * 4096)


@pytest.mark.parametrize(("previous", "now_ms"), [(MAX_AT, 0), (0, 2**41)])
def test_the_clock_ends(previous, now_ms):
    with pytest.raises(Conflict, match="2039"):
        clock(previous, now_ms)
