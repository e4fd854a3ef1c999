"""Runs under way in the folders of a remote: sent again and again, and replaced by the record."""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest

from git_datmo.api import folder, inline, live, private, pushing, run_lookup
from git_datmo.errors import (
    Conflict,
    EntityNotFound,
    FileAlreadyExistsError,
    NewerFormat,
    PathDoesNotExist,
    RemoteError,
)
from git_datmo.model.folder import SILENT_SECONDS
from git_datmo.model.run import Run
from git_datmo.records.project import Project
from git_datmo.remotes.live import PIECE
from tests.kit.git import Repo


@pytest.fixture
def hub(tmp_path: Path) -> Repo:
    return Repo.bare(tmp_path / "hub.git")


def clone(hub: Repo, path: Path) -> Project:
    repo = hub.clone(path)
    repo.write("train.py", "print(1)\n")
    repo.commit()
    project = Project.open(repo.path)
    private.settle(project)
    return project


@pytest.fixture
def ada(hub: Repo, tmp_path: Path) -> Project:
    return clone(hub, tmp_path / "ada")


@pytest.fixture
def bob(hub: Repo, tmp_path: Path) -> Project:
    return clone(hub, tmp_path / "bob")


def begin(project: Project, alternative_name: str = "run_1") -> inline.Inline:
    return inline.start(project, name="run", alternative_name=alternative_name)


def upload(
    project: Project, run: inline.Inline, name: str = "run_1", **wish: object
) -> live.Upload:
    return live.Upload(project, run_id=run.id, name="run", alternative_name=name, **wish)  # type: ignore[arg-type]


def end(run: inline.Inline) -> Run:
    return run.finish()


def test_others_see_a_run_while_it_lasts_and_its_record_after(
    hub: Repo, ada: Project, bob: Project, tmp_path: Path
):
    run = begin(ada)
    sender = upload(ada, run)
    log, metrics = tmp_path / "log", run.task / "metrics.jsonl"
    files = {"log": log, "metrics": metrics}
    said = {"name": "run", "alternative_name": "run_1", "created": 1, "labels": ["a"], "x": [1.5]}

    first = sender.send(said, files)
    assert first is not None
    assert (first.path, first.created) == ("/ada/default/run", True)
    seen = folder.find(bob, path=first.path)
    assert (seen.kind, seen.live, seen.status, seen.run_id) == ("run", True, "running", run.id)
    assert (seen.alternative_name, seen.labels, seen.is_dead) == ("run_1", ("a",), False)
    assert seen.id is not None

    assert sender.send(said, files) is None, "nothing is new"
    noise = random.Random(1).randbytes(2 * PIECE + 17)
    log.write_bytes(noise)
    metrics.write_bytes(b'{"type": "train", "loss": 1}\n')
    second = sender.send(said, files)
    assert second is not None
    assert not second.created
    with log.open("ab") as file:
        file.write(b"more")
    third = sender.send(said, files)
    assert third is not None
    read = live.read(bob, id=third.id)
    assert read.run_id == run.id
    assert read.said["x"] == [1.5]
    assert read.streams == {"log": noise + b"more", "metrics": b'{"type": "train", "loss": 1}\n'}
    assert set(hub.refs("refs/datmo-live/")) == {f"refs/datmo-live/{run.id}"}
    assert hub.refs("refs/datmo/") == {}, "nothing of it lies where nothing may change"
    with pytest.raises(EntityNotFound):
        live.read(bob, id=hub.git("hash-object", "-w", "--stdin", input="no run") or "")

    sender.close()
    recorded = end(run)
    assert recorded.commit is not None
    placed = folder.put(ada, id=run.id, at=sender.path)
    assert placed is not None
    assert (placed.path, placed.created) == (first.path, False)
    assert hub.refs("refs/datmo-live/") == {}
    found = folder.find(bob, path=first.path)
    assert (found.id, found.live, found.status) == (recorded.commit, False, "success")
    assert run_lookup.resolve(bob, run.id).metrics == {"train": {"loss": 1}}
    hub.git("fsck", "--strict")
    assert not list((ada.home / "live").glob("tmp-*")), "nothing is left here"


