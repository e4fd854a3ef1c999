"""Listing: SQL must say what `evaluate` says, and sort as one would by hand."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from git_datmo.model.expression import OPERATORS, machine_number
from git_datmo.model.query import (
    And,
    Compare,
    In,
    IsNull,
    Not,
    Or,
    evaluate,
    lookup,
    parse,
    parse_sort,
)
from git_datmo.storage.index import Index, Record, select

MEMORY = Path("/nonexistent/index.sqlite")

BLANK = Record(
    id="00" * 20,
    kind="snapshot",
    created=0,
    visible=True,
    deleted=False,
    label=None,
    message=None,
    session=None,
    tree=None,
    environment=None,
    author=None,
    at_max=0,
    doc={},
)

texts = st.sampled_from(["", "a", "ab", "b", "A", "é", "\U0010ffff", "a\U0010ffff", "a\0b", "0.5"])
numbers = st.sampled_from(
    [
        *(0, 1, -1, 2, 0.5, -0.0, 1e300, 2**53, 2**53 + 1, float(2**53), 2**63 - 1, -(2**63)),
        *(2**63, float(2**63), 2**64, 10**30, 1e30, 10**400, math.inf, -math.inf),
    ]
)
scalars = texts | numbers | st.booleans() | st.just(math.nan)
keys = st.sampled_from(["a", "b", "a.b", "$x", "", "learning rate", "id"])
values = st.recursive(
    scalars | st.none(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3),
    max_leaves=5,
)
documents = st.dictionaries(
    st.sampled_from(["config", "stats", "status", "message", "$x"]),
    st.dictionaries(keys, values, max_size=4) | values,
    max_size=4,
)


def encoded(value):
    """Typed JSON of a value, written here a second time to check the first."""
    if isinstance(value, dict):
        return {("$" + k if k.startswith("$") else k): encoded(v) for k, v in value.items()}
    if isinstance(value, list):
        return [encoded(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return {"$float": str(value)}
    if isinstance(value, int) and not isinstance(value, bool) and not -(2**63) <= value < 2**64:
        return {"$int": str(value)}
    return value


def numbered(number: int, **what: Any) -> Record:
    return replace(BLANK, id=f"{number:040x}", **what)


hexes = st.sampled_from([None, "ab" * 20, "cd" * 20])
records = st.lists(
    st.builds(
        dict[str, Any],
        created=st.integers(0, 3),
        at_max=st.integers(0, 1),
        visible=st.sampled_from([True, True, False]),
        deleted=st.sampled_from([False, False, True]),
        label=st.none() | texts,
        message=st.none() | texts,
        session=st.sampled_from([None, "s"]),
        tree=hexes,
        environment=hexes,
        author=st.none() | texts,
        kind=st.sampled_from(["snapshot", "snapshot", "run"]),
        doc=documents.map(encoded),
    ),
    max_size=8,
).map(lambda many: [numbered(number, **what) for number, what in enumerate(many)])

columns = ["id", "kind", "created", "visible", "deleted", "label", "message", "tree"]
paths = (
    st.sampled_from([("config", "a"), ("stats", "a"), ("config", "a", "b"), ("status",), ("$x",)])
    | st.tuples(st.sampled_from(columns))
    | st.tuples(st.sampled_from(["config", "stats"]), keys)
    | st.just(("message", "a"))
)
literals = scalars | st.sampled_from(["ab" * 20, "snapshot", f"{1:040x}"])
expressions = st.recursive(
    st.builds(Compare, paths, st.sampled_from(OPERATORS), literals)
    | st.builds(In, paths, st.lists(literals, min_size=1, max_size=3).map(tuple))
    | st.builds(IsNull, paths),
    lambda inner: (
        st.builds(Not, inner)
        | st.builds(And, st.lists(inner, min_size=2, max_size=3).map(tuple))
        | st.builds(Or, st.lists(inner, min_size=2, max_size=3).map(tuple))
    ),
    max_leaves=4,
)
sorts = st.lists(st.tuples(paths, st.booleans()), max_size=3)


def filled(made: list[Record]) -> Index:
    index = Index.open(MEMORY, readonly=True)
    with index.update() as update:
        for record in made:
            update.put(record)
    return index


def place(value: object, descending: bool) -> tuple[object, ...]:
    """Where a value sorts: numbers, text, booleans, NaN, the rest."""
    sign = -1 if descending else 1
    if isinstance(value, bool):
        return (2, sign * value)
    if isinstance(value, int | float):
        if isinstance(value, float) and math.isnan(value):
            return (3,)
        return (0, sign * machine_number(value))
    if isinstance(value, str):
        # Text sorts by code point; the marker makes a shorter text the smaller one.
        return (1, *[sign * ord(c) for c in value], sign * -1)
    return (4,)


def by_hand(made: list[Record], keys: list[tuple[tuple[str, ...], bool]]) -> list[str]:
    def key(record: Record) -> tuple[object, ...]:
        view = record.view()
        return (
            *(place(lookup(view, path), descending) for path, descending in keys),
            -record.created,
            -record.at_max,
            record.id,
        )

    return [record.id for record in sorted(made, key=key)]


@pytest.fixture(params=[0, 1, 1000], ids=["never-few", "one-is-few", "all-are-few"])
def few(request, monkeypatch):
    """Every plan must give the same answer, so each is made to happen on small data."""
    monkeypatch.setattr(select, "FEW", request.param)


@settings(max_examples=150, deadline=None)
@given(records, expressions, sorts, st.booleans(), st.integers(0, 3), st.none() | st.integers(0, 4))
@example([BLANK], parse("stats.a == nan"), [], True, 0, None)
def test_select_is_evaluate_and_sort(made, where, sort, hidden, offset, limit):
    expected = [
        record
        for record in made
        if record.kind == "snapshot"
        and (hidden or (record.visible and not record.deleted))
        and evaluate(where, record.view())
    ]
    ids = by_hand(expected, sort)[offset:]
    choice: dict[str, Any] = {"include_hidden": hidden, "include_deleted": hidden, "where": where}
    with pytest.MonkeyPatch.context() as patch, filled(made) as index:
        for enough in (0, 2, 1000):
            patch.setattr(select, "FEW", enough)
            assert index.count("snapshot", **choice) == len(expected)
            found = index.select("snapshot", **choice, sort=sort, offset=offset, limit=limit)
            assert [record.id for record in found] == (ids if limit is None else ids[:limit])


@settings(max_examples=50, deadline=None)
@given(records)
def test_records_come_back_as_they_were_put(made):
    with filled(made) as index:
        for record in made:
            assert index.get(record.id) == record
        for again in made:
            with index.update() as update:
                update.put(replace(again, doc={"stats": {"a": 1}}, label="new"))
            assert index.get(again.id) == replace(again, doc={"stats": {"a": 1}}, label="new")
        everything: dict[str, Any] = {"include_hidden": True, "include_deleted": True}
        total = index.count("snapshot", **everything) + index.count("run", **everything)
        assert total == len(made)
        first = parse("stats.a == 1 and config is null")
        assert index.count("run", where=first, **everything) == sum(r.kind == "run" for r in made)


def test_filters_by_argument(few):
    made = [
        numbered(1, message="one word", session="s", tree="ab" * 20, created=1),
        numbered(2, label="Word", environment="cd" * 20, created=2),
        numbered(3, message="hidden word", visible=False, created=3),
        numbered(4, message="deleted word", deleted=True, created=4, session="s"),
    ]

    def ids(**what):
        found = [int(record.id, 16) for record in index.select("snapshot", **what)]
        assert index.count("snapshot", **what) == len(found)
        return found

    with filled(made) as index:
        assert ids() == [2, 1]
        assert ids(include_hidden=True) == [3, 2, 1]
        assert ids(include_deleted=True) == [4, 2, 1]
        assert ids(text="word") == [1]
        assert ids(text="Word") == [2]
        assert ids(text="word", include_hidden=True, include_deleted=True) == [4, 3, 1]
        assert ids(text="\udc80") == []
        assert ids(session="s") == [1]
        assert ids(session="t") == []
        assert ids(session="s", include_deleted=True) == [4, 1]
        assert ids(tree="ab" * 20) == [1]
        assert ids(tree="not hex") == []
        assert ids(environment="cd" * 20) == [2]
        assert ids(session="s", where=parse("message contains 'word'")) == [1]
        oldest = index.select("snapshot", sort=parse_sort("created"), text="o")
        assert [int(record.id, 16) for record in oldest] == [1, 2]


def test_pages_follow_each_other(few):
    made = [
        numbered(n, created=n % 7, doc=encoded({"stats": {"acc": v}} if v is not None else {}))
        for n, v in enumerate(
            [3, None, math.nan, "x", 1.5, True, None, 2, math.nan, "y", -1, False]
        )
    ]
    with filled(made) as index:
        sort = parse_sort("-stats.acc")
        whole = [record.id for record in index.select("snapshot", sort=sort)]
        assert whole == by_hand(made, sort)
        for size in (1, 2, 5):
            pages = [
                [r.id for r in index.select("snapshot", sort=sort, limit=size, offset=start)]
                for start in range(0, 12, size)
            ]
            assert [found for page in pages for found in page] == whole
        assert list(index.select("snapshot", limit=0)) == []
        assert list(index.select("snapshot", offset=99)) == []


def test_long_expressions_compile():
    many = " or ".join(f"stats.a == {n} and label is null" for n in range(1200))
    values = ", ".join(map(str, range(8000)))
    with filled([numbered(1, doc={"stats": {"a": 1199}})]) as index:
        assert index.count("snapshot", where=parse(many)) == 1
        assert index.count("snapshot", where=parse(f"stats.a in ({values})")) == 1
        assert index.count("snapshot", where=parse(f"created not in ({values})")) == 0
