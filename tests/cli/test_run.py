"""`git datmo run` and `task run`: what is run, what is shown, and the exit code."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.kit.checks import assert_clean
from tests.kit.git import Repo
from tests.kit.program import Result, datmo

PROGRAM = [sys.executable, "-m", "git_datmo"]


@pytest.fixture(autouse=True)
def local(project: Repo) -> Repo:
    """A project whose runs are processes of this machine."""
    project.git("config", "datmo.runner", "local")
    project.write("a.txt", "one\n")
    return project


def runs() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = datmo("ls", "--json").json()
    return found


def test_words_reach_the_program_as_they_are(local: Repo):
    shown = datmo("run", "printf", "%s|", "a b", "--gpu", "--", "*", "$HOME", "").stdout
    assert shown == "a b|--gpu|--|*|$HOME||"
    assert datmo("run", "--quiet", "--", "printf", "%s|", "-x", "y").stdout == "-x|y|"
    assert datmo("task", "run", "--quiet", "--", "printf", "%s|", "-x", "y").stdout == "-x|y|"
    assert datmo("task", "run", "echo", "-n", "--json").stdout == "--json"
    assert [row["command"] for row in runs()][-1] == [
        "printf", "%s|", "a b", "--gpu", "--", "*", "$HOME", "",
    ]  # fmt: skip
    assert_clean(local)


@pytest.mark.parametrize("words", [("run",), ("task", "run")])
def test_one_text_is_for_a_shell(words: tuple[str, ...]):
    assert datmo(*words, "echo a | tr a b; exit 0").stdout == "b\n"
    (row,) = runs()
    assert row["command_text"] == "echo a | tr a b; exit 0"
    assert row["status"] == "success"


def test_own_commands_come_first_and_all_runs_after_two_dashes():
    assert datmo("run", "--", "ls").stdout == "a.txt\n"
    assert [row["command"] for row in datmo("run", "ls", "--json").json()] == [["ls"]]
    assert datmo("task", "ls", "--json").json() == datmo("ls", "--json").json()
    done = datmo("run", "--quiet", "ls", check=False)
    assert (done.code, done.stdout) == (2, "")
    assert "write -- before it" in done.stderr
    assert datmo("run", "--quiet", "--", "ls").stdout == "a.txt\n"


def test_nothing_to_run():
    bare = datmo("run")
    assert bare.stdout.startswith("Usage: git datmo run ")
    for words in ("task run", "run --quiet", "run --"):
        done = datmo(*words.split(), check=False)
        assert (done.code, done.stdout) == (2, "")
        assert "needs a command" in done.stderr
    assert runs() == []


@pytest.mark.parametrize(
    ("text", "code", "status"),
    [
        ("exit 0", 0, "success"),
        ("exit 3", 3, "failed"),
        ("exit 255", 255, "failed"),
        ("kill -9 $$", 137, "failed"),
        ("kill -TERM $$", 143, "failed"),
    ],
)
def test_the_exit_code_is_the_tasks(text: str, code: int, status: str):
    done = datmo("run", "echo said >&2; " + text, check=False)
    assert (done.code, done.stdout) == (code, "")
    assert done.stderr.splitlines()[1] == "said"
    (row,) = runs()
    assert (row["status"], row["after_id"] is not None) == (status, True)
    assert datmo("logs").stdout == "said\n"


def test_a_command_that_does_not_exist_or_cannot_be_executed(local: Repo):
    done = datmo("run", "no-such-program", check=False)
    assert done.code == 127
    assert "no-such-program" in done.stderr
    local.write("plain", "no program", mode=0o644)
    assert datmo("run", "./plain", check=False).code == 126
    assert [row["status"] for row in runs()] == ["failed", "failed"]


def test_a_timeout_ends_it():
    done = datmo("run", "--timeout", "0.5s", "echo begun; sleep 60", check=False)
    assert (done.code, done.stdout) == (124, "begun\n")
    (row,) = runs()
    assert (row["status"], row["resources"]["timeout"]) == ("timeout", 0.5)


def test_streams_pass_byte_for_byte_and_our_lines_are_apart():
    program = (
        r"import sys; sys.stdout.buffer.write(b'\x00\xff\r\n\x1b[1m'); sys.stderr.write('e\n')"
    )
    done = subprocess.run(
        [*PROGRAM, "run", "--", sys.executable, "-c", program], capture_output=True, check=True
    )
    assert done.stdout == b"\x00\xff\r\n\x1b[1m"
    first, second, *ours = done.stderr.splitlines()
    assert (first, second) == (b"runner: local (datmo.runner says so)", b"e")
    assert any(line.startswith(b"run ") and b": success" in line for line in ours)
    quiet = subprocess.run(
        [*PROGRAM, "run", "-q", "--", sys.executable, "-c", program], capture_output=True
    )
    assert (quiet.stdout, quiet.stderr) == (b"\x00\xff\r\n\x1b[1m", b"e\n")


def test_output_comes_while_it_runs(local: Repo):
    child = subprocess.Popen(
        [*PROGRAM, "run", "-q", "echo first; while [ ! -e ../go ]; do sleep 0.05; done; echo last"],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    assert child.stdout is not None
    try:
        assert child.stdout.readline() == "first\n"
        (row,) = runs()
        assert row["status"] == "running"
    finally:
        datmo("stop", "--all", check=False)
    child.communicate(timeout=60)
    assert child.returncode == 130


def test_a_document_holds_the_run_and_nothing_else():
    done = datmo("run", "--json", "--label", "l", "-c", "lr:0.1", "-e", "A=1", "echo acc: 0.5; $X")
    shown = done.json()
    assert (shown["results"], shown["label"], shown["status"]) == ({"acc": 0.5}, "l", "success")
    assert (shown["config"], shown["variables"]) == ({"lr": 0.1}, {"A": "1"})
    assert "acc: 0.5\n" in done.stderr
    assert shown == datmo("run", "inspect", "l", "--json").json()


def test_the_summary_says_what_came_of_it(local: Repo):
    done = datmo("run", "echo acc: 0.5; echo new >b.txt; echo changed >a.txt")
    assert done.stdout == "acc: 0.5\n"
    (row,) = runs()
    for text in (
        f"run {row['id'][:12]}: success",
        f"{row['before_id'][:12]} -> {row['after_id'][:12]}",
        "acc: 0.5",
        "a.txt, b.txt",
        "local",
    ):
        assert text in done.stderr
    assert (local.path / "b.txt").read_text() == "new\n"
    assert (local.path / "a.txt").read_text() == "changed\n"


def test_nothing_comes_back_when_that_is_asked(local: Repo):
    datmo("run", "--no-apply", "echo new >b.txt")
    assert not (local.path / "b.txt").exists()
    datmo("run", "--in-place", "pwd >where.txt")
    assert (local.path / "where.txt").read_text().strip() == os.fspath(local.path.resolve())


def test_it_starts_in_the_folder_one_is_in(local: Repo):
    local.write("sub/deep/x", "1")
    done = datmo("run", "-q", "ls; echo here >out", cwd=local.path / "sub" / "deep")
    assert done.stdout == "x\n"
    assert (local.path / "sub/deep/out").read_text() == "here\n"


def test_in_the_background():
    started = datmo("run", "--detach", "echo one; sleep 0.5; echo two; exit 4")
    run_id = started.stdout.strip()
    assert "git datmo logs -f" in started.stderr
    assert datmo("logs", "-f", run_id).stdout == "one\ntwo\n"
    deadline = time.monotonic() + 30
    while (row := datmo("run", "inspect", run_id, "--json").json())["status"] in (
        "preparing",
        "running",
    ):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert (row["status"], row["exit_code"]) == ("failed", 4)


def interrupted(script: str, *, times: int) -> tuple[int, str]:
    """Send Ctrl-C so many times once the script has said `ready`; exit code and output."""
    child = subprocess.Popen(
        [*PROGRAM, "run", "-q", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert child.stdout is not None
    assert child.stdout.readline() == "ready\n"
    for _ in range(times):
        child.send_signal(signal.SIGINT)
        time.sleep(0.5)
    out, err = child.communicate(timeout=60)
    assert "Traceback" not in err
    return child.returncode, out


def test_an_interrupt_asks_the_task_first():
    script = "trap 'echo acc: 1; exit 9' INT; echo ready; while :; do sleep 0.05; done"
    assert interrupted(script, times=1) == (130, "acc: 1\n")
    (row,) = runs()
    assert (row["status"], row["results"]) == ("stopped", {"acc": 1})


def test_a_second_interrupt_kills():
    code, _ = interrupted("trap '' INT TERM; echo ready; while :; do sleep 0.05; done", times=2)
    assert code == 130
    (row,) = runs()
    assert row["status"] == "stopped"


def one_sentence(done: Result, code: int) -> str:
    assert (done.code, done.stdout) == (code, ""), done.stderr
    assert "Traceback" not in done.stderr
    (line,) = [line for line in done.stderr.splitlines() if line.startswith(("error:", "Error:"))]
    return line


@pytest.mark.parametrize(
    ("flags", "code", "text"),
    [
        ("--gup", 2, "--gup"),
        ("--timeout soon", 2, "soon"),
        ("--mem-limit lots", 2, "lots"),
        ("--cpus few", 2, "few"),
        ("--ports x", 2, "x"),
        ("--env 1=2", 2, "1"),
        ("--env NOT_SET_HERE", 2, "NOT_SET_HERE"),
        ("--config :1", 2, "key"),
        ("--runner moon", 2, "moon"),
        ("--data no/such", 3, "no/such"),
        ("--session-id nope", 3, "nope"),
        ("--environment-id nope", 3, "nope"),
        ("--environment-id a --environment-def b", 2, "exclude"),
    ],
)
def test_what_cannot_be_asked(local: Repo, flags: str, code: int, text: str):
    line = one_sentence(datmo("run", *flags.split(), "--", "true", check=False), code)
    assert text in line
    assert runs() == []
    assert local.refs("refs/datmo/runs") == {}


def test_secrets_are_not_recorded(local: Repo):
    shown = datmo("run", "--json", "-e", "API_TOKEN=hunter2", "--", "true").json()
    assert shown["variables"] == {"API_TOKEN": None}
    assert "hunter2" not in json.dumps(datmo("ls", "--json").json())


def test_a_reader_that_goes_away_does_not_end_the_run(local: Repo):
    script = f"{sys.executable} -m git_datmo run 'seq 200000; echo done >end.txt' | head -1"
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", script], capture_output=True, text=True, cwd=local.path
    )
    assert (done.returncode, done.stdout) == (0, "1\n")
    (row,) = runs()
    assert row["status"] == "success"
    assert len(datmo("logs").stdout.splitlines()) == 200000
    assert (local.path / "end.txt").exists()


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_closed_streams_are_no_files_of_ours(local: Repo, closed: str):
    script = f"{sys.executable} -m git_datmo run -q 'cat; echo out; echo err >&2' {closed}"
    done = subprocess.run(["sh", "-c", script], capture_output=True, text=True, cwd=local.path)
    assert done.returncode == 0
    out = "" if " >&-" in f" {closed}" else "out\n"
    err = "" if "2>&-" in closed else "err\n"
    assert (done.stdout, done.stderr) == (out, err)
    assert sorted(datmo("logs").stdout.splitlines()) == ["err", "out"]
    assert datmo("fsck").code == 0


def test_no_project(tmp_path: Path):
    empty = tmp_path / "empty"
    empty.mkdir()
    assert "repository" in one_sentence(datmo("run", "true", cwd=empty, check=False), 128)
    assert "repository" in one_sentence(datmo("ls", cwd=empty, check=False), 128)
    Repo.init(empty)
    assert "not a git-datmo project" in one_sentence(
        datmo("run", "true", cwd=empty, check=False), 3
    )
