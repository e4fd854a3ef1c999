"""Runs of t9k.em, in this process: what they take, what they refuse, and what is recorded."""

from __future__ import annotations

import json
import math
import os
import random
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy
import pytest
import yaml

from git_datmo.api import artifact as artifacts
from git_datmo.api import location
from git_datmo.api import run as runs
from git_datmo.compat import em
from git_datmo.model import series
from git_datmo.model.run import Run as Recorded
from tests.kit.checks import assert_clean
from tests.kit.git import Repo


class Tensor:
    """As torch's without dimensions."""

    def __init__(self, value: float) -> None:
        self.value = value

    def item(self) -> float:
        return self.value

    def __float__(self) -> float:
        return self.value


def recorded(repo: Repo, run: em.Run) -> Recorded:
    return runs.inspect(location.find(repo.path), run_id=run.alternative_name)


def read(run: em.Run, name: str) -> Any:
    return yaml.safe_load((Path(run.local) / name).read_text())


def test_all_of_a_run(project: Repo, capsys: pytest.CaptureFixture[str]):
    (project.path / "train.py").write_text("x = 1\n")
    before = sys.stdout
    run = em.create_run(name="first", hparams={"lr": 0.1}, labels=["a", "b"], description="Try.")
    assert sys.stdout is not before
    print("accuracy: 0.5")
    assert run.hparams is run.params
    run.hparams["batch"] = 32
    run.params.epochs = 3
    run.update({"shape": (1, numpy.int64(2))})
    run.log("train", {"loss": Tensor(0.5), "acc": numpy.float32(0.25)}, step=1, epoch=1)
    run.log("training", {"loss": numpy.array([0.125]), "b": True, "t": "0.5"}, step=2)
    run.log("a/b", {"x": math.nan, "y": math.inf}, step=Tensor(3), epoch=numpy.int64(2))
    assert run.status == "Running"
    assert read(run, "metadata.yaml")["status"] == "Running"
    assert [one["value"] for one in run.metrics["train"]] == [
        {"loss": 0.5, "acc": 0.25},
        {"loss": 0.125, "b": 1.0, "t": 0.5},
    ]
    last = run.metrics["a/b"][-1]
    assert (last["sequence"]["step"], last["sequence"]["epoch"]) == (3, 2)
    assert last["sequence"]["timestamp"].endswith("+00:00")
    assert list(run.metrics) == ["train", "training", "a/b"]
    (project.path / "model.txt").write_text("weights")
    run.finish()
    assert sys.stdout is before
    with pytest.raises(RuntimeError, match="once only for each instance"):
        run.finish()

    assert Path(run.local).parent == Path(".em/runs")
    assert read(run, "metadata.yaml") == run.to_dict()
    assert run.to_dict()["status"] == "Complete"
    assert run.end_timestamp is not None
    assert run.start_timestamp is not None
    assert run.start_timestamp < run.end_timestamp
    assert (
        read(run, "hyperparameters.yaml")
        == run.hparams.as_dict()
        == {"lr": 0.1, "batch": 32, "epochs": 3, "shape": [1, 2]}
    )
    assert read(run, "index.yaml")["metrics"]["a/b"] == "metrics/a%2Fb.jsonl"
    assert read(run, "git.yaml")["repo_path"] == str(project.path)
    assert read(run, "platform.yaml")["pypkgs"]["numpy"] == numpy.__version__
    assert (Path(run.local) / "stdout.log").read_text() == "accuracy: 0.5\n"
    assert capsys.readouterr().out == "accuracy: 0.5\n"

    made = recorded(project, run)
    assert (made.id, made.status, made.message) == (run.run_id, "success", "first")
    assert (made.labels, made.description) == (("a", "b"), "Try.")
    assert made.config == run.hparams.as_dict()
    assert made.metrics["train"] == {"loss": 0.5, "acc": 0.25}
    assert (made.results["accuracy"], made.logs) == (0.5, "accuracy: 0.5\n")
    assert made.outputs == ("model.txt",)
    lines = (Path(run.local) / "metrics" / "train.jsonl").read_bytes()
    assert lines == made.read("metrics/train.jsonl")
    assert series.parse(lines).step == 1
    assert "?? .em" not in project.git("status", "--short")
    assert_clean(project)

    again = em.load_run(run.local)
    assert again.to_dict() == run.to_dict()
    assert again.hparams == run.hparams
    assert dict(again.metrics) == dict(run.metrics)
    assert (again.platform, again.git) == (run.platform, run.git)


