"""What a run of this program can say besides its points: words, resources, what it printed."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import pytest

import git_datmo as datmo
from git_datmo.api import artifact as artifacts
from git_datmo.api import location
from git_datmo.api import run as runs
from git_datmo.errors import InvalidArgumentType, RunNotFound, RunUnderWay, ValidationFailed
from tests.kit.checks import assert_clean
from tests.kit.git import Repo


def test_words_parameters_and_what_is_printed(
    project: Repo, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
):
    project.git("remote", "add", "origin", "https://me:secret@example.org/x.git")
    first = datmo.start_run(
        "first", config={"lr": 1}, labels=["a"], description="Why.", alternative_name="my-run"
    )
    first.config.seed = 7
    del first.config["lr"]
    first.log("training", {"loss": 1}, step=1)
    assert [point.step for point in first.metrics["train"]] == [1]
    assert first.status == "running"
    first.update("other", label="best", labels=["b", "c"])
    made = first.finish()
    assert made is not None
    assert (made.message, made.label, made.labels) == ("other", "best", ("b", "c"))
    assert (made.description, made.alternative_name) == ("Why.", "my-run")
    assert (made.config, first.status) == ({"seed": 7}, "success")
    assert first.git["remote"] == "https://example.org/x.git"
    assert first.platform["python"]
    assert [point.step for point in first.metrics["train"]] == [1]
    found = runs.inspect(location.find(project.path), run_id="my-run")
    assert found == made
    assert caplog.text == ""
    first.update("late")
    assert "the run has ended" in caplog.text

    with datmo.start_run(continues="my-run", capture=True) as second:
        print("accuracy: 0.75")
    assert second.run is not None
    assert second.run.continues == made.id
    assert (second.run.results, second.run.logs) == ({"accuracy": 0.75}, "accuracy: 0.75\n")
    assert capsys.readouterr().out == "accuracy: 0.75\n"
    project.git("init", "--bare", "-q", "../there.git")
    placed = second.upload("mine", remote="../there.git", make_folder=True, name="second")
    assert placed is not None
    assert (placed.path, placed.id) == ("/ada/mine/second", second.run.commit)
    third = datmo.start_run()
    with pytest.raises(RunUnderWay):
        third.upload()
    third.finish()
    with pytest.raises(RunNotFound):
        datmo.start_run(continues="nothing")
    assert_clean(project)


def test_artifacts_are_read_and_made(project: Repo, tmp_path: Path):
    Path("data").mkdir()
    Path("data/x").write_text("x")
    artifacts.create(location.find(project.path), name="set", paths=["data"])
    with datmo.start_run() as run:
        folder = run.use_artifact("set")
        made = run.log_artifact("model", "data/x>w.txt", metadata={"acc": 1})
        run.mark_output({"kind": "model", "id": "m1"})
        run.mark_input(3)
        assert (folder / "x").read_text() == "x"
    assert made is not None
    assert made.read("w.txt") == b"x"
    assert run.run is not None
    assert [(one["name"], one["version"]) for one in run.run.used] == [("set", 0)]
    assert [one["id"] for one in run.run.generated] == [made.id, "m1"]
    assert run.problems == ["an artifact or the record of a resource is needed, not int"]


def test_several_at_a_time_change_nothing_around_them(project: Repo):
    first = datmo.start_run("a", several=True)
    second = datmo.start_run("b", several=True)
    assert "DATMO_TASK_DIR" not in os.environ
    second.log(loss=2)
    first.log(loss=1)
    third = datmo.start_run("c")
    fourth = datmo.start_run("d", several=True)
    fourth.log(loss=4)
    third.log(loss=3)
    for run, loss in ((first, 1), (second, 2), (fourth, 4), (third, 3)):
        made = run.finish()
        assert made is not None
        assert made.metrics == {"default": {"loss": loss}}


def test_what_is_no_text_is_refused_before_anything_is_recorded(project: Repo):
    wrong: list[dict[str, Any]] = [
        {"name": 5},
        {"label": 5},
        {"description": 5},
        {"labels": 5},
        {"labels": [1]},
        {"alternative_name": 5},
        {"alternative_name": ""},
        {"alternative_name": "a\n"},
    ]
    for given in wrong:
        with pytest.raises((InvalidArgumentType, ValidationFailed)):
            datmo.start_run(**given)
    with datmo.start_run(labels="one") as run:
        run.update(labels="two")
    assert run.run is not None
    assert run.run.labels == ("two",)
    assert len(datmo.run.ls()) == 1


def test_inside_a_task_the_tasks_run_is_called_what_is_said(project: Repo):
    said = "datmo.start_run(labels='a', description='d', alternative_name='n').update(labels=['b'])"
    done = datmo.run([sys.executable, "-c", f"import git_datmo as datmo; {said}"], runner="local")
    assert (done.labels, done.description, done.alternative_name) == (("b",), "d", "n")


def test_in_a_task_that_reaches_no_repository_an_artifact_is_handed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    task = tmp_path / "task"
    task.mkdir()
    (tmp_path / "w.txt").write_text("w")
    monkeypatch.setenv("DATMO_TASK_DIR", str(task))
    with datmo.start_run() as run:
        assert run.log_artifact("model", ["w.txt"], collection="best") is None
    assert (task / "artifacts" / "best" / "model" / "w.txt").read_text() == "w"
    line = (task / "artifacts.jsonl").read_text()
    assert '"path": "artifacts/best/model"' in line


def test_what_is_handed_over_stays_in_the_task_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    task = tmp_path / "deep" / "task"
    task.mkdir(parents=True)
    (tmp_path / "w.txt").write_text("w")
    monkeypatch.setenv("DATMO_TASK_DIR", str(task))
    monkeypatch.chdir(tmp_path)
    run = datmo.start_run()
    for name in ("../../../out", "..", "a", "a/b"):
        run.log_artifact(name, "w.txt")
    assert sorted(os.listdir(tmp_path)) == ["deep", "w.txt"]
    # One name lies in no other one's folder.
    assert os.listdir(task / "artifacts" / "default" / "a") == ["w.txt"]
    assert len(list(task.rglob("w.txt"))) == 4
    run.log_artifact("b", "w.txt", metadata={"acc": 1})
    assert run.problems == ["the artifact b is made without its metadata"]
    run.finish()
