"""Figures: which colour and name a curve has, what is told that is not drawn, hostile texts."""

from __future__ import annotations

import json
import math
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from git_datmo.model.curve import EPOCH, INDEX, RELATIVE, STEP, SYSTEM, TIME, Curve
from git_datmo.ui import lineup, trials
from git_datmo.ui.figures import lines
from git_datmo.ui.palette import COLORS, number, plain, shade, spread

NAN, INF = float("nan"), float("inf")
EVIL = '<a href="javascript:pwned()">%{x}</a>&lt;\x1b[31m\u202e'


def curve(run: str, kind: str = "train", **said: Any) -> Curve:
    known = {"title": run, "name": "loss", "axis": STEP, "x": (0.0, 1.0), "y": (2.0, 1.0)}
    return Curve(**{"run_id": run, "type": kind, "total": 2, **known, **said})


def color(trace: dict[str, Any]) -> str:
    return str(trace["line"]["color"])


def test_the_types_of_one_run_are_told_apart_by_colour():
    made = lines([curve("a", "test"), curve("a", "train"), curve("a", "validation")])
    assert [trace["name"] for trace in made["data"]] == ["test", "train", "validation"]
    # Each usual type looks alike in every figure, whichever others are in it.
    assert [color(trace) for trace in made["data"]] == [COLORS[2], COLORS[0], COLORS[1]]
    assert color(lines([curve("a", "val")])["data"][0]) == COLORS[1]


def test_a_run_has_one_colour_in_all_figures():
    one = lines([curve("a"), curve("b"), curve("b", "val")], order=["a", "b", "c"])["data"]
    other = lines([curve("c"), curve("b")], order=["a", "b", "c"])["data"]
    assert [color(trace) for trace in one] == [COLORS[0], COLORS[1], COLORS[1]]
    assert [color(trace) for trace in other] == [COLORS[2], COLORS[1]]
    assert [trace["line"].get("dash") for trace in one] == [None, None, "dash"]
    assert [trace["name"] for trace in one] == ["a train", "b train", "b val"]
    # More runs than a legend has room for.
    assert (
        "20 curves: point at one for its name" in lines([curve(str(n)) for n in range(20)])["note"]
    )
    assert lines([curve(str(n)) for n in range(10)])["note"] == ""
    # More runs than colours: the second round is dashed.
    many = lines([curve(str(n)) for n in range(10)])["data"]
    assert color(many[8]) == color(many[0])
    assert many[8]["line"]["dash"] == "dash"


def test_runs_are_grouped_by_a_value_of_the_config():
    configs = [{"net": {"size": size}} for size in (20, 3, 20)]
    runs = [curve(name, config=one) for name, one in zip("abc", configs, strict=True)]
    made = lines([*runs, curve("d")], color_by=("net", "size"))["data"]
    assert [(trace["name"], trace["showlegend"]) for trace in made] == [
        ("(none)", True),
        ("3", True),
        ("20", True),
        ("20", False),
    ]
    assert color(made[2]) == color(made[3]) != color(made[1])
    many = [curve(str(n), config={"lr": 10.0**-n}) for n in range(12)]
    shaded = [color(trace) for trace in lines(many, color_by=("lr",))["data"]]
    assert shaded[0] == shade(0.0)
    assert shaded[-1] == shade(1.0)
    assert len(set(shaded)) == 12
    assert lines(many, color_by=("lr",))["note"] == "lr from 1e-11 (blue) to 1.0 (orange)"
    rows = [{"id": str(n), "config": {"lr": n}, "results": {"y": n}} for n in range(12)]
    scattered = trials.scatter(rows, ("config", "lr"), ("results", "y"), ("config", "lr"))
    assert scattered["note"] == "lr from 0 (blue) to 11 (orange)"


def test_what_is_not_drawn_is_told():
    thin = curve("a", total=10_000, odd=((5.0, "nan"), (0.0, "inf")), odd_total=2, smoothing=0.5)
    made = lines([thin, curve("b", y=(0.0, -1.0))], log_y=True)
    assert made["note"] == (
        "2 of 10,000 points are drawn, chosen so that the shape stays; "
        "2 points are no finite number (inf, nan); smoothed by 0.5; "
        "2 points are not above 0: a log axis has no place there"
    )
    assert [mark["x"] for mark in made["layout"]["annotations"]] == [5.0, 0.0]
    # A log axis places marks by their exponent, and has no place for 0.
    logged = lines([thin], log_x=True)["layout"]["annotations"]
    assert [mark["x"] for mark in logged] == [pytest.approx(math.log10(5))]
    mixed = lines([curve("a"), curve("b", axis=INDEX)])
    assert mixed["note"] == "not every curve has the same axis: step, point"
    assert lines([])["note"] == "nothing was logged"
    assert lines([curve("a")])["note"] == ""


def test_axes_have_names_and_units():
    assert lines([curve("a", axis=EPOCH)])["layout"]["xaxis"]["title"] == {"text": "epoch"}
    # Dates cannot be logarithmic; those out of the calendar are left out.
    dated = lines([curve("a", axis=TIME, x=(0.0, 1e18))], log_x=True)
    assert dated["layout"]["xaxis"]["type"] == "date"
    assert dated["data"][0]["x"] == ["1970-01-01 00:00:00.000", None]
    memory = lines([curve("a", SYSTEM, name="memory", axis=RELATIVE)])["layout"]["yaxis"]
    assert memory["ticksuffix"] == "B"
    assert lines([curve("a", SYSTEM, name="cpu")])["layout"]["yaxis"]["ticksuffix"] == " %"
    assert "ticksuffix" not in lines([curve("a", name="memory")])["layout"]["yaxis"]


