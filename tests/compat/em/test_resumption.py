"""Runs of t9k.em that were loaded, and gone on with."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from git_datmo.api import location
from git_datmo.api import run as runs
from git_datmo.compat import em
from tests.kit.checks import assert_clean
from tests.kit.git import Repo


def state(folder: str) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in Path(folder).rglob("*") if path.is_file()}


def test_what_is_added_to_a_loaded_run_makes_one_that_continues_it(
    project: Repo, monkeypatch: pytest.MonkeyPatch
):
    known = location.find(project.path)
    data, weights = em.create_artifact(name="data"), em.create_artifact(name="weights")
    first = em.create_run(name="first", hparams={"lr": 1}, labels=["a"], description="Try.")
    first.mark_input(data)
    first.log("train", {"loss": 2}, step=1)
    first.log("a/b", {"x": 1}, step=1)
    print("accuracy: 0.5")
    first.finish()
    name, before = first.alternative_name, state(first.local)
    refs = project.git("for-each-ref")

    loaded = em.load_run(name)
    loaded.finish()
    assert (state(first.local), project.git("for-each-ref")) == (before, refs)

    loaded = em.load_run(first.local)
    loaded.log("train", {"loss": 1}, step=2)
    assert em.load_run(name).status == "Running"
    loaded.hparams["epochs"] = 3
    loaded.mark_output(weights)
    print("accuracy: 0.75")
    loaded.finish()
    made = runs.inspect(known, run_id=name)
    assert (made.id, made.continues) == (loaded.run_id, first.run_id)
    assert (made.status, made.labels, made.description) == ("success", ("a",), "Try.")
    assert made.config == {"lr": 1, "epochs": 3}
    assert made.read("metrics/train.jsonl").count(b"\n") == 2
    assert made.metrics["train"] == {"loss": 1}
    assert (made.logs, made.results) == ("accuracy: 0.5\naccuracy: 0.75\n", {"accuracy": 0.75})
    assert [one["alternative_name"] for one in made.used] == [data.alternative_name]
    assert [one["alternative_name"] for one in made.generated] == [weights.alternative_name]
    earlier = runs.inspect(known, run_id=first.run_id)
    assert (earlier.config, earlier.metrics["train"]) == ({"lr": 1}, {"loss": 2})
    for local in (first.local, name):
        again = em.load_run(local)
        assert (again.status, again.run_id) == ("Complete", made.id)
        assert [one["value"]["loss"] for one in again.metrics["train"]] == [2, 1]
        assert [one["value"] for one in again.metrics["a/b"]] == [{"x": 1}]
        assert again.asso["inputs"][0]["name"] == data.alternative_name

    # An upload records it as well; what is added after that goes on with that one.
    em.login(str(project.path))
    again.log("test", {"loss": 0}, step=3)
    again.upload()
    second = runs.inspect(known, run_id=name)
    assert (second.continues, second.status) == (made.id, "success")
    assert second.metrics["test"] == {"loss": 0}
    again.log("test", {"loss": 4}, step=4)
    again.finish()
    third = runs.inspect(known, run_id=name)
    assert (third.continues, third.metrics["test"]) == (second.id, {"loss": 4})
    assert_clean(project)


def test_a_dead_run_is_gone_on_with(project: Repo):
    code = """if True:
    import os, sys
    from git_datmo.compat import em
    run = em.load_run(sys.argv[1]) if sys.argv[1:] else em.create_run(name="dead")
    run.log("train", {"loss": len(sys.argv)}, step=1)
    os.kill(os.getpid(), 9)
    """
    for _ in range(2):
        known = sorted(Path().glob(".em/runs/*"))
        subprocess.run([sys.executable, "-c", code, *known], check=False)
    (local,) = Path(".em/runs").iterdir()
    run = em.load_run(local)
    assert (run.status, len(run.metrics["train"])) == ("Error", 2)
    run.finish()
    made = runs.ls(location.find(project.path))
    assert [one.status for one in made] == ["success", "lost", "lost"]
    assert [one.continues for one in made] == [made[1].id, made[2].id, None]
    assert made[0].read("metrics/train.jsonl").count(b"\n") == 2
    assert em.load_run(local).status == "Complete"
    assert_clean(project)
