"""`git datmo terminal`: a shell at a real terminal, and what is recorded of it."""

from __future__ import annotations

import os
import shutil
from typing import Any

import pytest

from tests.kit.checks import assert_clean
from tests.kit.git import Repo
from tests.kit.program import datmo
from tests.kit.terminal import on_terminal


@pytest.fixture(autouse=True)
def local(project: Repo, monkeypatch: pytest.MonkeyPatch) -> Repo:
    """A project whose runs are processes of this machine, and a user who has a shell."""
    project.git("config", "datmo.runner", "local")
    project.write("a.txt", "one\n")
    monkeypatch.setenv("SHELL", "/bin/sh")
    monkeypatch.delenv("PROMPT_COMMAND", raising=False)
    return project


def runs() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = datmo("ls", "--json").json()
    return found


@pytest.mark.parametrize("shell", ["sh", "bash"])
def test_work_in_a_shell_is_recorded(local: Repo, shell: str, monkeypatch: pytest.MonkeyPatch):
    program = shutil.which(shell)
    if program is None:
        pytest.skip(f"there is no {shell} here")
    monkeypatch.setenv("SHELL", program)
    code, seen = on_terminal(
        ["terminal", "--label", "mine"],
        ("(git-datmo) ", "test -t 0 && test -t 1 && tty && echo two >b.txt; rm a.txt\r"),
        ("(git-datmo) ", "echo acc: $((1 + 1)); basename $DATMO_TASK_DIR\r"),
        ("task\r\n", "exit 3\r"),
    )
    assert code == 3, seen
    assert "records what you do until you leave it (exit)" in seen
    assert "/dev/pts/" in seen
    assert (local.path / "b.txt").read_text() == "two\n"
    (run,) = runs()
    assert (run["type"], run["label"], run["command"]) == ("terminal", "mine", [program])
    assert (run["status"], run["exit_code"]) == ("failed", 3)
    assert (run["outputs"], run["results"]) == (["a.txt", "b.txt"], {})
    assert local.git("show", f"{run['before_id']}:a.txt") == "one"
    assert local.git("show", f"{run['after_id']}:b.txt") == "two"
    assert "acc: 2" in datmo("logs", "mine").stdout
    assert run["variables"] == {}


def test_one_that_is_left_is_a_success_and_shows_everything_once():
    code, seen = on_terminal(["terminal"], ("(git-datmo) ", "echo on''ce\r"), ("once", "\x04"))
    assert (code, seen.count("once")) == (0, 1), seen
    (run,) = runs()
    assert (run["status"], run["exit_code"], run["after_id"]) == ("success", 0, run["before_id"])


def test_ctrl_c_is_the_shells():
    code, seen = on_terminal(
        ["terminal"],
        ("(git-datmo) ", "sh -c 'echo be\"\"gun; exec sleep 60'\r"),
        ("begun", "\x03"),
        ("(git-datmo) ", "echo on''wards; exit 0\r"),
    )
    assert code == 0, seen
    assert "onwards" in seen


def test_without_a_terminal_it_reads_its_input(local: Repo):
    done = datmo("terminal", "--quiet", "-e", "WORD=hello", input="echo $WORD >c; echo said\n")
    assert (done.stdout, done.stderr) == ("said\n", "")
    assert (local.path / "c").read_text() == "hello\n"
    assert_clean(local)


def test_in_a_copy_changes_come_back_or_not(local: Repo):
    script = f"test $PWD != {local.path} && echo there >made"
    datmo("terminal", "--no-in-place", "--no-apply", input=script)
    assert not (local.path / "made").exists()
    (run,) = runs()
    assert local.git("show", f"{run['after_id']}:made") == "there"
    datmo("terminal", "--no-in-place", input=script)
    assert (local.path / "made").read_text() == "there\n"


def test_it_starts_where_its_user_is(local: Repo):
    (local.path / "sub").mkdir()
    local.write("sub/x", "x")
    done = datmo("terminal", "-q", input="pwd", cwd=local.path / "sub")
    assert done.stdout == f"{os.path.realpath(local.path)}/sub\n"


@pytest.mark.parametrize("shell", ["/no/such/shell", ""])
def test_a_shell_that_is_not_there_is_sh(shell: str):
    done = datmo("terminal", "-q", input="echo $0", env={"SHELL": shell})
    assert done.stdout in ("sh\n", "/bin/sh\n")


def test_the_users_own_prompt_command_stays(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("SHELL", shutil.which("bash") or pytest.skip("there is no bash here"))
    monkeypatch.setenv("PROMPT_COMMAND", "echo their''own")
    code, seen = on_terminal(["terminal"], ("theirown", "exit\r"))
    assert (code, "(git-datmo) " in seen) == (0, True), seen


def test_its_json_is_the_run():
    done = datmo("terminal", "--json", input="echo said")
    assert (done.json()["type"], done.json()["status"]) == ("terminal", "success")
    assert "said" in done.stderr


def test_no_workspace_is_repeated():
    datmo("terminal", input="true")
    again = datmo("rerun", "latest", check=False)
    assert (again.code, "cannot be repeated" in again.stderr) == (2, True)
    assert "git datmo terminal" in again.stderr


def test_rstudio_needs_its_server(local: Repo):
    done = datmo("rstudio", env={"PATH": os.defpath}, check=False)
    assert (done.code, done.stdout) == (6, "")
    assert "no RStudio server (rserver) on this machine" in done.stderr
    assert runs() == []
