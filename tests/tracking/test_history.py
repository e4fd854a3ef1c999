"""Points read back while they are written, under whichever name of their type."""

from __future__ import annotations

from pathlib import Path

import pytest

from git_datmo.model.series import Point
from git_datmo.tracking.history import History
from git_datmo.tracking.sink import METRICS, Sink


def test_synonyms_are_one_series_in_the_order_of_time(tmp_path: Path):
    sink = Sink(tmp_path)
    history: History[Point] = History(lambda: [tmp_path / METRICS], lambda point: point)
    assert dict(history) == {}
    assert "train" not in history
    for step, kind in enumerate(["train", "val", "training", "train", "evaluation", "mine"]):
        sink.log(kind, {"loss": step}, step=step)
    assert [p.step for p in history["train"]] == [0, 2, 3]
    assert history["training"] == history["train"]
    assert [p.step for p in history["test"]] == [4]
    assert list(history) == ["train", "val", "training", "evaluation", "mine"]
    assert "validate" in history
    with pytest.raises(KeyError):
        _ = history["Train"]
    sink.log("mine", {"loss": 9}, step=9)
    assert [p.step for p in history["mine"]] == [5, 9]
    sink.close()


def test_a_torn_line_waits_and_a_bad_one_is_passed_over(tmp_path: Path):
    path = tmp_path / "x.jsonl"
    path.write_bytes(b'{"type":"a","loss":1}\n{"lo\n\n{"type":"a","lo')
    history: History[float] = History(lambda: [path], lambda point: point.values["loss"])
    assert history["a"] == [1]
    with path.open("ab") as file:
        file.write(b'ss":2}\n')
    assert history["a"] == [1, 2]
    path.unlink()
    assert history["a"] == [1, 2]
