"""A rerun beside its original: what counts as equal, near, missing and ignored."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from git_datmo.errors import ValidationFailed
from git_datmo.model.comparison import Comparison, Content, Section, compare
from git_datmo.model.diff import Change
from git_datmo.model.run import Facts, Run

NAN = float("nan")
BASE = Facts(
    "a" * 32,
    status="success",
    exit_code=0,
    results={"accuracy": 0.97, "seconds": 3.5},
    stats={"net": {"depth": 3}, "score": NAN},
    metrics={"train": {"loss": 0.25}},
)
DOCUMENTS = st.dictionaries(
    st.text("ab.", max_size=3),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(),
        lambda inner: st.dictionaries(st.text("ab.", max_size=2), inner, max_size=3),
    ),
    max_size=4,
)


def against(**changed: Any) -> Comparison:
    options = {name: changed.pop(name) for name in ("rtol", "ignore") if name in changed}
    return compare(Run(BASE), Run(replace(BASE, id="b" * 32, **changed)), **options)


def section(comparison: Comparison, name: str) -> Section:
    (found,) = (part for part in comparison.sections if part.name == name)
    return found


def test_the_same_is_equal_also_where_it_is_nan():
    same = against()
    assert same.equal
    assert [(part.name, part.equal) for part in same.sections] == [
        ("results", 2),
        ("stats", 2),
        ("metrics", 1),
    ]


@pytest.mark.parametrize(
    "changed",
    [
        {"status": "failed"},
        {"exit_code": 1},
        {"exit_code": None},
        {"results": {"accuracy": 0.97}},
        {"results": {"accuracy": 0.97, "seconds": 3.5, "more": None}},
        {"results": {"accuracy": "0.97", "seconds": 3.5}},
        {"stats": {"net": {"depth": 3.0}, "score": NAN}},
        {"stats": {"net": {"depth": True}, "score": NAN}},
        {"stats": {"net": {"depth": 3}, "score": 0.0}},
        {"metrics": {"train": {"loss": 0.2500000001}}},
        {"metrics": {"val": {"loss": 0.25}}},
    ],
)
def test_anything_else_is_different(changed: dict[str, Any]):
    assert not against(**changed).equal


def test_differences_say_how_much():
    part = section(against(results={"accuracy": 0.5, "seconds": 7.0}), "results")
    assert [(c.key, c.delta, c.percent) for c in part.changes] == [
        ("accuracy", pytest.approx(-0.47), pytest.approx(-48.4536)),
        ("seconds", 3.5, 100.0),
    ]
    assert (part.equal, part.near, part.ignored) == (0, (), 0)


@pytest.mark.parametrize(
    ("before", "after", "share"),
    [(0, 1, None), (-2, -1, 50.0), (5e-324, 1e308, None), (1, 2**3000, None), ("1", 2, None)],
)
def test_percents_where_they_mean_something(before: object, after: object, share: float | None):
    assert Change("k", before, after, "changed").percent == share


def test_a_tolerance_is_relative_and_for_numbers_alone():
    close = {"accuracy": 0.9701, "seconds": 3.5}
    assert not against(results=close).equal
    assert not against(results=close, rtol=1e-5).equal
    near = against(results=close, rtol=1e-3)
    assert near.equal
    part = section(near, "results")
    assert ([c.key for c in part.near], part.changes, part.equal) == (["accuracy"], (), 1)
    assert not against(stats={"net": {"depth": "3"}, "score": NAN}, rtol=1.0).equal
    assert against(stats={"net": {"depth": 3.0}, "score": NAN}, rtol=1e-9).equal, "same number"
    assert not against(exit_code=1, rtol=10.0).equal, "an exit code is no measurement"


@pytest.mark.parametrize("rtol", [-1.0, NAN, float("inf")])
def test_a_tolerance_that_is_none(rtol: float):
    with pytest.raises(ValidationFailed, match="tolerance"):
        against(rtol=rtol)


def test_what_is_ignored_is_counted():
    slow = {"accuracy": 0.97, "seconds": 9.0}
    assert against(results=slow, ignore=["seconds"]).equal
    assert against(results=slow, ignore=["results.sec*"]).equal
    assert section(against(results=slow, ignore=["seconds"]), "results").ignored == 1
    assert not against(results=slow, ignore=["stats.seconds"]).equal
    assert not against(results=slow, ignore=["SECONDS"]).equal
    assert against(metrics={"train": {"loss": 1}}, ignore=["metrics.*"]).equal


def test_files_by_digest_and_mode():
    before = {
        "model.bin": Content("1", 9, 0o100644),
        "run.sh": Content("2", 5, 0o100644),
        "same": Content("3", 1, 0o100644),
        "lost": Content("4", 1, 0o100644),
    }
    after = {
        "model.bin": Content("9", 9, 0o100644),
        "run.sh": Content("2", 5, 0o100755),
        "same": Content("3", None, 0o100644),
        "new": Content("4", 1, 0o100644),
    }
    run = Run(BASE)
    found = compare(run, run, (before, after))
    assert [(file.path, file.kind) for file in found.files] == [
        ("lost", "missing"),
        ("model.bin", "different"),
        ("new", "extra"),
        ("run.sh", "different"),
        ("same", "equal"),
    ]
    assert not found.equal
    assert compare(run, run, (before, before)).equal
    some = compare(run, run, (before, after), ignore=["files:*[wb]*", "files:lost", "run.sh"])
    assert [(file.path, file.kind) for file in some.files] == [
        ("run.sh", "different"),
        ("same", "equal"),
    ]
    assert some.ignored_files == 3


@given(DOCUMENTS, DOCUMENTS)
def test_every_key_is_counted_once(before: dict[str, Any], after: dict[str, Any]):
    one, two = (Run(replace(BASE, results=doc)) for doc in (before, after))
    part = section(compare(one, two, rtol=0.1), "results")
    alone = section(compare(one, one), "results")
    lost = sum(change.kind != "added" for change in part.changes)
    assert part.equal + len(part.near) + lost == alone.equal
    assert alone.changes == ()
    assert compare(one, one).equal
