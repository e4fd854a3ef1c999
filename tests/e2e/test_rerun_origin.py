"""What a rerun starts from, and what stays of a run besides its snapshots."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys

from tests.kit.checks import assert_clean
from tests.kit.git import Repo
from tests.kit.program import datmo

LOCAL = ("run", "--runner", "local")


def test_settings_that_were_given_with_the_run_are_those_of_its_rerun(project: Repo) -> None:
    project.write("config.json", '{"epochs": 3}')
    project.commit()
    datmo(*LOCAL, "-c", "lr:0.1", "--label", "first", "--", "true", cwd=project.path)
    first = datmo("run", "inspect", "first", "--json", cwd=project.path).json()
    assert first["config"] == {"epochs": 3, "lr": 0.1}
    again = datmo("rerun", "--json", "first", cwd=project.path).json()
    assert again["run"]["config"] == first["config"]
    assert again["run"]["after_id"] == first["after_id"]
    other = datmo("rerun", "--json", "--set", "epochs=5", "first", cwd=project.path).json()
    assert other["run"]["config"] == {"epochs": 5, "lr": 0.1}
    assert_clean(project)


def test_newer_code_is_not_covered_by_files_of_the_old_state(project: Repo) -> None:
    project.write("kept.txt", "kept\n")
    project.commit()
    project.git("config", "datmo.autoSnapshot", "false")
    project.write("task.sh", "echo version: 1; cat kept.txt data.txt")
    project.write("data.txt", "data\n")
    ran = datmo(*LOCAL, "--label", "first", "--", "sh", "task.sh", cwd=project.path)
    assert ran.stdout == "version: 1\nkept\ndata\n"
    project.write("task.sh", "echo version: 2; cat kept.txt data.txt")
    project.git("add", "task.sh")
    project.git("commit", "-qm", "newer")
    (project.path / "data.txt").unlink()
    again = datmo("rerun", "--json", "--onto", "HEAD", "first", cwd=project.path).json()
    assert again["run"]["results"] == {"version": 2}
    assert again["run"]["exit_code"] == 0
    assert_clean(project)


def test_a_deleted_run_says_so(project: Repo) -> None:
    datmo(*LOCAL, "--label", "first", "--", "true", cwd=project.path)
    gone = datmo("run", "delete", "first", "--json", cwd=project.path).json()
    assert gone["deleted"] is True
    assert datmo("run", "ls", "--json", cwd=project.path).json() == []
    assert_clean(project)


def test_what_lies_in_the_task_directory_is_kept_and_not_put_into_the_work_tree(
    project: Repo,
) -> None:
    project.write("task/mine.txt", "mine\n")
    project.commit()
    script = "echo 1 >$DATMO_TASK_DIR/model.txt; echo 2 >task/other.txt; echo 3 >out.txt"
    datmo(*LOCAL, script, cwd=project.path)
    run = datmo("run", "inspect", "latest", "--json", cwd=project.path).json()
    assert set(run["outputs"]) == {"task/model.txt", "task/other.txt", "out.txt"}
    assert project.git("show", f"{run['after_id']}:task/model.txt") == "1"
    assert not (project.path / "task" / "model.txt").exists()
    assert (project.path / "task" / "other.txt").read_text() == "2\n"
    assert (project.path / "out.txt").read_text() == "3\n"
    datmo(*LOCAL, "--", "true", cwd=project.path)
    later = datmo("run", "inspect", "latest", "--json", cwd=project.path).json()
    names = project.git("ls-tree", "-r", "--name-only", later["after_id"]).split()
    assert "task/model.txt" not in names
    assert_clean(project)


def test_a_second_snapshot_of_a_run_knows_its_run(project: Repo) -> None:
    datmo(*LOCAL, "--label", "first", "--message", "mine", "echo acc: 1", cwd=project.path)
    run = datmo("run", "inspect", "first", "--json", cwd=project.path).json()
    words = ("snapshot", "create", "--json", "--run-id", "first", "-m")
    again = datmo(*words, "in other words", cwd=project.path).json()
    assert again["id"] != run["after_id"]
    assert again["task_id"] == run["id"]
    listed = datmo("snapshot", "ls", "--json", cwd=project.path).json()
    assert {one["message"] for one in listed} == {"mine", "in other words"}
    assert {one["task_id"] for one in listed} == {run["id"]}
    assert_clean(project)


def test_an_interrupt_while_the_environment_is_made_is_recorded_as_that(project: Repo) -> None:
    project.write("requirements.txt", "six\n")
    project.commit()
    words = ("--environment-def", "requirements.txt", "--", "true")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        index = f"http://127.0.0.1:{silent.getsockname()[1]}/simple"
        started = subprocess.Popen(
            [sys.executable, "-m", "git_datmo", *LOCAL, *words],
            cwd=project.path,
            env={**os.environ, "PIP_INDEX_URL": index, "UV_DEFAULT_INDEX": index},
            stderr=subprocess.DEVNULL,
        )
        silent.settimeout(60)
        asked, _ = silent.accept()
        started.send_signal(signal.SIGINT)
        assert started.wait(30) == 130
        asked.close()
    [run] = datmo("run", "ls", "--json", cwd=project.path).json()
    assert (run["status"], run["reason"]) == ("stopped", "it was interrupted before it started")
    assert_clean(project)


def test_a_detached_run_that_cannot_be_started_is_failed_and_says_why(project: Repo) -> None:
    project.write(".gitignore", "left-out\n")
    project.write("left-out/a.txt", "1")
    project.commit()
    for words in (("--detach",), ()):
        done = datmo(*LOCAL, *words, "--", "true", cwd=project.path / "left-out", check=False)
        assert done.code != 0
        [run] = datmo("run", "ls", "--json", "--limit", "1", cwd=project.path).json()
        assert (run["status"], run["exit_code"]) == ("failed", None)
        assert "left-out is not in the snapshot" in run["reason"]
    assert_clean(project)


def test_a_linked_folder_is_not_said_to_be_left_out(project: Repo) -> None:
    project.write(".gitignore", "data\nother\n")
    project.write("data/a.txt", "1")
    project.write("other/b.txt", "1")
    project.commit()
    project.git("config", "datmo.link", "data")
    done = datmo(*LOCAL, "--", "cat", "data/a.txt", cwd=project.path)
    assert "left out what git ignores: other (" in done.stderr
