"""Curves of runs, and runs and snapshots picked together: made through the verbs."""

from __future__ import annotations

import json
import math
import os
from pathlib import Path

import pytest

from git_datmo.api import run as runs
from git_datmo.api import selection
from git_datmo.api.curves import curves, series, smoothed, thinned
from git_datmo.errors import RunNotFound, UsageError, ValidationFailed
from git_datmo.model.curve import INDEX, RELATIVE, SYSTEM, Known
from tests.kit.laboratory import BEGIN, Laboratory

NAN, INF = float("nan"), float("inf")


@pytest.fixture(scope="module")
def lab(world: None, tmp_path_factory: pytest.TempPathFactory) -> Laboratory:
    found = Laboratory.at(tmp_path_factory.mktemp("curves") / "lab")
    found.snapshot("before all", config={"lr": 9})
    found.run(
        "one",
        config={"lr": 0.1, "net": {"depth": 3}},
        points={
            "train": {"loss": [4.0, 2.0, 1.0], "acc": [0.0, 0.5, 1.0]},
            "val": {"loss": [5.0, NAN, INF]},
        },
        system=[{"time": float(t), "cpu": 50.0, "memory": 1e6 * t} for t in range(4)],
    )
    found.run("two", config={"lr": 0.2}, points={"train": {"loss": [3.0, 2.5]}})
    found.run("silent", config={"lr": 0.3})
    return found


def test_a_run_says_what_it_has(lab: Laboratory):
    known = series(lab.project, run_id=lab.runs["one"].id)
    assert known == [
        Known("train", "loss", 3, 1.0),
        Known("train", "acc", 3, 1.0),
        Known("val", "loss", 3, 5.0),
        Known(SYSTEM, "cpu", 4, 50.0),
        Known(SYSTEM, "memory", 4, 3e6),
    ]
    assert series(lab.project, run_id=lab.runs["silent"].id) == []
    with pytest.raises(RunNotFound):
        series(lab.project, run_id="0" * 40)


def test_curves_over_every_axis(lab: Laboratory):
    def of(x: str, *metric: str, type: tuple[str, ...] = ()):
        return curves(lab.project, ids=[lab.runs["one"].id], metric=metric, type=type, x=x)

    [train] = of("step", "train/loss")
    assert (train.axis, train.x, train.y) == ("step", (0, 1, 2), (4.0, 2.0, 1.0))
    assert train.config["net"] == {"depth": 3}
    assert of("time", "train/loss")[0].x == (BEGIN, BEGIN + 1, BEGIN + 2)
    assert of(RELATIVE, "train/loss")[0].x == (0, 1, 2)
    assert of(INDEX, "acc")[0].x == (0, 1, 2)
    assert [one.type for one in of("step", "loss")] == ["train", "val"]
    assert [one.name for one in of("step", type=("train",))] == ["loss", "acc"]
    # What no finite number is has no place on the line, and is told.
    [val] = of("step", type=("val",))
    assert (val.x, val.y, val.total) == ((0,), (5.0,), 3)
    assert val.odd == ((1, "nan"), (2, "inf"))
    assert not val.thinned
    # The machine's use comes when it is asked for, over seconds since the start whatever x is.
    for axis in ("step", "time"):
        [memory] = of(axis, "memory", type=(SYSTEM,))
        assert (memory.axis, memory.x) == (RELATIVE, (0, 1, 2, 3))
    with pytest.raises(UsageError):
        of("sideways")
    for weight in (1.0, -0.1, NAN):
        with pytest.raises(ValidationFailed):
            curves(lab.project, smoothing=weight)


def test_runs_are_found_by_ids_or_by_an_expression(lab: Laboratory):
    both = curves(lab.project, metric="loss", type="train")
    assert [one.run_id for one in both] == [lab.runs["two"].id, lab.runs["one"].id]
    where = curves(lab.project, metric="loss", where="config.lr > 0.15")
    assert [one.run_id for one in where] == [lab.runs["two"].id]
    assert len(curves(lab.project, metric="loss", type="train", limit=1)) == 1


def test_a_run_under_way_is_drawn_as_far_as_it_came(lab: Laboratory):
    going = lab.started("going", points={"train": {"loss": [9.0, 8.0]}})
    try:
        with (going.task / "metrics.jsonl").open("ab") as file:
            file.write(b'{"type": "train", "loss": 7')
        [curve] = curves(lab.project, ids=[going.id], metric="loss")
        assert curve.y == (9.0, 8.0)
        with (going.task / "metrics.jsonl").open("ab") as file:
            file.write(b', "step": 2}\n')
        assert curves(lab.project, ids=[going.id], metric="loss")[0].y == (9.0, 8.0, 7.0)
        assert selection.pick(lab.project, ids=[going.id]).run_ids == (going.id,)
    finally:
        going.finish(0)
        runs.delete(lab.project, going.id)


