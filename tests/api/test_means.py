"""Means of curves: every number against one that is reckoned plainly, and what they leave out."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from git_datmo.api import means
from git_datmo.api.curves import curves
from git_datmo.errors import QuerySyntaxError
from git_datmo.model.curve import Curve
from tests.kit.laboratory import Laboratory

NAN = float("nan")
Points = list[tuple[int, float]]

points = st.lists(st.tuples(st.integers(0, 12), st.floats(-1e6, 1e6)), max_size=15)


def curve(run: str, some: Sequence[tuple[float, float]], **config: object) -> Curve:
    xs, ys = tuple(float(x) for x, _ in some), tuple(y for _, y in some)
    return Curve(run, run, "train", "loss", "step", xs, ys, len(xs), config=config)


def mean(*some: Curve, most: int = 1000) -> Curve:
    [found] = means.of([means.part(one, most) for one in some], ("lr",), most)
    assert found.band is not None
    return found


def plainly(some: Points, at: int) -> tuple[float, float, float] | None:
    """What a run says at a place: the mean, the least and the greatest of what it has there, else
    straight on between its neighbours; None beyond its ends."""
    known = {x: [y for other, y in some if other == x] for x, _ in some}
    ends = {x: (math.fsum(ys) / len(ys), min(ys), max(ys)) for x, ys in known.items()}
    before = [x for x in ends if x <= at]
    after = [x for x in ends if x >= at]
    if not before or not after:
        return None
    a, b = max(before), min(after)
    share = 0.0 if a == b else (at - a) / (b - a)
    left, right = ends[a], ends[b]
    return (
        left[0] + (right[0] - left[0]) * share,
        left[1] + (right[1] - left[1]) * share,
        left[2] + (right[2] - left[2]) * share,
    )


@settings(max_examples=60)
@given(st.lists(points, min_size=1, max_size=4))
def test_it_is_what_one_reckons_by_hand(runs: list[Points]):
    found = mean(*(curve(str(n), some) for n, some in enumerate(runs)))
    places = sorted({x for some in runs for x, _ in some})
    assert found.x == tuple(places)
    assert found.band is not None
    lines = zip(found.x, found.y, found.band.low, found.band.high, found.band.runs, strict=True)
    for x, y, low, high, count in lines:
        said = [one for one in (plainly(some, int(x)) for some in runs) if one is not None]
        assert count == len(said)
        wanted = (
            math.fsum(one[0] for one in said) / count,
            min(one[1] for one in said),
            max(one[2] for one in said),
        )
        assert (y, low, high) == pytest.approx(wanted, rel=1e-9, abs=1e-6)
        assert low <= y <= high


def test_many_points_are_taken_together_whole():
    """Runs of other lengths lie in parts of one width; no peak is lost, and the mean stays."""
    long = [(n, float(n % 2)) for n in range(50_000)]
    long[31_234] = (31_234, 900.0)
    short = [(n * 100, 0.5) for n in range(500)]
    found = mean(curve("a", long), curve("b", short), most=100)
    assert found.band is not None
    assert 50 <= len(found.x) <= 101
    assert found.band.width == 512
    assert max(found.band.high) == 900
    assert found.y[3] == pytest.approx(0.5)
    assert (found.band.low[3], found.band.high[3]) == (0.0, 1.0)
    assert found.total == 50_500
    assert not found.thinned
    # Many points at few places are not moved.
    epochs = mean(curve("a", [(n // 1000, float(n)) for n in range(5000)]), most=100)
    assert epochs.x == (0, 1, 2, 3, 4)
    assert epochs.y[1] == pytest.approx(1499.5)


def test_numbers_at_the_ends_of_what_there_is():
    found = mean(
        curve("a", [(-1.7e308, -1.7e308), (1.7e308, 1.7e308)]),
        curve("b", [(0, 1e308), (1.7e308, 1.7e308)]),
    )
    assert all(map(math.isfinite, (*found.x, *found.y)))
    assert found.y[1] == pytest.approx(0.5e308)
    assert found.y[2] == pytest.approx(1.7e308)
    wide = mean(curve("a", [(n * 1e303, 1.0) for n in range(-900, 900)]), most=50)
    assert all(map(math.isfinite, wide.x))
    assert mean(curve("a", []), curve("b", [])).x == ()


def test_groups_of_recorded_runs(tmp_path: Path):
    lab = Laboratory.at(tmp_path / "lab")
    for name, lr, loss in (("a", 1, [4.0, 2.0]), ("b", 1.0, [2.0, NAN, 1.0]), ("c", True, [9.0])):
        points = {"train": {"loss": loss}, "val": {"loss": [0.0]}}
        lab.run(name, config={"opt": {"lr": lr}, "seed": name}, points=points)
    lab.run("d", points={"train": {"loss": [7.0]}})
    found = curves(lab.project, metric="train/loss", mean="config.opt.lr")
    by = {one.title: one for one in found}
    assert set(by) == {"opt.lr: 1.0", "opt.lr: True", "opt.lr: (none)"}
    both = by["opt.lr: 1.0"]
    assert (both.x, both.y) == ((0, 1, 2), (3.0, 1.75, 1.0))
    assert both.band is not None
    assert both.band.runs == (2, 2, 1)
    assert set(both.band.members) == {lab.runs["a"].id, lab.runs["b"].id}
    assert both.config == {"opt": {"lr": 1}}
    assert (both.total, both.odd_total, both.run_id) == (5, 1, "")
    assert {one.type for one in curves(lab.project, mean="opt.lr")} == {"train", "val"}
    with pytest.raises(QuerySyntaxError):
        curves(lab.project, mean="opt,lr")
