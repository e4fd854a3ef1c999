"""`frozen` makes of a class what `dataclass(frozen=True)` makes of it, sooner."""

from __future__ import annotations

import copy
import dataclasses
import pickle
from collections.abc import Callable
from typing import Any, ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from git_datmo.model.frozen import field, frozen

VALUES = st.one_of(st.integers(0, 2), st.none(), st.text(max_size=1), st.tuples(st.integers(0, 1)))


def classes(decorate: Callable[[type], type]) -> tuple[type, type]:
    class Base:
        KIND: ClassVar[str] = "base"
        one: object
        two: object = None
        noted: object = field(default="", compare=False)
        hidden: object = field(default_factory=list, compare=False, repr=False)

    base = decorate(Base)

    class Below(base):  # type: ignore[valid-type, misc]
        three: object = 3

        def __repr__(self) -> str:
            return "its own"

    return base, decorate(Below)


OURS = classes(frozen)
THEIRS = classes(dataclasses.dataclass(frozen=True))


@given(st.tuples(VALUES, VALUES, VALUES), st.tuples(VALUES, VALUES, VALUES))
def test_equality_hash_and_text_are_those_of_a_dataclass(
    first: tuple[Any, ...], second: tuple[Any, ...]
):
    for ours, theirs in zip(OURS, THEIRS, strict=True):
        a, b, c, d = ours(*first), ours(*second), theirs(*first), theirs(*second)
        assert (a == b, hash(a), repr(a)) == (c == d, hash(c), repr(c))
        assert dataclasses.asdict(a) == dataclasses.asdict(c)
        assert dataclasses.replace(a, one=5) == ours(5, *first[1:])
        assert copy.copy(a) == a
    assert OURS[0](1) != OURS[1](1)
    assert OURS[0](1) != 1


def test_nothing_is_set_again_or_taken_away():
    made = OURS[1](1)
    for name in ("one", "three", "unknown", "KIND"):
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(made, name, 2)
    with pytest.raises(dataclasses.FrozenInstanceError):
        del made.one
    assert (made.one, made.three, made.hidden) == (1, 3, [])


def test_what_cannot_be_hashed_says_so():
    with pytest.raises(TypeError):
        hash(OURS[0]([]))


@frozen
class Own:
    one: int

    def __eq__(self, other: object) -> bool:
        return True


def test_methods_of_its_own_stay():
    assert Own(1) == "anything"
    assert hash(Own(1)) == hash((1,)) or hash(Own(1)) == hash(1)
    assert pickle.loads(pickle.dumps(Own(2))).one == 2


class Plain:
    def __repr__(self) -> str:
        return "as it was"


@frozen
class Standing(Plain):
    one: int


def test_so_do_those_of_a_class_it_stands_on():
    assert repr(Standing(1)) == "as it was"
    assert Standing(1) == Standing(1) != Standing(2)
