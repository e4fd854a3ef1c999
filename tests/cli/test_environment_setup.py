"""`git datmo environment setup`: what it asks, what it makes, what it leaves alone."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.kit.checks import assert_clean, untouched
from tests.kit.git import Repo
from tests.kit.program import Result, datmo


def env(*args: str, **given: Any) -> Result:
    return datmo("environment", *args, **given)


def listed() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = env("ls", "--json").json()
    return found


def names() -> list[str | None]:
    return [row["name"] for row in listed()]


def test_setup_makes_a_ready_one_and_selects_it(project: Repo):
    with untouched(project):
        done = env("setup", "--type", "gpu", "--framework", "pytorch")
    (row,) = listed()
    assert done.stdout == f"Set up environment 'pytorch:gpu' ({row['id'][:12]}), selected\n"
    assert (row["kind"], row["current"]) == ("docker", True)
    assert "FROM pytorch/pytorch:" in env("inspect").stdout
    assert "Found environment" in env("setup", "--type", "gpu", "--framework", "pytorch").stdout
    env("setup", "--language", "py312", "--name", "old", "--no-current")
    assert [(row["name"], row["current"]) for row in listed()] == [
        ("old", False),
        ("pytorch:gpu", True),
    ]
    assert_clean(project)


@pytest.mark.parametrize(
    ("answers", "name"),
    [
        ("", "python-base:cpu-py313"),
        ("\n\n\n", "python-base:cpu-py313"),
        ("1\n5\npy311\n", "pytorch:cpu-py311"),
        ("gpu\nkeras-tensorflow\n", "keras-tensorflow:gpu"),
        ("cpu\nr-base\n", "r-base:cpu"),
    ],
)
def test_piped_answers_are_read_one_a_line(project: Repo, answers: str, name: str):
    env("setup", input=answers)
    assert names() == [name]


def test_a_name_that_a_template_would_have_is_left_to_who_has_it(project: Repo):
    project.write("r.txt", "numpy")
    env("create", "--paths", "r.txt", "--name", "pytorch:gpu")
    env("setup", "--type", "gpu", "--framework", "pytorch")
    assert sorted(map(str, names())) == ["None", "pytorch:gpu"]


def test_what_is_no_longer_made_is_said(project: Repo):
    assert "note: Caffe2 became part of PyTorch" in env("setup", "--framework", "caffe2").stderr


def test_templates_need_no_project(tmp_path: Path):
    rows = env("templates", "--json", cwd=tmp_path).json()
    assert {"framework", "type", "language", "image", "about"} == rows[0].keys()
    assert len(rows) > 15


@pytest.mark.skipif(sys.platform == "win32", reason="needs a terminal")
def test_on_a_terminal_setup_and_init_ask(repo: Repo):
    answers = [b"", b"flowers by size", b"y", b"2", b"no-such", b"pytorch"]
    code, text = on_a_terminal(repo.path, ["init"], answers)
    assert code == 0
    assert "there is no framework 'no-such'" in text
    assert "Set up environment 'pytorch:gpu'" in text
    code, text = on_a_terminal(repo.path, ["environment", "setup"], [b"1", b"q"])
    assert (code, "no environment was set up" in text) == (0, True)
    code, text = on_a_terminal(repo.path, ["init"], [b"", b""])
    assert (code, "Set up an environment" in text) == (0, False)
    assert names() == ["pytorch:gpu"]


def on_a_terminal(folder: Path, words: list[str], answers: list[bytes]) -> tuple[int, str]:
    """Run the program on a terminal of its own; each answer is typed when it asks something."""
    import pty

    child, terminal = pty.fork()
    if child == 0:
        os.chdir(folder)
        os.execv(sys.executable, [sys.executable, "-m", "git_datmo", *words])
    text = b""
    waiting = list(answers)
    while True:
        try:
            piece = os.read(terminal, 4096)
        except OSError:
            break
        if not piece:
            break
        text += piece
        if waiting and text.endswith(b": "):
            os.write(terminal, waiting.pop(0) + b"\n")
    _, status = os.waitpid(child, 0)
    os.close(terminal)
    assert waiting == []
    return os.waitstatus_to_exitcode(status), text.decode()
