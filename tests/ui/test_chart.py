"""Charts in the terminal: their axes, their keys, and numbers that are no joy to draw."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Sequence

import pytest

from git_datmo.model.curve import RELATIVE, STEP, TIME, Curve
from git_datmo.ui import chart, scale
from git_datmo.ui.escape import width

COLOUR = re.compile(r"\x1b\[[0-9;]*m")
BRAILLE = re.compile("[\u2801-\u28ff]")
HOSTILE = "a\x1b]0;title\x07\u202e$x_{"


def curve(
    y: Sequence[float],
    x: Sequence[float] | None = None,
    *,
    run: str = "r1",
    title: str = "first",
    type: str = "train",
    name: str = "loss",
    axis: str = STEP,
    **more: object,
) -> Curve:
    places = tuple(float(n) for n in range(len(y))) if x is None else tuple(x)
    total = more.pop("total", len(y))
    return Curve(run, title, type, name, axis, places, tuple(y), total, **more)  # type: ignore[arg-type]


def drawn(*curves: Curve, columns: int = 80, color: bool = False, **looks: object) -> list[str]:
    return list(chart.render(curves, width=columns, color=color, **looks))  # type: ignore[arg-type]


FALLING = [math.exp(-n / 20) for n in range(100)]


def test_a_falling_curve_falls():
    lines = drawn(curve(FALLING))
    rows = [number for number, line in enumerate(lines) if BRAILLE.search(line)]
    columns = [BRAILLE.search(lines[row]).start() for row in rows]  # type: ignore[union-attr]
    assert lines[0] == "loss over step (first)"
    assert len(rows) > 8, "it fills the chart"
    assert columns == sorted(columns), "higher values stand to the left of lower ones"
    assert any(line.lstrip().startswith("1.0") for line in lines), "the upward axis has round marks"
    assert any("20" in line and "80" in line for line in lines), "and so has the one across"


def test_the_key_says_how_each_went():
    text = "\n".join(drawn(curve([3.0, 1.0, 2.0]), curve([5.0, 4.0], run="r2", title="second")))
    assert re.search(r"\* first +least 1, greatest 3, last 2", text)
    assert re.search(r"\+ second +least 4, greatest 5, last 4", text)


def test_without_colours_every_curve_has_its_own_sign():
    lines = drawn(*(curve([n, n + 1.0], run=f"r{n}", title=f"run {n}") for n in range(4)))
    body, text = lines[1 : chart.HEIGHT + 1], "".join(lines)
    assert not COLOUR.search(text)
    assert not BRAILLE.search(text)
    for sign in "*+ox":
        assert any(sign in line for line in body)


def test_the_curves_that_are_drawn_unless_one_says_have_a_sign_each():
    """20 runs of train and val."""
    some = [
        curve([1.0, float(n)], run=f"r{n}", title=f"run-{n}", type=kind)
        for n in range(20)
        for kind in ("train", "val")
    ]
    signs = [line.split()[0] for line in drawn(*some) if " run-" in line]
    assert len(signs) == len(set(signs)) == 40


def test_with_colours_lines_are_fine_and_the_key_matches():
    lines = drawn(curve(FALLING), curve(FALLING[::-1], run="r2"), color=True)
    keys = [re.findall(r"38;5;(\d+)m━━", line) for line in lines]
    used = [one for found in keys for one in found]
    assert len(used) == len(set(used)) == 2
    body = "".join(lines[: chart.HEIGHT])
    assert BRAILLE.search(body)
    assert all(f"38;5;{color}m" in body for color in used)


@pytest.mark.parametrize("columns", [24, 40, 80, 200])
@pytest.mark.parametrize("color", [False, True])
def test_no_line_is_wider_than_the_terminal(columns: int, color: bool):
    many = [curve(FALLING, run=f"r{n}", title="字" * 60 + str(n)) for n in range(12)]
    lines = drawn(*many, columns=columns, color=color)
    assert max(width(COLOUR.sub("", line)) for line in lines) <= columns


def test_types_of_one_run_differ_in_more_than_colour():
    both = [
        curve(FALLING[::step], run=r, type=t)
        for r in "ab"
        for t, step in (("val", 9), ("train", 1))
    ]
    lines = drawn(*both, color=True)
    keys = [COLOUR.sub("", line).split()[0] for line in lines[-4:]]
    assert keys == ["••", "━━", "••", "━━"]


def test_each_metric_has_a_chart_of_its_own():
    lines = drawn(curve(FALLING), curve([1, 2], name="accuracy", axis=RELATIVE))
    assert "loss over step (first)" in lines
    assert "accuracy over seconds since the start (first)" in lines


@pytest.mark.parametrize(
    "values",
    [
        [0.0],
        [7.0, 7.0, 7.0],
        [-1.7e308, 1.7e308],
        [5e-324, 1e-323],
        [1e18, 1e18 + 1024],
        [0.1, 0.1 + 1e-17],
        [-3.0, -2.0],
        [1e-12, 1e12],
    ],
)
@pytest.mark.parametrize("log_y", [False, True])
def test_odd_ranges_are_drawn(values: list[float], log_y: bool):
    lines = drawn(curve(values), log_y=log_y)
    if log_y and max(values) <= 0:
        assert "nothing of it can be drawn" in "".join(lines)
    else:
        assert BRAILLE.search("".join(lines))


def test_a_curve_without_any_finite_number_says_so():
    text = "\n".join(drawn(curve([], odd=((0.0, "nan"), (1.0, "inf")), odd_total=2, total=2)))
    assert "nothing of it can be drawn" in text
    assert "no finite number" in text
    assert "2 points are no finite number (inf, nan)" in text


def test_signs_are_those_of_the_key_also_beside_what_is_empty():
    lines = drawn(curve([], total=0), curve([1.0, 2.0], run="r2", title="second"))
    assert "  * second  least 1, greatest 2, last 2" in lines
    assert "  + first  no finite number" in lines
    assert any("*" in line for line in lines[1 : chart.HEIGHT])


def test_what_is_left_out_is_told():
    text = " ".join(drawn(curve(FALLING, total=10_000), curve([0.0, 1.0]), log_y=True))
    assert "100 of 10,000 points are drawn" in " ".join(text.split())
    assert "1 point is not above 0" in " ".join(text.split())


def test_a_logarithmic_axis_has_powers_of_ten():
    lines = drawn(curve([10.0**-n for n in range(6)]), log_y=True)
    marks = {line.split("┤")[0].strip() for line in lines if "┤" in line}
    assert {"1", "0.01"} <= marks


def test_moments_are_told_by_the_clock(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    start = 1_790_000_000.0  # 2026-09-21 14:13:20 UTC
    lines = drawn(curve(FALLING, [start + 60 * n for n in range(100)], axis=TIME), log_x=True)
    assert lines[0] == "loss over time (first)"
    assert any("14:30" in line and "15:00" in line for line in lines)


def test_names_cannot_steer_the_terminal():
    lines = drawn(curve(FALLING, title=HOSTILE, name=HOSTILE), curve([1, 2], run="r2", title="b"))
    text = "\n".join(lines)
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]", text)
    assert r"\x1b]0;title\x07" in text


def test_color_by_gives_runs_of_one_value_one_name():
    some = [
        curve(FALLING, run=f"r{n}", title=f"t{n}", config={"lr": [0.1, 0.2, 0.1][n]})
        for n in range(3)
    ]
    text = "\n".join(drawn(*some, color_by=("lr",)))
    assert "t0" not in text
    assert text.count(" 0.1 ") == 2
    assert text.count(" 0.2 ") == 1


@pytest.mark.parametrize(
    ("low", "high", "kind", "texts"),
    [
        (0, 100, scale.LINEAR, ["0", "50", "100"]),
        (0, 1, scale.LINEAR, ["0.0", "0.5", "1.0"]),
        (0, 12_000, scale.LINEAR, ["0", "5,000", "10,000"]),
        (-1e-9, 1e-9, scale.LINEAR, ["-1e-09", "0", "1e-09"]),
        (1e-3, 1e3, scale.LOG, ["0.01", "1", "100"]),
        (2e-3, 3e-3, scale.LOG, ["0.0020", "0.0025", "0.0030"]),
    ],
)
def test_marks_are_round(low: float, high: float, kind: str, texts: list[str]):
    marks = scale.Scale(low, high, kind).marks(3)
    assert [text for _, text in marks] == texts
    assert all(-1e-9 <= place <= 1 + 1e-9 for place, _ in marks)
