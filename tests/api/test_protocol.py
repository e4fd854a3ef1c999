"""What a task says of itself: understood where it is plain, bounded and never believed blindly."""

from __future__ import annotations

import json
import math
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from git_datmo.api import protocol


@pytest.fixture
def task(tmp_path: Path) -> Path:
    folder = tmp_path / "task"
    folder.mkdir()
    return folder


def said(task: Path, printed: bytes = b"") -> protocol.Said:
    stdout = task.parent / "stdout"
    stdout.write_bytes(printed)
    return protocol.read(task, stdout)


@pytest.mark.parametrize(
    ("line", "result"),
    [
        (b"accuracy: 0.97\n", ("accuracy", 0.97)),
        (b"  val loss :  1e-3 \r\n", ("val loss", 1e-3)),
        (b"count: 3\n", ("count", 3)),
        (b"best: true\n", ("best", True)),
        (b"model: vit b16\n", ("model", "vit b16")),
        (b"\x1b[1mf1\x1b[0m: 0.5\n", ("f1", 0.5)),
        (b"10%|#  \racc: 0.25\n", ("acc", 0.25)),
        (b"id: 007\n", ("id", "007")),
        (b"a:b:c\n", None),
        (b"https://example.com\n", None),
        (b"INFO: loaded\n", None),
        (b"[warning]: careful\n", None),
        (b"loss (mean): 0.5\n", ("loss (mean)", 0.5)),
        (b"0.1 {'depth': 3}\n", None),
        (b"tensor([1], dtype: int)\n", None),
        (b"accuracy:\n", None),
        (b": 3\n", None),
        (b"12:30\n", None),
        (b"100%|####| 2/2 acc: 0.5\n", None),
        (b"no colon\n", None),
        (b"a very long sentence that goes on: and on\n", None),
        (b"k: " + b"v" * 300 + b"\n", None),
        (b"k\x00: 3\n", None),
    ],
)
def test_a_line_that_states_a_result(line: bytes, result: object):
    assert protocol.result_of(line) == result


@given(st.binary(max_size=200))
def test_no_line_breaks_the_reading(line: bytes):
    found = protocol.result_of(line)
    assert found is None or (found[0] and len(found[0]) <= protocol.MAX_KEY)


def test_the_last_one_counts_and_a_broken_last_line_too(task: Path):
    found = said(task, b"acc: 0.1\nacc: 0.2\nloss: nan\nlast: 1")
    assert found.results["acc"] == 0.2
    assert math.isnan(found.results["loss"])
    assert found.results["last"] == 1


def test_endless_lines_and_endless_keys_are_bounded(task: Path):
    many = b"".join(b"k%d: %d\n" % (n, n) for n in range(3000))
    found = said(task, b"x" * 10_000_000 + b": 3\n" + many + b"k0: 7\n")
    assert len(found.results) == protocol.MAX_KEYS
    assert found.results["k0"] == 7
    assert "x" * 64 not in found.results


def test_documents_and_points(task: Path):
    (task / "config.json").write_text('{"lr": 0.1}')
    (task / "stats.json").write_text('{"acc": 0.5, "n": {"deep": [1, null]}}')
    points = [
        {"type": "train", "step": 1, "loss": 2.0},
        {"loss": 1.5},
        {"type": "train", "step": 2, "loss": 1.0, "acc": 0.5},
        {"type": "../../etc/passwd", "x": 1},
    ]
    text = "".join(json.dumps(point) + "\n" for point in points)
    (task / "metrics.jsonl").write_text(text + "not json\n\n" + '{"type":"train","loss":0.5}')
    found = said(task)
    assert (found.config, found.stats) == ({"lr": 0.1}, {"acc": 0.5, "n": {"deep": [1, None]}})
    assert found.metrics["train"] == {"loss": 0.5, "acc": 0.5}
    assert found.last == {"loss": 1.5, "train": {"loss": 0.5, "acc": 0.5}, "other": {"x": 1}}
    assert set(found.lines) == {"train", "default", "other"}
    assert found.lines["train"].count(b"\n") == 3
    assert found.notices == ["not understood: 1 line of the task's metrics.jsonl"]


@pytest.mark.parametrize("name", ["config.json", "stats.json", "metrics.jsonl"])
@pytest.mark.parametrize("kind", ["link", "fifo", "folder", "list", "broken", "huge"])
def test_what_is_no_document_is_said_and_does_no_harm(task: Path, name: str, kind: str):
    path = task / name
    secret = task.parent / "secret"
    secret.write_text('{"secret": 1}')
    if kind == "link":
        path.symlink_to(secret)
    elif kind == "fifo":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    elif kind == "huge":
        path.write_bytes(b'{"a": "' + b"x" * (2 << 20) + b'"}')
    else:
        path.write_text("[1, 2]" if kind == "list" else '{"a": ')
    found = said(task)
    assert found.notices, f"{kind} as {name} went unnoticed"
    assert "secret" not in str(found)
    assert (found.config, found.stats, found.metrics) == ({}, {}, {})


def test_what_a_task_calls_itself(tmp_path: Path):
    about = tmp_path / "about.json"
    about.write_text('{"alternative_name": "a_1", "labels": ["x", 3], "description": "d", "z": 1}')
    found = protocol.read(tmp_path, None)
    assert found.about == {"alternative_name": "a_1", "labels": ["x"], "description": "d"}
    about.write_text(f'{{"continues": "{"0a" * 16}"}}')
    assert protocol.read(tmp_path, None).about == {"continues": "0a" * 16}
    about.write_text(
        '{"alternative_name": "a\\nb", "labels": "x", "description": 3, "continues": "x"}'
    )
    assert protocol.read(tmp_path, None).about == {}
    about.write_text("[1]")
    assert "about.json was not understood" in protocol.read(tmp_path, None).notices[0]
