"""Runs as people and programs see them."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from git_datmo.model.run import Facts, Run
from git_datmo.ui import run as ui
from git_datmo.ui.documents import to_json

ID = "0123456789abcdef0123456789abcdef"
BEFORE, AFTER = "b" * 40, "a" * 40
START = 1795231320_000


def made(notices: tuple[str, ...] = (), applied: tuple[str, ...] = (), **facts: Any) -> Run:
    whole: dict[str, Any] = {"id": ID, "command": ("python", "train.py"), "created": START}
    return Run(Facts(**{**whole, **facts}), notices=notices, applied=applied)


def ended(**facts: Any) -> Run:
    whole: dict[str, Any] = {
        "status": "success",
        "exit_code": 0,
        "started": START,
        "ended": START + 3200,
        "duration": 3.2,
        "runner": "local",
        "before_id": BEFORE,
        "after_id": AFTER,
        "results": {"accuracy": 0.97},
    }
    return made(**{**whole, **facts})


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0.0, "0.00 s"),
        (0.4249, "0.42 s"),
        (0.999, "1.0 s"),
        (59.94, "59.9 s"),
        (59.96, "1 min"),
        (125.4, "2 min 5 s"),
        (3599.7, "1 h"),
        (3780, "1 h 3 min"),
        (86400 * 2 + 3600, "2 d 1 h"),
        (-0.1, "0.00 s"),
    ],
)
def test_duration(seconds: float, shown: str):
    assert ui.duration(seconds) == shown


@pytest.mark.parametrize(
    ("facts", "shown"),
    [
        ({"status": "success", "exit_code": 0}, "success"),
        ({"status": "failed", "exit_code": 3}, "failed (exit code 3)"),
        ({"status": "failed", "signal": 9, "exit_code": 137}, "failed (signal 9)"),
        (
            {"status": "failed", "exit_code": 127, "reason": "no \x1bcommand"},
            r"failed (exit code 127: no \x1bcommand)",
        ),
        ({"status": "lost", "reason": "the engine is gone"}, "lost (the engine is gone)"),
        ({"status": "running"}, "running"),
    ],
)
def test_ending(facts: dict[str, Any], shown: str):
    assert ui.ending(made(**facts)) == shown


def test_line():
    run = made(command=("sh", "-c", "echo a\necho \x1b[2J"), status="failed", exit_code=1)
    assert ui.line(run) == "0123456789ab  failed (exit code 1)  echo a …"
    assert ui.line(ended(), color=True) == (
        "\x1b[33m0123456789ab\x1b[0m  \x1b[32msuccess\x1b[0m  python train.py"
    )


def test_what_has_no_command_is_called_by_its_name():
    run = ended(command=(), alternative_name="mnist_1", status="success")
    assert ui.line(run) == f"{ID[:12]}  success  mnist_1"
    assert ui.row(run, exact=False, short=True)["command"] == "mnist_1"
    assert ui.row(run, exact=True, short=True)["command"] == ""


def test_a_summary_says_what_came_of_it():
    run = made(
        notices=("kept your notes.txt",),
        applied=("a", "b", "c\n", "d", "e", "f"),
        **{
            name: getattr(ended(), name)
            for name in ("status", "exit_code", "duration", "runner", "results")
        },
        before_id=BEFORE,
        after_id=AFTER,
    )
    assert list(ui.summary(run)) == [
        "run 0123456789ab: success after 3.2 s on local",
        f"  snapshots {'b' * 12} -> {'a' * 12}",
        "  results accuracy: 0.97",
        r"  put into your work tree: a, b, c\n, d and 2 more",
        "  note: kept your notes.txt",
    ]


def test_a_summary_of_a_failure_names_the_log():
    run = ended(status="failed", exit_code=3, after_id=BEFORE, results={})
    assert list(ui.summary(run)) == [
        "run 0123456789ab: failed (exit code 3) after 3.2 s on local",
        f"  snapshot {'b' * 12}: nothing was changed",
        "  its log: git datmo logs 0123456789ab",
    ]


def test_rows_for_people_and_for_programs():
    run = ended(config={"lr": 0.1}, message="one\ntwo", command=("sh", "-c", "a\nb"))
    people = ui.row(run, exact=False, short=True)
    assert [people[name] for name in ui.NAMES] == [
        "0123456789ab",
        "a …",
        "script",
        "success",
        {"lr": 0.1},
        {"accuracy": 0.97},
        "2026-11-21 03:22",
        "3.2 s",
    ]
    assert people["message"] == "one"
    exact = ui.row(run, exact=True, short=False)
    assert (exact["id"], exact["command"], exact["started"], exact["duration"]) == (
        ID, "a\nb", "2026-11-21T03:22:00+00:00", 3.2,
    )  # fmt: skip
    assert exact["message"] == "one\ntwo"


def test_a_row_of_what_has_not_started_is_blank_there():
    shown = ui.row(made(), exact=False, short=True)
    for name in ("config", "results", "started", "duration", "exit code", "after"):
        assert shown[name] is None


def test_what_runs_shows_for_how_long_it_has():
    started = time.time_ns() // 1_000_000 - 125_000
    run = made(status="running", started=started)
    shown = ui.row(run, exact=False, short=True)["duration"]
    assert shown in {"2 min 5 s", "2 min 6 s", "2 min 7 s"}
    assert any(line.startswith("Duration") and "2 min" in line for line in ui.block(run))
    assert ui.row(run, exact=True, short=True)["duration"] is None
    assert ui.row(made(status="lost", started=started), exact=False, short=True)["duration"] is None


def test_every_column_is_in_the_rows():
    assert (
        set(ui.columns([], details=True, narrow=False))
        <= ui.row(made(), exact=True, short=False).keys()
    )


def test_a_narrow_list_leaves_out_the_usual_type():
    scripts = [made(), ended()]
    assert "type" not in ui.columns(scripts, details=False, narrow=True)
    assert "type" in ui.columns(scripts, details=False, narrow=False)
    assert "type" in ui.columns([*scripts, made(type="notebook")], details=False, narrow=True)


def test_block_of_all():
    run = ended(
        label="best",
        folder="sub",
        reason="it\x07 said so",
        status="failed",
        exit_code=3,
        session="default",
        author="Ada <ada@example.com>",
        runner="docker",
        built={"image": "sha256:12"},
        environment_id="e" * 40,
        rerun_of="f" * 32,
        resources={"memory": 4 * 1024**3, "ports": ["80:80"]},
        variables={"LR": "0.1", "TOKEN": None},
        data=("/data/raw>raw",),
        config={"lr": 0.1, "name": "1"},
        stats={"loss": float("nan")},
        metrics={"train": {"loss": 0.5, "step": 3}},
        outputs=("model.pkl", "x\n", "z"),
        skipped=("pipe: not a file",),
        git={"branch": "main"},
        platform={"system": "Linux"},
        message="first\n\n\x1b]0;x\x07third",
    )
    assert list(ui.block(run, paths=2)) == [
        f"run {ID} (label: best)",
        "Date: Sat Nov 21 03:22:00 2026 +0000",
        "",
        "Command     -> python train.py",
        "Folder      -> sub",
        r"Status      -> failed (exit code 3: it\x07 said so)",
        "Started     -> Sat Nov 21 03:22:00 2026 +0000",
        "Ended       -> Sat Nov 21 03:22:03 2026 +0000",
        "Duration    -> 3.2 s",
        "Session     -> default",
        "Author      -> Ada <ada@example.com>",
        "Runner      -> docker",
        "Built       -> image: sha256:12",
        f"Environment -> {'e' * 40}",
        "Resources   -> memory: 4.0 GiB",
        '               ports: ["80:80"]',
        "Variables   -> LR=0.1",
        "               TOKEN (value not recorded)",
        "Data        -> /data/raw>raw",
        f"Before      -> {BEFORE}",
        f"After       -> {AFTER}",
        f"Rerun of    -> {'f' * 32}",
        "Git         -> branch: main",
        "Platform    -> system: Linux",
        "Config      -> lr: 0.1",
        '               name: "1"',
        "Results     -> accuracy: 0.97",
        "Stats       -> loss: nan",
        "Metrics     -> train.loss: 0.5",
        "               train.step: 3",
        "Outputs     -> model.pkl",
        r"               x\n",
        "               … and 1 more",
        "Left out    -> pipe: not a file",
        "",
        "    first",
        "",
        r"    \x1b]0;x\x07third",
    ]


def test_block_of_a_run_that_has_just_begun():
    assert list(ui.block(made(deleted=True), color=True)) == [
        f"\x1b[33mrun {ID}\x1b[0m (\x1b[31mdeleted\x1b[0m)",
        "Date: Sat Nov 21 03:22:00 2026 +0000",
        "",
        "Command -> python train.py",
        "Status  -> \x1b[36mpreparing\x1b[0m",
    ]


def test_the_document_has_every_field_and_is_json():
    shown = json.loads(to_json(ui.to_dict(ended(variables={"A": None}, metrics={"t": {"x": 1}}))))
    assert set(Facts.__dataclass_fields__) <= shown.keys()
    assert shown["command"] == ["python", "train.py"]
    assert shown["command_text"] == "python train.py"
    assert shown["end_time"] == "2026-11-21T03:22:03.200000+00:00"
    assert shown["variables"] == {"A": None}
    assert json.loads(to_json(ui.to_dict(made())))["start_time"] is None
