"""Runs by somebody who sits at a terminal."""

from __future__ import annotations

import re

import pytest

from tests.kit.git import Repo
from tests.kit.program import datmo
from tests.kit.terminal import on_terminal

COLOUR = re.compile(r"\x1b\[[0-9;]*[mK]")


@pytest.fixture(autouse=True)
def local(project: Repo) -> Repo:
    """A project whose runs are processes of this machine."""
    project.git("config", "datmo.runner", "local")
    project.write("a.txt", "one\n")
    return project


def test_a_task_with_the_terminal_shows_everything_once():
    code, seen = on_terminal(
        ["run", "-i", "sh", "-c", "read x; echo got $x; [ -t 0 ] && [ -t 1 ] && exit 5"],
        ("runner: ", "hello\n"),
    )
    assert code == 5, seen
    assert seen.count("got hello") == 1
    assert datmo("logs").stdout.replace("\r", "").endswith("got hello\n")


def test_without_a_terminal_input_is_passed_on():
    assert datmo("run", "-i", "-q", "--", "cat", input="abc\n").stdout == "abc\n"
    assert datmo("run", "-q", "--", "cat", input="abc\n").stdout == "", "a run can be repeated"


def test_the_first_interrupt_is_the_tasks():
    script = "trap 'echo acc: 1; exit 9' INT; echo ready; while :; do sleep 0.05; done"
    code, seen = on_terminal(["run", script], ("ready", "\x03"))
    assert code == 130
    plain = COLOUR.sub("", seen)
    assert "stopped (exit code 130: it was interrupted)" in plain
    assert "results acc: 1" in plain
    assert "Traceback" not in plain


def test_our_lines_begin_on_lines_of_their_own():
    code, seen = on_terminal(["run", "printf 'no newline'"])
    assert code == 0
    first, second, third, *_ = COLOUR.sub("", seen).splitlines()
    assert (first, second) == ("runner: local (datmo.runner says so)", "no newline")
    assert third.startswith("run ")


def test_logs_cannot_steer_the_terminal():
    datmo("run", "-q", "--", "printf", "%b", r"\033[1mbold\033[0m\033]0;title\007\n")
    code, seen = on_terminal(["logs"])
    assert (code, seen) == (0, "\x1b[1mbold\x1b[0m\\x1b]0;title\\x07\n")
