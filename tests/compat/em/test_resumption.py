"""Runs of t9k.em that were loaded, and gone on with."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from git_datmo.api import artifact, folder, location, purge
from git_datmo.api import run as runs
from git_datmo.compat import em
from git_datmo.errors import Purged, RunUnderWay
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


def ended(**wish: object) -> em.Run:
    run = em.create_run(name="first", hparams={"lr": 1, "layers": [1]}, **wish)  # type: ignore[arg-type]
    run.log("train", {"loss": 2}, step=1)
    run.finish()
    return run


def in_a_thread(do: Callable[[], object]) -> None:
    with ThreadPoolExecutor(1) as pool:
        pool.submit(do).result()


def test_threads_begin_and_finish(project: Repo):
    known = location.find(project.path)
    first = em.create_run(name="first")
    in_a_thread(first.finish)
    loaded = em.load_run(first.local)
    in_a_thread(lambda: loaded.log("train", {"loss": 1}, step=1))
    loaded.finish()
    assert [one.status for one in runs.ls(known)] == ["success", "success"]
    assert_clean(project)


def test_a_value_that_is_changed_in_place_is_something_new(project: Repo):
    first = ended()
    loaded = em.load_run(first.local)
    loaded.hparams["layers"].append(2)
    loaded.finish()
    em.login(str(project.path))
    again = em.load_run(first.local)
    again.hparams["layers"].append(3)
    again.upload()
    made = runs.ls(location.find(project.path))
    assert [one.config["layers"] for one in made] == [[1, 2, 3], [1, 2], [1]]


def test_whoever_has_a_run_says_how_it_ends(project: Repo, capsys):
    going = em.create_run(name="going")
    other = em.load_run(going.local)
    other.log("train", {"loss": 1}, step=1)
    other.finish()
    assert "is still going on elsewhere" in capsys.readouterr().err
    assert em.load_run(going.local).status == "Running"
    going.finish()
    assert em.load_run(going.local).status == "Complete"


def test_a_purged_run_is_not_recorded_again(project: Repo, capsys):
    first = ended()
    purge.purge(location.find(project.path), ids=[first.run_id])
    em.login(str(project.path))
    for text in (first.local, first.alternative_name):
        with pytest.raises(Purged, match="was purged"):
            em.load_run(text).upload()
    loaded = em.load_run(first.local)
    loaded.log("train", {"loss": 1}, step=2)
    assert "was purged" in capsys.readouterr().err
    assert runs.ls(location.find(project.path)) == []


def test_a_purged_artifact_does_not_go_along_again(project: Repo, capsys):
    em.login(str(project.path))
    secret = em.create_artifact(name="secret")
    secret.add_reference("s3://bucket/secret")
    first = em.create_run(name="first")
    first.mark_output(secret)
    first.finish()
    secret.upload()
    known = location.find(project.path)
    purge.purge(known, ids=[secret.seal(known).id])
    with pytest.raises(Purged, match="was purged"):
        em.upload(".em/artifacts")
    em.upload(".em/runs")
    assert "was purged" in capsys.readouterr().err
    assert artifact.ls(known) == []


def test_a_run_that_is_made_by_hand_is_recorded_when_it_is_sent(project: Repo):
    about = ended().to_dict() | {"alternativeName": "hand_261121_120000_abcdef", "name": "hand"}
    points = {"train": [{"value": {"loss": 1}, "sequence": {"step": 1}}]}
    run = em.Run(about, {"lr": 2}, points)
    run.log("train", {"loss": 3}, step=2)
    em.login(str(project.path))
    run.upload()
    made = runs.inspect(location.find(project.path), run_id="hand_261121_120000_abcdef")
    assert (made.config, made.metrics["train"]) == ({"lr": 2}, {"loss": 3})


def test_a_run_of_another_machine_is_gone_on_with_when_it_has_ended(
    go: Callable[..., Repo], capsys
):
    go("ada")
    run = em.create_run(name="far")
    run.log("train", {"loss": 2}, step=1)
    run.upload()
    here = em.load_run("default/far")
    assert (here.local, here.status) == (run.local, "Running")
    go("bob")
    far = em.load_run("/ada/default/far")
    assert far.status == "Running"
    far.log("train", {"loss": 1}, step=2)
    assert "alone: " in capsys.readouterr().err
    with pytest.raises(RunUnderWay, match="still going on"):
        far.upload()
    far.finish()
    go("ada")
    assert em.load_run("default/far").status == "Running"
    run.finish()
    run.upload()
    go("carol")
    far = em.load_run("/ada/default/far")
    far.log("train", {"loss": 1}, step=2)
    far.finish()
    known = runs.ls(location.find(Path.cwd()))
    assert [(one.status, one.continues) for one in known if one.id == far.run_id] == [
        ("success", run.run_id)
    ]


def test_of_many_one_that_cannot_be_sent_keeps_no_other_here(project: Repo, capsys):
    first, second = ended(), ended()
    code = "import sys; from git_datmo.compat import em; em.create_run(name='a'); sys.stdin.read()"
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE) as going:
        deadline = time.monotonic() + 30
        while len(known := sorted(Path(".em/runs").glob("a_*/.datmo.json"))) < 1:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        em.login(str(project.path))
        em.upload(".em/runs")
        assert f"{known[0].parent} was not sent: {known[0].parent.name} is still going on" in (
            capsys.readouterr().err
        )
        with pytest.raises(RunUnderWay, match="still going on"):
            em.upload(known[0].parent)
        there = folder.ls(location.find(project.path), path="default")
        assert {one.alternative_name for one in there} == {
            first.alternative_name,
            second.alternative_name,
        }
        assert going.stdin is not None
        going.stdin.close()
