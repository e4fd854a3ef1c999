"""Runs that a program makes of itself, as programs: their end is what is told of them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Sequence
from pathlib import Path

import pytest

from git_datmo.api import location, run
from git_datmo.model.run import Run
from tests.kit.checks import assert_clean
from tests.kit.git import Repo

DOOR = "import git_datmo as datmo\n"


def program(
    where: Path, text: str, *args: str, env: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run `text` as a Python program named `train.py`, in the folder `where`."""
    (where / "train.py").write_text(DOOR + textwrap.dedent(text))
    return subprocess.run(
        [sys.executable, "train.py", *args],
        cwd=where,
        env={**os.environ, **(env or {})},
        capture_output=True,
        text=True,
        timeout=120,
    )


def runs(project: Repo) -> Sequence[Run]:
    return run.ls(location.find(project.path))


def only(project: Repo) -> Run:
    (found,) = runs(project)
    return found


def test_a_run_is_what_was_logged(project: Repo):
    done = program(
        project.path,
        """
        with datmo.start_run("first", config={"lr": 0.1}, label="best") as run:
            for step in range(3):
                run.log({"loss": 1 / (step + 1)}, step=step)
            datmo.log("val", {"acc": 0.5}, step=2, epoch=1)
            run.log_result({"accuracy": float("nan")})
            datmo.log_config(seed=7)
            open("model.txt", "w").write("weights")
        assert run.finish() is run.run
        print(run.id, run.run.status)
        """,
        "--epochs",
        "3",
    )
    assert (done.returncode, done.stderr) == (0, "")
    made = only(project)
    assert done.stdout.split() == [made.id, "success"]
    assert (made.type, made.exit_code, made.message, made.label) == ("inline", 0, "first", "best")
    assert made.command == (os.path.basename(sys.executable), "train.py", "--epochs", "3")
    assert made.config == {"lr": 0.1, "seed": 7}
    assert str(made.stats["accuracy"]) == "nan"
    assert made.metrics == {"default": {"loss": 1 / 3}, "val": {"acc": 0.5}}
    assert made.read("metrics/default.jsonl").count(b"\n") == 3
    assert made.outputs == ("model.txt",)
    assert_clean(project)


ENDS = [
    ("raise ValueError('boom\\nmore')", 1, "failed", 1, "ValueError: boom\nmore"),
    ("raise SystemExit(3)", 3, "failed", 3, None),
    ("raise SystemExit('no data')", 1, "failed", 1, "no data"),
    ("import sys; sys.exit()", 0, "success", 0, None),
    ("raise KeyboardInterrupt", -signal.SIGINT, "stopped", 130, "interrupted"),
    ("run.finish(4, 'too bad')", 0, "failed", 4, "too bad"),
]


@pytest.mark.parametrize(("text", "code", "status", "exit_code", "reason"), ENDS)
def test_how_a_block_ends(
    project: Repo, text: str, code: int, status: str, exit_code: int, reason: str | None
):
    done = program(project.path, f"with datmo.start_run() as run:\n    {text}\n")
    assert done.returncode == code
    made = only(project)
    assert (made.status, made.exit_code) == (status, exit_code)
    assert (made.reason or "").split("\n")[0] == (reason or "").split("\n")[0]


@pytest.mark.parametrize(
    ("text", "code", "status", "reason"),
    [
        ("pass", 0, "success", "ended with the program: finish() was not called"),
        ("1 / 0", 1, "failed", "ZeroDivisionError: division by zero"),
    ],
)
def test_a_forgotten_run_ends_with_its_program(
    project: Repo, text: str, code: int, status: str, reason: str
):
    done = program(project.path, f"run = datmo.start_run()\nrun.log(a=1)\n{text}\n")
    assert done.returncode == code
    made = only(project)
    assert (made.status, made.reason) == (status, reason)
    assert made.metrics == {"default": {"a": 1}}


def test_a_killed_program_is_lost_and_its_points_are_not(project: Repo):
    text = """
    import os, signal
    run = datmo.start_run()
    for step in range(10):
        run.log({"loss": step}, step=step)
    os.kill(os.getpid(), signal.SIGKILL)
    """
    assert program(project.path, text).returncode == -signal.SIGKILL
    made = only(project)
    assert made.status == "lost"
    assert made.metrics == {"default": {"loss": 9}}


def test_one_at_a_time(project: Repo):
    done = program(
        project.path,
        """
        first = datmo.start_run()
        try:
            datmo.start_run()
        except datmo.errors.Conflict as error:
            print(error.hint)
        first.finish()
        datmo.start_run().finish()
        first.log(late=1)
        """,
    )
    assert done.returncode == 0
    assert "finish()" in done.stdout
    assert "the run has ended" in done.stderr
    assert len(runs(project)) == 2