def test_a_run_that_is_silent_counts_as_dead(ada: Project, hub: Repo):
    run = begin(ada)
    sender = upload(ada, run)
    sender.send({"alternative_name": "run_1"}, {})
    sender.close()
    seen = folder.find(ada, path="default/run")
    assert seen.updated is not None
    assert not seen.is_dead
    later = type(seen)(**{**seen.__dict__, "updated": seen.updated - 1000 * SILENT_SECONDS - 2000})
    assert later.is_dead
    assert later.silent > SILENT_SECONDS
    end(run)


def test_a_name_that_is_taken_while_runs_last(hub: Repo, ada: Project, bob: Project):
    one, two = begin(ada, "run_1"), begin(bob, "run_2")
    first = upload(ada, one, "run_1", folder="/team", make_folder=True)
    assert first.send({"alternative_name": "run_1"}, {}) is not None
    with pytest.raises(
        FileAlreadyExistsError, match=r"^Run already exists in Folder /team: 'run'$"
    ):
        upload(bob, two, "run_2", folder="/team", conflict_strategy="error").send({}, {})
    assert upload(bob, two, "run_2", folder="/team", conflict_strategy="skip").send({}, {}) is None
    with pytest.raises(PathDoesNotExist, match="Folder does not exist: '/ada/nowhere'"):
        upload(bob, two, "run_2", folder="nowhere").send({}, {})
    other = upload(bob, two, "run_2", folder="/team")
    sent = other.send({"alternative_name": "run_2"}, {})
    assert sent is not None
    assert sent.path == "/team/run_2"
    taker = upload(bob, two, "run_2", folder="/team", conflict_strategy="replace")
    taken = taker.send({"alternative_name": "run_2", "n": 2}, {})
    assert taken is not None
    assert taken.path == "/team/run"
    assert len(hub.refs("refs/datmo-live/")) == 2, "who was replaced is there by its id"
    again = first.send({"alternative_name": "run_1", "n": 2}, {})
    assert again is not None
    assert again.path == "/team/run_1", "and goes on beside it"
    for run in (one, two):
        end(run)


def test_a_remote_that_is_gone_for_a_while(hub: Repo, ada: Project):
    run = begin(ada)
    sender = upload(ada, run)
    away = hub.path.with_name("away.git")
    os.rename(hub.path, away)
    with pytest.raises(RemoteError):
        sender.send({"alternative_name": "run_1", "n": 1}, {})
    os.rename(away, hub.path)
    assert sender.send({"alternative_name": "run_1", "n": 1}, {}) is not None
    end(run)


def test_a_scratch_folder_that_was_swept_is_made_anew(hub: Repo, ada: Project, tmp_path: Path):
    run = begin(ada)
    sender = upload(ada, run)
    log = tmp_path / "log"
    log.write_bytes(b"x" * (PIECE + 5))
    assert sender.send({"alternative_name": "run_1"}, {"log": log}) is not None
    for left in (ada.home / "live").glob("tmp-*"):
        os.rename(left, tmp_path / left.name)
    sent = sender.send({"alternative_name": "run_1", "n": 2}, {"log": log})
    assert sent is not None
    assert live.read(ada, id=sent.id).streams["log"] == b"x" * (PIECE + 5)
    end(run)


def test_what_looks_like_a_secret_is_not_sent(hub: Repo, ada: Project, tmp_path: Path):
    run, log = begin(ada), tmp_path / "log"
    token = b"ghp_" + b"a1B2" * 10
    log.write_bytes(b"x" * PIECE + b"\ntoken: " + token + b"\n")
    with pytest.raises(Conflict, match="what the run printed looks like a secret"):
        upload(ada, run).send({"alternative_name": "run_1"}, {"log": log})
    with pytest.raises(Conflict, match="what it says of itself"):
        upload(ada, run).send({"hyperparameters": {"key": token.decode()}}, {})
    with pytest.raises(Conflict, match="what it says of itself"):
        # JSON has the letter n of an escape before it.
        upload(ada, run).send({"hyperparameters": {"key": f"is:\n{token.decode()}"}}, {})
    assert hub.refs() == {}
    # It lies across two pieces; the first one was sent while it was not there yet.
    log.write_bytes((b"x" * PIECE + b"\n" + token)[20 : PIECE + 20])
    sender = upload(ada, run, make_folder=True, folder="f")
    assert sender.send({"alternative_name": "run_1"}, {"log": log}) is not None
    before = hub.refs()
    with log.open("ab") as file:
        file.write(token[19:] + b"\n")
    with pytest.raises(Conflict, match="what the run printed looks like a secret"):
        sender.send({"alternative_name": "run_1"}, {"log": log})
    with pytest.raises(Conflict, match="what the run printed looks like a secret"):
        upload(ada, run).send({"alternative_name": "run_1"}, {"log": log})
    sender.close()
    assert hub.refs() == before
    log.write_bytes(b"token: " + token + b"\n")
    ada.repository.config.set("datmo.allowSecrets", "true")
    assert upload(ada, run).send({"alternative_name": "run_1"}, {"log": log}) is not None
    end(run)