def test_a_run_without_its_directory_is_read_from_the_repository(
    project: Repo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    run = em.create_run(name="one", hparams={"a": [1]}, labels="x")
    for step in range(3):
        run.log("val", {"loss": step}, step=step)
    run.finish()
    monkeypatch.setenv("EM_RUN_PARENT_DIR", str(tmp_path / "else"))
    for name in (run.alternative_name, run.run_id):
        again = em.load_run(name)
        assert Path(again.local) == tmp_path / "else" / run.alternative_name
        assert (again.name, again.labels, again.status) == ("one", ["x"], "Complete")
        assert [one["value"] for one in again.metrics["val"]] == [{"loss": n} for n in (0, 1, 2)]
        assert (again.hparams.as_dict(), again.run_id) == ({"a": [1]}, run.run_id)
    with pytest.raises(RuntimeError, match="Not a local directory: 'nothing'"):
        em.load_run("nothing")
    with pytest.raises(OSError, match="Not a local directory"):
        em.load_run("")
    with pytest.raises(FileNotFoundError, match="Missing file of Run"):
        em.load_run(".git")
    (tmp_path / "else" / run.alternative_name / "git.yaml").unlink()
    with pytest.raises(FileNotFoundError, match=r"Missing file of Run: .*git\.yaml"):
        em.load_run(run.alternative_name)


NAMES = ["", "-a", "a-", "a b", "é", "a/b", "a.b", "x" * 41, "a\n", 3, None]


@pytest.mark.parametrize("name", NAMES)
def test_bad_names(project: Repo, name: Any):
    with pytest.raises(ValueError, match="Invalid name of Run: "):
        em.create_run(name=name)
    assert not Path(".em").exists()


def test_bad_arguments_leave_nothing(project: Repo):
    with pytest.raises(ValueError, match="Not supported conflict strategy: 'x'"):
        em.create_run(conflict_strategy="x")
    with pytest.raises(TypeError, match="Object of type set is not accepted"):
        em.create_run(hparams={"a": {1}})
    with pytest.raises(TypeError):
        em.create_run(hparams=[1])  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        em.create_run(labels=[3])  # type: ignore[list-item]
    with pytest.raises(TypeError):
        em.create_run(other=1)  # type: ignore[call-arg]
    assert not Path(".em").exists()
    assert runs.ls(location.find(project.path)) == []


def test_a_file_of_arguments_wins(project: Repo, capfd: pytest.CaptureFixture[str]):
    Path("c.yaml").write_text("name: file\nhparams: {a: !!python/tuple [1, 2]}\nlabels: x\n")
    run = em.create_run("c.yaml", name="argument", labels=("a",), folder_path="there")
    run.finish()
    assert (run.name, run.labels, run.hparams.a) == ("file", ["x"], [1, 2])
    assert "EM WARNING: folder_path" in capfd.readouterr().err
    Path("c.yaml").write_text("foo: 1\n")
    with pytest.raises(ValueError, match="Unknown arg provided by config file: 'foo'"):
        em.create_run(config_path="c.yaml")
    Path("c.yaml").write_text("- 1\n")
    with pytest.raises(ValueError, match="names arguments"):
        em.create_run(config_path="c.yaml")
    with pytest.raises(FileNotFoundError):
        em.create_run(config_path="none.yaml")


def test_what_cannot_be_logged_changes_nothing(project: Repo, caplog: pytest.LogCaptureFixture):
    run = em.create_run()
    with pytest.raises(TypeError):
        run.log("train", {"a": 1})  # type: ignore[call-arg]
    for value, error in [("abc", ValueError), ([1], TypeError), (None, TypeError)]:
        with pytest.raises(error):
            run.log("train", {"fine": 1, "a": value}, step=1)
    with pytest.raises(TypeError):
        run.log("train", 3, step=1)  # type: ignore[arg-type]
    assert dict(run.metrics) == {}
    run.log("x" * 300, {"a": 1}, step=-0.5)
    run.log("..", {"a": 1}, step=1)
    run.log("", {"a": 1}, step=1)
    run.finish()
    assert list(run.metrics) == ["x" * 300, "..", ""]
    assert run.metrics["x" * 300][0]["sequence"]["step"] == -0.5
    assert sorted(read(run, "index.yaml")["metrics"]) == ["", "..", "x" * 300]
    assert caplog.text == ""
    run.log("late", {"a": 1}, step=1)
    assert len(run.metrics["late"]) == 1
    assert "the run has ended" in caplog.text


def test_several_runs_at_a_time_and_a_seeded_random(project: Repo):
    made = []
    for number in range(3):
        random.seed(7)
        made.append(em.create_run(name="many", hparams={"n": number}))
    assert len({run.alternative_name for run in made}) == 3
    for run in made:
        run.log("train", {"loss": run.hparams.n}, step=1)
    for run in (made[1], made[0], made[2]):
        run.finish()
    for number, run in enumerate(made):
        assert recorded(project, run).metrics == {"train": {"loss": number}}
        assert recorded(project, run).config == {"n": number}


def test_a_run_made_by_hand(project: Repo):
    first = em.create_run(name="first")
    first.log("val", {"a": 1}, step=1)
    first.finish()
    data = {**first.to_dict(), "alternativeName": "copy_261121_010101_abcdef", "name": "copy"}
    run = em.Run(data, {"lr": 1}, dict(first.metrics), first.platform, first.git)
    assert not Path(run.local).exists()
    assert run.to_dict() == data
    assert dict(run.metrics) == dict(first.metrics)
    run.hparams["lr"] = 2
    assert read(run, "hyperparameters.yaml") == {"lr": 2}
    run.log("val", {"a": 2}, step=2)
    again = em.load_run(run.local)
    assert [one["value"]["a"] for one in again.metrics["val"]] == [1, 2]
    run.parse_from_dict({**data, "description": "Read back.", "labels": ["z"]})
    assert (run.description, run.labels, run.to_dict()["labels"]) == ("Read back.", ["z"], ["z"])
    del data["labels"]
    with pytest.raises(KeyError):
        run.parse_from_dict(data)
    with pytest.raises(KeyError):
        em.Run(data)


def test_many_points_are_logged_and_read_again_quickly(project: Repo):
    run = em.create_run()
    begun = time.process_time()
    for step in range(10_000):
        run.log("train", {"loss": step / 7, "acc": 0.5}, step=step, epoch=1)
    assert time.process_time() - begun < 3, "some 15 us each where nobody else is at work"
    assert len(run.metrics["train"]) == 10_000
    assert run.metrics["train"][-1]["sequence"]["step"] == 9999
    run.finish()
    again = em.load_run(run.local)
    assert again.metrics["train"] == run.metrics["train"]
    link = json.loads((Path(run.local) / ".datmo.json").read_text())
    kept = recorded(project, run)
    assert link == {"run": kept.id, "commit": kept.commit}


def test_versions_that_are_texts_of_another_class(project: Repo, monkeypatch: pytest.MonkeyPatch):
    # torch's is one.
    class Version(str):
        pass

    monkeypatch.setitem(sys.modules, "torch", SimpleNamespace(__version__=Version("2.13.0")))
    run = em.create_run(name=Version("x"), hparams={"v": Version("1")}, labels=[Version("a")])
    run.finish()
    assert run.platform["pypkgs"]["torch"] == "2.13.0"
    assert type(run.platform["pypkgs"]["torch"]) is str
    assert recorded(project, run).labels == ("a",)


def test_a_script_that_goes_elsewhere(
    project: Repo, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
):
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    run, made = em.create_run(name="x"), em.create_artifact(name="w")
    monkeypatch.chdir(elsewhere)
    made.add_file(__file__)
    run.mark_output(made)
    run.log("train", {"loss": 1}, step=1)
    run.finish()
    assert os.listdir(elsewhere) == []
    monkeypatch.chdir(project.path)
    (version,) = artifacts.ls(location.find(project.path))
    assert version.id == recorded(project, run).generated[0]["id"]