def test_children_log_into_the_run_of_their_parent(project: Repo):
    done = program(
        project.path,
        """
        import multiprocessing, os, subprocess, sys

        def work(name):
            with datmo.start_run() as run:
                assert run.attached
                run.log({name: 1})
            datmo.log({name: 2})
            datmo.log_result({name: 3})

        if __name__ == "__main__":
            with datmo.start_run() as run:
                for kind in ("fork", "spawn"):
                    child = multiprocessing.get_context(kind).Process(target=work, args=(kind,))
                    child.start()
                    child.join()
                    assert child.exitcode == 0
                code = "import git_datmo; git_datmo.log(other=2)"
                subprocess.run([sys.executable, "-c", code], check=True)
                run.log(own=2)
            assert "DATMO_TASK_DIR" not in os.environ and "DATMO_RUN_ID" not in os.environ
        """,
    )
    assert (done.returncode, done.stderr) == (0, "")
    made = only(project)
    assert made.metrics == {"default": {"fork": 2, "spawn": 2, "other": 2, "own": 2}}
    assert (made.stats["fork"], made.stats["spawn"]) == (3, 3)


def test_a_child_does_not_end_its_parents_run(project: Repo):
    done = program(
        project.path,
        """
        import os
        run = datmo.start_run()
        if os.fork() == 0:
            run.log(child=1)
            raise SystemExit
        os.wait()
        run.log(parent=1)
        run.finish()
        """,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert only(project).metrics == {"default": {"child": 1, "parent": 1}}


def test_inside_a_task_the_run_is_the_tasks(tmp_path: Path):
    """No repository, no git on the path: a container has neither."""
    task = tmp_path / "task"
    task.mkdir()
    env = {"DATMO_TASK_DIR": str(task), "DATMO_RUN_ID": "ab12", "PATH": ""}
    done = program(
        tmp_path,
        """
        import sys
        with datmo.start_run("any", config={"lr": 1}) as run:
            run.log({"loss": 1})
            datmo.log({"loss": 2})
            run.log_result(acc=1)
        assert run.attached and run.id == "ab12" and run.run is None
        datmo.log({"loss": 3})
        assert not {"pygit2", "click", "docker"} & set(sys.modules)
        raise SystemExit(5)
        """,
        env=env,
    )
    assert (done.returncode, done.stderr) == (5, "")
    assert {file.name for file in task.iterdir()} == {"metrics.jsonl", "config.json", "stats.json"}
    assert (task / "metrics.jsonl").read_bytes().count(b"\n") == 3


def test_a_relative_task_folder_stays_where_it_was(tmp_path: Path):
    (tmp_path / "task").mkdir()
    text = """
    import os
    datmo.log(a=1)
    os.chdir("/")
    datmo.log(a=2)
    datmo.log_result(a=3)
    """
    done = program(tmp_path, text, env={"DATMO_TASK_DIR": "task"})
    assert (done.returncode, done.stderr) == (0, "")
    assert {file.name for file in (tmp_path / "task").iterdir()} == {"metrics.jsonl", "stats.json"}


def test_without_a_run_there_is_one_warning(tmp_path: Path):
    text = "for n in range(3):\n    datmo.log(n=n)\nassert datmo.log_result(a=1) == {}\n"
    done = program(tmp_path, text)
    assert done.returncode == 0
    assert done.stderr.count("there is no run to log to") == 1
    assert [file.name for file in tmp_path.iterdir() if file.suffix != ".py"] == []


def test_a_config_that_is_none(project: Repo):
    done = program(project.path, "datmo.start_run(config=3)")
    assert "InvalidArgumentType: a dictionary is needed, not int" in done.stderr
    assert list(runs(project)) == []


def test_where_there_is_no_project(repo: Repo, tmp_path: Path):
    done = program(repo.path, "datmo.start_run()")
    assert done.returncode == 1
    assert "ProjectNotInitialized" in done.stderr
    (tmp_path / "plain").mkdir()
    done = program(tmp_path / "plain", "datmo.start_run()")
    assert "NotARepository" in done.stderr


def test_a_run_that_cannot_be_recorded_does_not_stop_the_program(project: Repo):
    done = program(
        project.path,
        """
        import shutil
        with datmo.start_run() as run:
            shutil.rmtree(run.folder.parent)
            run.log(a=1)
        print("went on")
        """,
    )
    assert (done.returncode, done.stdout) == (0, "went on\n")
    assert "could not be recorded" in done.stderr


def test_home_names_the_project(project: Repo, tmp_path: Path):
    (tmp_path / "out").mkdir()
    text = f"with datmo.start_run(home={str(project.path)!r}): pass"
    assert program(tmp_path / "out", text).returncode == 0
    assert only(project).command == (), "it was started elsewhere: it cannot be repeated here"
