"""Runs in folders of a remote: sent when they have ended, or while they last."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from git_datmo.api import elsewhere, folder, inline, live, location, private, runs
from git_datmo.compat import em
from git_datmo.model.folder import Node
from tests.kit.checks import assert_clean
from tests.kit.git import Repo
from tests.kit.program import datmo

PATIENCE_SECONDS = 60


def paths(hub: Repo) -> dict[str, str]:
    found = hub.refs("refs/datmo-folders/")
    return {name.removeprefix("refs/datmo-folders"): oid for name, oid in found.items()}


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def train(steps: int = 2, **wish: object) -> em.Run:
    run = em.create_run(name="mnist", hparams={"lr": 0.1}, labels=["x"], **wish)  # type: ignore[arg-type]
    for step in range(steps):
        run.log("train", {"loss": 1.0 / (step + 1)}, step=step)
    return run


def seen(path: str) -> Node:
    return folder.find(location.find(Path.cwd()), path=path)


def test_a_run_and_what_it_made_go_to_a_folder_and_are_found_elsewhere(
    hub: Repo, go: Callable[..., Repo]
):
    ada = go("ada")
    run = train()
    made = em.create_artifact("weights")
    made.add_reference("s3://bucket/w")
    run.mark_output(made)
    run.finish()
    run.upload(folder="digits", make_folder=True)
    assert set(paths(hub)) == {"/ada/digits/mnist", "/ada/digits/weights"}
    [note] = run.remote
    assert (note["action"], note["path"]) == ("upload", "/ada/digits/mnist")
    assert note["id"] == paths(hub)["/ada/digits/mnist"]
    assert [n["path"] for n in made.remote] == ["/ada/digits/weights"]
    assert "ada/digits/mnist" in (Path(run.local) / "metadata.yaml").read_text()

    run.upload(folder="digits")
    assert len(run.remote) == 1
    run.upload(folder="other", make_folder=True)
    assert set(paths(hub)) == {"/ada/digits/mnist", "/ada/digits/weights", "/ada/other/mnist"}
    assert_clean(ada)

    go("bob")
    node = seen("/ada/digits/mnist")
    assert (node.kind, node.status, node.name) == ("run", "success", "mnist")
    assert (node.alternative_name, node.labels) == (run.alternative_name, ("x",))
    [there] = runs.ls(location.find(Path.cwd()))
    assert there.metrics == {"train": {"loss": 0.5}}
    loaded = em.load_run("/ada/digits/mnist")
    assert (loaded.status, loaded.hparams.as_dict(), len(loaded.metrics["train"])) == (
        "Complete",
        {"lr": 0.1},
        2,
    )
    assert loaded.associations["outputs"][0]["name"] == made.alternative_name
    loaded.upload(folder="/ada/copies", make_folder=True)
    assert set(paths(hub)) > {"/ada/copies/mnist"}
    assert paths(hub)["/ada/copies/mnist"] == note["id"]


def test_a_second_run_of_a_script_takes_its_alternative_name(hub: Repo, go: Callable[..., Repo]):
    go("ada")
    sent = []
    for _ in range(2):
        run = train(1)
        run.finish()
        run.upload(folder="digits", make_folder=True)
        sent.append(run)
    assert set(paths(hub)) == {"/ada/digits/mnist", f"/ada/digits/{sent[1].alternative_name}"}
    third = train(1)
    third.finish()
    with pytest.raises(RuntimeError, match=r"^Run already exists in Folder /ada/digits: 'mnist'$"):
        third.upload(folder="digits", conflict_strategy="error")
    assert third.upload(folder="digits", conflict_strategy="skip") is None
    assert third.remote == []
    with pytest.raises(ValueError, match=r"^Not supported conflict strategy: 'x'$"):
        third.upload(conflict_strategy="x")
    with pytest.raises(ValueError, match=r"^Folder does not exist: '/ada/nowhere'$"):
        third.upload("nowhere")
    third.upload(folder="digits", conflict_strategy="replace")
    assert seen("digits/mnist").alternative_name == third.alternative_name
    assert runs.inspect(location.find(Path.cwd()), sent[0].run_id).status == "success"
    shutil.copytree(sent[0].local, "digits/mnist")
    assert em.load_run("digits/mnist").local == "digits/mnist", "a directory comes first"
    shutil.rmtree("digits")
    assert em.load_run("digits/mnist").run_id == third.run_id


def test_a_run_that_has_not_ended_is_sent_as_it_is(hub: Repo, go: Callable[..., Repo]):
    go("ada")
    run = train()
    run.upload()
    first = seen("default/mnist")
    assert (first.live, first.status) == (True, "running")
    run.log("train", {"loss": 0.1}, step=9)
    run.finish()
    run.upload()
    after = seen("default/mnist")
    assert (after.live, after.status, after.run_id) == (False, "success", run.run_id)
    assert hub.refs("refs/datmo-live/") == {}
    assert [note["path"] for note in run.remote] == ["/ada/default/mnist"] * 2


def test_auto_upload_shows_a_run_while_it_lasts_and_leaves_its_record(
    hub: Repo, go: Callable[..., Repo], capfd
):
    go("ada")
    run = train(auto_upload=True, folder="digits", make_folder=True)
    until(lambda: "/ada/digits/mnist" in paths(hub))
    before = paths(hub)
    print("a line of the script")
    run.log("train", {"loss": 0.25}, step=7)
    run.hparams["lr"] = 0.5
    until(lambda: paths(hub) != before)
    ada = location.find(Path.cwd())

    def has_it() -> bool:
        found = live.read(ada, id=paths(hub)["/ada/digits/mnist"])
        lines = [json.loads(line) for line in found.streams["metrics"].splitlines()]
        known = found.said["hyperparameters"]
        return known == {"lr": 0.5} and any(line.get("step") == 7 for line in lines)

    until(has_it)
    go("bob")
    other = em.load_run("/ada/digits/mnist")
    assert (other.status, other.run_id) == ("Running", run.run_id)
    assert other.hparams == {"lr": 0.5}
    assert other.metrics["train"][-1]["value"] == {"loss": 0.25}
    go("ada")
    run.log("train", {"loss": 0.125}, step=8)
    run.finish()
    node = seen("digits/mnist")
    assert (node.live, node.status) == (False, "success")
    assert hub.refs("refs/datmo-live/") == {}
    recorded = runs.inspect(ada, run.run_id)
    assert recorded.metrics["train"] == {"loss": 0.125}
    assert recorded.read("metrics/train.jsonl").count(b"\n") == 4
    assert run.remote[-1]["path"] == "/ada/digits/mnist"
    assert "EM ERROR" not in capfd.readouterr().err


def test_a_remote_that_is_away_for_a_while_loses_nothing(hub: Repo, go: Callable[..., Repo], capfd):
    go("ada")
    away = hub.path.with_name("away.git")
    os.rename(hub.path, away)
    run = train(auto_upload=True)
    assert run._auto is not None
    sender = run._auto
    until(lambda: sender.problem is not None)
    run.log("train", {"loss": 0.1}, step=9)
    os.rename(away, hub.path)
    run.finish()
    assert seen("default/mnist").status == "success"
    assert sender.problem is None
    said = capfd.readouterr().err
    assert said.count("auto_upload will try again") == 1


def test_what_could_not_be_sent_is_said_at_the_end(hub: Repo, go: Callable[..., Repo], capfd):
    go("ada")
    em.logout()
    run = train(auto_upload=True)
    run.finish()
    assert "was not uploaded: Not logged in" in capfd.readouterr().err
    em.login("/nowhere/at/all.git")
    run = train(auto_upload=True, folder="a b")
    run.finish()
    said = capfd.readouterr().err
    assert f"{run.alternative_name} was not uploaded" in said
    assert f"git datmo em upload {run.local} -f 'a b' -m'" in said
    assert runs.inspect(location.find(Path.cwd()), run.run_id).status == "success"


def test_a_login_and_a_logout_in_the_middle(hub: Repo, go: Callable[..., Repo], capfd):
    go("ada")
    em.logout()
    run = train(auto_upload=True)
    em.login()
    until(lambda: "/ada/default/mnist" in paths(hub))
    em.logout()
    run.log("train", {"loss": 0.1}, step=9)
    run.finish()
    assert seen("default/mnist").status == "success"


SCRIPT = """
import os, sys, time
from git_datmo import em
em.login()
run = em.create_run(name="mnist", auto_upload=True, folder=sys.argv[1], make_folder=True)
for step in range(50):
    run.log("train", {"loss": step}, step=step)