def test_a_link_or_a_pipe_in_the_place_of_points_is_not_opened(lab: Laboratory, tmp_path: Path):
    """A task in a container could lead its reader to any file of the machine, or have it wait."""
    elsewhere = tmp_path / "elsewhere.jsonl"
    elsewhere.write_text('{"loss": 5, "step": 1}\n')
    going = lab.started("leads astray")
    points = going.task / "metrics.jsonl"
    try:
        points.unlink()
        points.symlink_to(elsewhere)
        assert curves(lab.project, ids=[going.id]) == []
        points.unlink()
        os.mkfifo(points)
        assert series(lab.project, run_id=going.id) == []
    finally:
        points.unlink()
        going.finish(0)
        runs.delete(lab.project, going.id)


def test_a_run_under_way_whose_facts_are_damaged_takes_nothing_else_along(lab: Laboratory):
    going = lab.started("damaged", points={"train": {"loss": [1.0]}})
    place = going.folder / "run.json"
    whole = place.read_text()
    odd = {"labels": 5, "command": {"a": 1}, "created": "x", "started": [], "config": [1]}
    odd |= {"session_id": [1], "before_id": 5, "duration": {}, "metrics": 3, "outputs": 7}
    try:
        for text in (
            json.dumps({**json.loads(whole), **odd}),
            json.dumps({**json.loads(whole), "live": {"config": {"$int": "x"}}, "config": {}}),
            json.dumps({**json.loads(whole), "live": {"config": [1]}, "config": {}}),
            '{"type": "script"}',
            "[" * 100_000,
        ):
            place.write_text(text)
            listed = runs.ls(lab.project)
            assert {lab.runs["one"].id, lab.runs["two"].id} <= {one.id for one in listed}
            for one in listed:
                assert all(isinstance(word, str) for word in one.command)
                assert isinstance(one.created, int)
                assert isinstance(one.config, dict)
    finally:
        place.write_text(whole)
        going.finish(0)
        runs.delete(lab.project, going.id)


def test_lines_of_other_programs_are_read(lab: Laboratory):
    going = lab.started("odd")
    lines = [
        '{"loss": 1, "step": 1}',
        '{"loss": true, "step": 2, "note": "a text"}',
        '{"loss": NaN, "step": 3}',
        '{"loss": 1' + "0" * 400 + ', "step": 4}',
        "[1, 2]",
        "not json",
        json.dumps({"other": 5}),
    ]
    (going.task / "metrics.jsonl").write_text("\n".join(lines) + "\n")
    run = going.finish(0)
    found = {one.name: one for one in curves(lab.project, ids=[run.id])}
    runs.delete(lab.project, run.id)
    assert found["loss"].y == (1.0, 1.0)
    assert [kind for _, kind in found["loss"].odd] == ["nan", "inf"]
    # It was logged without a step.
    assert (found["other"].axis, found["other"].x) == (INDEX, (0,))


def test_smoothing_does_not_pull_the_beginning_to_zero():
    assert smoothed([5.0] * 4, 0.9) == pytest.approx([5.0] * 4)
    assert smoothed([1.0, 2.0], 0.0) == [1.0, 2.0]
    assert smoothed([0.0, 1.0], 0.5) == pytest.approx([0.0, 2 / 3])


def test_a_long_curve_keeps_its_peaks():
    xs = [float(x) for x in range(100_000)]
    ys = [math.sin(x / 1000) for x in xs]
    ys[54_321] = 99.0
    thin_x, thin_y = thinned(xs, ys, 500)
    assert len(thin_x) <= 500
    assert (54_321.0, 99.0) in zip(thin_x, thin_y, strict=True)
    assert (thin_x[0], thin_x[-1]) == (0.0, 99_999.0)
    assert thinned(xs[:3], ys[:3], 500) == (xs[:3], ys[:3])


def test_runs_and_snapshots_are_picked_together(lab: Laboratory):
    one, start = lab.runs["one"], lab.snapshots["before all"]
    found = selection.pick(lab.project, ids=[one.id, start, one.id[:9], one.after_id, "nowhere"])
    assert [item.id for item in found.picked] == [one.id, start, one.after_id]
    [(name, reason)] = found.missing
    assert name == "nowhere"
    assert "nowhere" in reason
    # The snapshot that a run left has the curves of that run; the first one has none.
    assert found.run_ids == (one.id,)
    newest = selection.pick(lab.project, where="config.lr < 0.25", limit=5)
    assert newest.run_ids == (lab.runs["two"].id, one.id)


def test_an_empty_project_has_nothing(tmp_path: Path):
    lab = Laboratory.at(tmp_path / "empty")
    assert selection.pick(lab.project).picked == ()
    assert curves(lab.project) == []
