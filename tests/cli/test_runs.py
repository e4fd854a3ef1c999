"""ls, inspect, logs, stop, delete: what can be done with runs once there are some."""

from __future__ import annotations

import csv
import io
import os
import re
import subprocess
import sys
import time
from typing import Any

import pytest

from git_datmo.cli.runs import STATUSES
from git_datmo.model.run import ENDED, PREPARING, RUNNING
from tests.kit.checks import assert_clean
from tests.kit.git import Repo
from tests.kit.program import datmo
from tests.kit.terminal import on_terminal

COLOUR = re.compile(r"\x1b\[[0-9;]*m")


@pytest.fixture
def ran(project: Repo) -> Repo:
    """A success with results, a failure, and one with a label in a session of its own."""
    project.git("config", "datmo.runner", "local")
    project.write("a.txt", "1")
    datmo("run", "-q", "-c", "lr:0.1", "echo acc: 0.5; echo x >made.txt")
    datmo("run", "-q", "--message", "try two", "echo acc: 0.7; exit 3", check=False)
    datmo("session", "create", "other")
    datmo("run", "-q", "--label", "best", "--", "echo", "acc: 0.9")
    return project


def listed(*flags: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = datmo("ls", "--json", *flags).json()
    return found


def accuracies(*flags: str) -> list[float]:
    return [row["results"]["acc"] for row in listed(*flags)]


def test_newest_first_filtered_sorted(ran: Repo):
    assert accuracies() == [0.9, 0.7, 0.5]
    assert accuracies("--sort", "results.acc") == [0.5, 0.7, 0.9]
    assert accuracies("--where", "results.acc > 0.6 and status == 'success'") == [0.9]
    assert accuracies("--where", "command_text contains 'exit 3'") == [0.7]
    assert accuracies("--where", "message == 'try two'") == [0.7]
    row = listed("--limit", "1")[0]
    assert accuracies("--where", f"id == '{row['id']}' and message is null") == [0.9]
    texts = [row["command_text"] for row in listed("--sort", "command_text")]
    assert texts == sorted(texts)
    assert accuracies("--limit", "2") == [0.9, 0.7]
    assert accuracies("--session-id", "other") == [0.9]
    assert accuracies("--filter", "exit 3") == [0.7]
    assert accuracies("--filter", "made.txt") == [0.5]
    assert accuracies("--filter", "best") == [0.9]
    assert accuracies("--label", "best") == [0.9]
    assert accuracies("--status", "failed") == [0.7]
    assert set(STATUSES) == ENDED | {RUNNING, PREPARING}
    assert accuracies("--remote", ".", "--status", "success") == [0.9, 0.5]
    assert "no run matches" in datmo("ls", "--label", "bes").stderr
    unknown = datmo("ls", "--remote", "nowhere", check=False)
    assert unknown.code == 3
    assert "there is no remote 'nowhere'" in unknown.stderr
    assert datmo("ls", "--status", "fail", check=False).code == 2
    assert_clean(ran)


@pytest.mark.parametrize("flags", [("--where", "("), ("--sort", "+"), ("--limit", "-1")])
def test_what_cannot_be_read_is_a_usage_error(ran: Repo, flags: tuple[str, str]):
    done = datmo("ls", *flags, check=False)
    assert (done.code, done.stdout, done.stderr.count("error:")) == (2, "", 1)


def test_an_empty_project_lists_nothing(project: Repo):
    assert datmo("ls", "--json").json() == []
    assert datmo("ls", "--jsonl").stdout == ""
    assert len(datmo("ls", "--format", "csv").stdout.splitlines()) == 1
    assert "git datmo run -- " in datmo("ls").stderr
    assert datmo("ls", "--filter", "x").stderr == "note: no run matches\n"
    assert datmo("stop", "--all").stdout == "Nothing is running\n"


def test_csv_and_json(ran: Repo):
    rows = list(csv.reader(io.StringIO(datmo("ls", "--format", "csv").stdout), strict=True))
    assert rows[0] == [
        *("id", "command", "type", "status", "config", "results", "started", "duration"),
    ]
    assert [row[3] for row in rows[1:]] == ["success", "failed", "success"]
    assert rows[3][4:6] == ['{"lr":0.1}', '{"acc":0.5}']
    whole = datmo("ls", "--json").json()
    assert datmo("ls", "--jsonl").jsonl() == whole
    assert rows[1][0] == whole[0]["id"]


def test_columns_details_and_download(ran: Repo):
    rows = datmo("ls", "--columns", "command,exit_code,results.acc", "--json").json()
    assert rows[1] == {"command": "echo acc: 0.7; exit 3", "exit_code": 3, "results.acc": 0.7}
    head, _, failed, _ = datmo("ls", "--details").stdout.splitlines()
    assert "rerun of" in head
    assert "try two" in failed
    done = datmo("ls", "--format", "csv", "--download")
    path = done.stdout.strip().removeprefix("Downloading output to path ")
    assert os.path.commonpath([path, ran.git_dir]) == os.fspath(ran.git_dir)


def test_the_table_fits_the_terminal(ran: Repo):
    datmo("run", "-q", "-c", "a_long_key:1", "-c", "another:2", "echo " + "long " * 40)
    code, seen = on_terminal(["ls"])
    assert code == 0
    lines = COLOUR.sub("", seen).splitlines()
    assert len(lines) == 5
    assert max(map(len, lines)) <= 80
    for name in ("id", "command", "status", "config", "results", "started", "duration"):
        assert name in lines[0]


def test_inspect(ran: Repo):
    text = datmo("run", "inspect", "best").stdout
    for part in ("(label: best)", "Command ", "echo 'acc: 0.9'", "success", "acc: 0.9", "other"):
        assert part in text
    failed = listed()[1]
    assert "failed (exit code 3)" in datmo("task", "show", failed["id"][:8]).stdout
    assert datmo("run", "inspect").stdout == text, "the latest one"


@pytest.mark.parametrize("words", ["run inspect", "logs", "stop", "delete", "rerun"])
def test_a_run_that_is_not_there(ran: Repo, words: str):
    done = datmo(*words.split(), "nope", check=False)
    assert (done.code, done.stdout) == (3, "")
    assert "nope" in done.stderr


@pytest.mark.parametrize("words", ["stop", "delete", "rerun"])
def test_one_must_be_named(ran: Repo, words: str):
    done = datmo(words, check=False)
    assert (done.code, done.stdout) == (2, "")


def test_logs_are_the_bytes(ran: Repo):
    program = r"import sys; sys.stdout.buffer.write(b'\x00\xff\x1b[2J\n')"
    datmo("run", "-q", "--", sys.executable, "-c", program)
    done = subprocess.run([sys.executable, "-m", "git_datmo", "logs"], capture_output=True)
    assert (done.returncode, done.stdout) == (0, b"\x00\xff\x1b[2J\n")
    assert datmo("task", "logs", "best").stdout == "acc: 0.9\n"
    assert datmo("logs", "-f", "best").stdout == "acc: 0.9\n"


def test_stop_ends_what_runs_and_nothing_else(ran: Repo):
    before = {row["id"]: row["status"] for row in listed()}
    first, second = (
        datmo("run", "--detach", "echo on; sleep 300").stdout.strip() for _ in range(2)
    )
    assert {row["id"] for row in listed()[:2]} == {first, second}
    assert {row["id"] for row in datmo("status", "--json").json()["running"]} == {first, second}
    done = datmo("stop", "--id", first)
    assert done.stdout == f"Stopped run {first}\n"
    wait_for(second)
    (other,) = datmo("stop", "--all", "--json").json()
    assert (other["id"], other["status"]) == (second, "stopped")
    after = {row["id"]: row["status"] for row in listed()}
    assert after == {**before, first: "stopped", second: "stopped"}
    assert datmo("stop", first).stdout == f"Stopped run {first}\n"
    (ended,) = [run for run, status in before.items() if status == "failed"]
    assert datmo("stop", ended).stdout.startswith(f"Had ended: {ended[:12]}  failed")
    assert datmo("stop", first, "--all", check=False).code == 2
    assert {row["id"]: row["status"] for row in listed()} == after


def wait_for(run_id: str) -> None:
    """Until the run has begun to print."""
    deadline = time.monotonic() + 30
    while not datmo("logs", run_id).stdout:
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_delete_hides_a_run_and_leaves_its_snapshots(ran: Repo):
    row = listed()[0]
    assert datmo("delete", "best").stdout == f"Deleted run {row['id']}\n"
    assert accuracies() == [0.7, 0.5]
    kept = datmo("snapshot", "inspect", row["after_id"], "--json").json()
    assert kept["deleted"] is False
    gone = datmo("task", "rm", "--id", listed()[0]["id"][:10], "--json").json()
    assert datmo("run", "inspect", gone["id"], "--json").json()["deleted"] is True
    assert accuracies() == [0.5]
    every = datmo("run", "ls", "--all", "--json").json()
    assert [one["deleted"] for one in every] == [True, True, False]


def test_a_runs_state_becomes_ones_own_snapshot(ran: Repo):
    after = listed()[-1]["after_id"]
    done = datmo("snapshot", "create", "--run-id", listed()[-1]["id"][:8], "-m", "mine")
    assert done.stdout == f"Created snapshot with id: {after}\n"
    (shown,) = datmo("snapshot", "ls", "--filter", "mine", "--json").json()
    assert (shown["id"], shown["message"], shown["stats"]) == (after, "mine", {"acc": 0.5})
    words = ("--task-id", "best", "-m", "m", "-s", "acc:1", "-c", "more:2")
    other = datmo("snapshot", "create", *words, "--json").json()
    assert (other["stats"], other["config"]) == ({"acc": 1}, {"more": 2})
    for wrong in (("--run-id", "best", "--task-id", "best"), ("--run-id", "best", "--paths", "x")):
        assert datmo("snapshot", "create", "-m", "m", *wrong, check=False).code == 2
    assert datmo("snapshot", "create", "-m", "m", "--run-id", "nope", check=False).code == 3


def test_hostile_text_never_reaches_the_terminal(ran: Repo):
    datmo("run", "-q", "--message", "m\x1b[31m", "--", "printf", "%s", "k\x1b]0;x\x07: v\x1b[0m\n")
    for words in ("ls", "run inspect", "ls --details", "ls --json"):
        assert "\x1b" not in datmo(*words.split(" ")).stdout