print("logged", flush=True)
sys.stdin.readline()
if sys.argv[2] == "raise":
    raise ValueError("it went wrong")
"""


def test_the_end_of_a_program_sends_the_rest_and_a_kill_leaves_what_was_sent(
    hub: Repo, go: Callable[..., Repo], tmp_path: Path
):
    ada = go("ada")
    (tmp_path / "train.py").write_text(SCRIPT)
    words = [sys.executable, os.fspath(tmp_path / "train.py")]
    env = {**os.environ, "PYTHONWARNINGS": "error"}
    done = subprocess.run(
        [*words, "ended", "raise"], input="\n", env=env, capture_output=True, text=True
    )
    assert done.returncode == 1
    assert "it went wrong" in done.stderr
    assert seen("ended/mnist").status == "failed"

    process = subprocess.Popen(
        [*words, "killed", "wait"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=env,
    )
    assert process.stdout is not None
    assert process.stdin is not None
    process.stdout.readline()
    until(lambda: "/ada/killed/mnist" in paths(hub))
    project = location.find(Path.cwd())

    def has_all() -> bool:
        found = live.read(project, id=paths(hub)["/ada/killed/mnist"])
        return found.streams["metrics"].count(b"\n") == 50

    until(has_all)
    process.kill()
    process.wait()
    process.stdin.close()
    process.stdout.close()
    there = seen("killed/mnist")
    assert (there.live, there.status) == (True, "running")
    local = next(p for p in Path(".em/runs").iterdir() if p.name == there.alternative_name)
    sent = datmo("em", "upload", local, "-f", "killed", "--json").json()
    assert [one["path"] for one in sent] == ["/ada/killed/mnist"]
    after = seen("killed/mnist")
    assert (after.live, after.run_id) == (False, there.run_id)
    assert after.status in ("lost", "failed")
    recorded = runs.inspect(project, str(after.run_id))
    assert recorded.read("metrics/train.jsonl").count(b"\n") == 50
    assert hub.refs("refs/datmo-live/") == {}
    assert_clean(ada)


def test_a_run_of_a_stranger_stays_in_its_own_directory(hub: Repo, go: Callable[..., Repo]):
    go("ada")
    project = location.find(Path.cwd())
    private.settle(project)
    made = elsewhere.record(
        project, name="x", alternative_name="../../../escaped", status="success"
    )
    folder.put(project, id=made.id, folder="/team", name="x", make_folder=True)
    run = inline.start(project, name="y", alternative_name="../../../escaped2")
    sender = live.Upload(
        project, run_id=run.id, name="y", alternative_name="../../../escaped2", folder="/team"
    )
    sender.send({"alternative_name": "../../../escaped2", "metadata": {"labels": 3}}, {})
    sender.close()
    bob = go("bob")
    for name, status in (("x", "Complete"), ("y", "Running")):
        loaded = em.load_run(f"/team/{name}")
        assert loaded.status == status
        loaded.hparams["lr"] = 1
        loaded.finish()
        inside = Path(loaded.local).resolve()
        assert inside.parent == (bob.path / ".em" / "runs").resolve()
    run.finish()