RUN = "a" * 32
ODD = {
    "not JSON": "{",
    "no object": "[1]",
    "newer": f'{{"format":99,"run_id":"{RUN}"}}',
    "no run": '{"format":1,"run_id":"../.."}',
    "deep": f'{{"format":1,"run_id":"{RUN}","x":{"[" * 3000 + "]" * 3000}}}',
    "types": f'{{"format":1,"run_id":"{RUN}","labels":3,"created":"x","name":[1],"status":7}}',
}


def test_what_strangers_write(hub: Repo, ada: Project):
    for number, text in enumerate([*ODD.values(), None]):
        blob = hub.git("hash-object", "-w", "--stdin", input=text or "")
        tree = hub.git("mktree", input=f"100644 blob {blob}\tlive.json\n" if text else "")
        oid = hub.git("commit-tree", tree, "-m", "x")
        hub.git("update-ref", f"refs/datmo-folders/u/f/n{number}", oid)
        hub.git("update-ref", f"refs/datmo-live/{number:032x}", oid)
    kinds = [node.kind for node in folder.ls(ada, path="/u/f")]
    assert kinds == ["other"] * 5 + ["run", "other"]
    named = folder.find(ada, path="/u/f/n5")
    assert (named.labels, named.created, named.name, named.status) == ((), None, None, "running")
    newer = folder.find(ada, path="/u/f/n2")
    with pytest.raises(NewerFormat):
        live.read(ada, id=newer.id or "")


def test_what_git_refuses_to_have_hides_nothing_else(hub: Repo, ada: Project):
    run = begin(ada)
    sender = upload(ada, run)
    sender.send({"name": "run", "alternative_name": "run_1"}, {})
    bad = "tree 4b825dc642cb6eb9a060e54bf8d69288fbee4904\nauthor x\ncommitter y\n\nz"
    options = ("hash-object", "-t", "commit", "-w", "--stdin", "--literally")
    for number, more in enumerate(("", "z")):
        oid = hub.git(*options, input=bad + more)
        hub.git("update-ref", f"refs/datmo-live/{number:032x}", oid)
        hub.git("update-ref", f"refs/datmo-folders/ada/default/bad{number}", oid)
    found = [(node.title, node.kind) for node in folder.ls(ada, path="default")]
    assert found == [("bad0", "other"), ("bad1", "other"), ("run", "run")]
    sender.close()


def test_how_often(ada: Project):
    assert live.interval(ada) == 5
    ada.repository.config.set("datmo.autoUpload", "90")
    assert live.interval(ada) == 90


def test_a_push_brings_the_record_of_a_run_that_was_sent_while_it_lasted(
    hub: Repo, ada: Project, bob: Project
):
    run, other = begin(ada), begin(ada, "run_2")
    for one, name in ((run, "run_1"), (other, "run_2")):
        sender = upload(ada, one, name)
        assert sender.send({"alternative_name": name}, {}) is not None
        sender.close()
    recorded = end(run)
    pushing.push(ada, "origin")
    found = folder.find(bob, path="/ada/default/run")
    assert (found.id, found.recorded) == (recorded.commit, True)
    assert set(hub.refs("refs/datmo-live/")) == {f"refs/datmo-live/{other.id}"}
    assert not folder.find(bob, path="/ada/default/run_2").recorded
    end(other)
    pushing.push(ada, "origin")
    assert hub.refs("refs/datmo-live/") == {}
    assert folder.find(bob, path="/ada/default/run_2").recorded
    assert list((ada.home / "live").iterdir()) == []


def test_so_does_a_look_where_the_repository_itself_has_the_folders(project: Repo):
    here = Project.open(project.path)
    run = begin(here)
    sender = upload(here, run)
    assert sender.send({"alternative_name": "run_1"}, {}) is not None
    sender.close()
    recorded = end(run)
    assert folder.find(here, path="default/run").id == recorded.commit
    assert project.refs("refs/datmo-live/") == {}
