"""Means as they are drawn: a line and its band, in every medium, and what is said of them."""

from __future__ import annotations

import re
from typing import Any

import pytest

from git_datmo.model.curve import STEP, TIME, Band, Curve
from git_datmo.ui import chart, figures, picture, strokes

LR = ("lr",)


def mean(lr: float, *, runs: tuple[int, ...] = (3, 3, 1), **said: Any) -> Curve:
    """Falling, its band from 0 to twice as much."""
    ys = (8.0, 4.0, 2.0)
    members = tuple(f"{n}{lr}" for n in range(3))
    band = Band((0.0, 1.0, 1.5), (16.0, 8.0, 4.0), runs, members, said.pop("width", 0.0))
    known = {"axis": STEP, "config": {"lr": lr}, "x": (0.0, 1.0, 2.0), "total": 7}
    return Curve("", f"lr: {lr}", "train", "loss", y=ys, band=band, **{**known, **said})


def test_a_figure_has_bands_below_its_lines():
    made = figures.lines([mean(0.1), mean(0.01)], color_by=LR)
    first, second, low, high = made["data"]
    assert [trace["name"] for trace in (low, high)] == ["0.01", "0.1"]
    assert first["fillcolor"] == low["line"]["color"] + "2e"
    assert second["fillcolor"] == high["line"]["color"] + "2e"
    assert first["x"] == [0.0, 1.0, 2.0, 2.0, 1.0, 0.0]
    assert first["y"] == [16.0, 8.0, 4.0, 1.5, 1.0, 0.0]
    assert not first["showlegend"]
    assert low["customdata"] == [[0.0, 16.0, 3], [1.0, 8.0, 3], [1.5, 4.0, 1]]
    assert low["hovertemplate"].endswith("<extra>lr: 0.01</extra>")
    # Seconds since 1970 are moments in a band too.
    dated = figures.lines([mean(0.1, axis=TIME)], color_by=LR)["data"]
    assert dated[0]["x"][:3] == dated[1]["x"]


def test_what_means_are_is_said():
    note = figures.note([mean(0.1), mean(0.01, width=512.0)])
    assert "each line is the mean of 3 runs, its band from the least to the greatest" in note
    assert "where a run has not begun or has ended, it is that of the others" in note
    assert "points are taken together in steps of 512" in note
    assert "chosen so that" not in note
    assert "ended" not in figures.note([mean(0.1, runs=(3, 3, 3))])


def test_a_band_has_a_place_on_a_logarithmic_axis():
    made = figures.lines([mean(0.1)], color_by=LR, log_y=True)
    assert made["data"][0]["y"] == [16.0, 8.0, 4.0, 1.5, 1.0, 1.0]


@pytest.mark.parametrize("form", picture.FORMS)
@pytest.mark.parametrize("log_y", [False, True])
def test_pictures_have_bands(form: str, log_y: bool):
    with_band = picture.render([mean(0.1)], form=form, log_y=log_y, color_by=LR)
    assert picture.render([mean(0.1)], form=form, log_y=log_y, color_by=LR) == with_band
    if form == picture.SVG:
        assert b"opacity: 0.18" in with_band
        assert "mean of 3 runs" in with_band.decode()


@pytest.mark.parametrize("color", [False, True])
def test_a_terminal_has_the_edges_of_a_band(color: bool):
    text = "\n".join(chart.render([mean(0.1), mean(0.01)], width=80, color=color, color_by=LR))
    plain = re.sub(r"\x1b\[[0-9;]*m", "", text)
    assert plain.count("·") > 20
    assert re.search(r"15┤|16┤", plain), "the axis has room for the greatest"
    assert "mean of 3 runs, last 2 (1.5 to 4)" in plain
    assert max(map(len, plain.splitlines())) <= 80


def test_a_document_has_the_band():
    found = strokes.document(mean(0.1))["band"]
    assert found == {
        "low": [0.0, 1.0, 1.5],
        "high": [16.0, 8.0, 4.0],
        "runs": [3, 3, 1],
        "members": ["00.1", "10.1", "20.1"],
        "width": 0.0,
    }