def test_foreign_texts_are_only_texts():
    assert plain(EVIL) == (
        '&lt;a href="javascript:pwned()"&gt;% {x}&lt;/a&gt;&amp;lt;\\x1b[31m\\u202e'
    )
    rows = [
        {"id": "a" * 40, "label": EVIL, "config": {EVIL: EVIL}, "results": {"r": n}} for n in "12"
    ]
    evil = ("config", EVIL)
    figures = [
        lines([curve(EVIL, EVIL, name=EVIL, config={EVIL: EVIL})], title=EVIL, color_by=(EVIL,)),
        lines([curve(EVIL), curve("b", EVIL)]),
        trials.parallel(rows, [evil], evil),
        trials.scatter(rows, evil, evil, evil),
        trials.best(rows, evil, lowest=True),
    ]
    for figure in figures:
        # Addresses are checked where they are followed.
        texts = [*words({**figure, "data": [without(one) for one in figure["data"]]})]
        assert not [one for one in texts if "<a" in one or "\u202e" in one or "\x1b" in one]


def without(trace: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in trace.items() if key not in ("customdata", "meta")}


def words(value: object) -> list[str]:
    if isinstance(value, dict):
        return [word for one in value.values() for word in words(one)]
    if isinstance(value, (list, tuple)):
        return [word for one in value for word in words(one)]
    return [value] if isinstance(value, str) else []


def test_values_are_spread_over_an_axis():
    assert spread([1, 3, None, 2, True]).places == (0.0, 1.0, None, 0.5, None)
    assert spread([1, True]).left_out == 1
    by_magnitude = spread([0.001, 0.1, 0.01])
    assert by_magnitude.log
    assert by_magnitude.places == pytest.approx((0.0, 1.0, 0.5))
    assert [text for _, text in by_magnitude.marks] == ["0.001", "0.01", "0.1"]
    assert not spread([-1.0, 1000.0]).log
    assert spread([7, 7]).places == (0.5, 0.5)
    assert spread(["b", "a", None, "b"]).places == (1.0, 0.0, None, 1.0)
    assert spread([]).places == ()
    assert spread([NAN, None, INF]).places == (None, None, None)
    assert number(10**400) is None


VALUES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4)


@given(st.lists(VALUES, max_size=6), st.lists(VALUES, max_size=6))
def test_any_values_can_be_drawn(xs: list[object], ys: list[object]):
    rows = [
        {"id": str(n), "created": n, "config": {"x": x}, "results": {"y": y}}
        for n, (x, y) in enumerate(zip(xs, ys, strict=False))
    ]
    x, y = ("config", "x"), ("results", "y")
    for figure in (
        trials.parallel(rows, [x, y], y),
        trials.scatter(rows, x, y, x),
        trials.best(rows, y, lowest=False),
    ):
        json.loads(orjson.dumps(figure))
    for place in (one for one in spread(ys).places if one is not None):
        assert -1e-9 <= place <= 1 + 1e-9


def test_the_best_so_far_follows_the_order_of_making():
    scores = [0.5, None, 0.2, NAN, 0.9]
    rows = [
        {"id": str(n), "created": -n, "results": {"acc": score}} for n, score in enumerate(scores)
    ]
    each, best = trials.best(rows, ("results", "acc"), lowest=False)["data"]
    assert each["y"] == [0.9, 0.2, 0.5]
    assert best["y"] == [0.9, 0.9, 0.9]
    found = trials.best(rows, ("results", "acc"), lowest=True)
    assert found["data"][1]["y"] == [0.9, 0.2, 0.2]
    assert found["note"] == "2 of 5 have no number there"


def test_the_best_percent_by_a_measure():
    rows = [{"id": str(n), "results": {"acc": n}} for n in range(10)] + [{"id": "x", "results": {}}]
    by = ("results", "acc")
    assert [one["id"] for one in lineup.top(rows, by, 20, lowest=False)] == ["8", "9"]
    assert [one["id"] for one in lineup.top(rows, by, 1, lowest=True)] == ["0"]
    assert lineup.lower_is_better(("results", "val_loss"))
    assert lineup.lower_is_better(("metrics", "val", "rmse"))
    assert not lineup.lower_is_better(("results", "accuracy"))


def test_fields_differ_by_value_and_type():
    rows = [
        {"config": {"a": 1, "net": {"depth": 3, "width": NAN}, "l": [1, 2]}},
        {"config": {"a": 1.0, "net": {"depth": 3, "width": NAN}, "l": [1, 2], "b": 0}},
    ]
    found = lineup.fields(rows, "config")
    assert {one.path[1:]: one.differs for one in found} == {
        ("a",): True,
        ("net", "depth"): False,
        ("net", "width"): False,
        ("l",): False,
        ("b",): True,
    }
    assert lineup.written(("config", "a\u202eb")) == "config.`a\\u202eb`"
