"""Runs that read artifacts and leave versions of them."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from git_datmo.api import artifact as artifacts
from git_datmo.api import harvest, location
from git_datmo.api import run as runs
from git_datmo.api.lineage import lineage
from git_datmo.api.trust import Foreign
from git_datmo.api.user import User
from git_datmo.errors import (
    ArtifactNotFound,
    DatmoError,
    FileAlreadyExistsError,
    InvalidDestinationName,
    ValidationFailed,
)
from git_datmo.model.run import RUNNING, Run
from git_datmo.records import flights
from git_datmo.records.project import Project
from tests.e2e.task import begun, ended, leftovers, ran, typed, until
from tests.kit.checks import assert_clean
from tests.kit.git import Repo
from tests.kit.program import datmo


@pytest.fixture(autouse=True)
def here(project: Repo) -> Repo:
    """A project with a commit, an artifact `default/words:v0`, and runs on this machine."""
    project.git("config", "datmo.runner", "local")
    project.git("config", "datmo.largeFile", "1000")
    project.write(".gitignore", "made/\n*.pt\n")
    project.write("readme", "words\n")
    project.commit()
    source = project.path.parent / "source"
    (source / "deep").mkdir(parents=True)
    (source / "a.txt").write_text("pear\n")
    (source / "deep" / "big.bin").write_bytes(b"x" * 5000)
    artifacts.create(found(project), name="words", paths=[os.fspath(source)])
    return project


def found(repo: Repo) -> Project:
    return location.find(repo.path)


def run(repo: Repo, command: str, folder: Path | None = None, **asked: object) -> Run:
    """A run in this process, as from the top of the project."""
    user = User(dict(os.environ), folder=folder or repo.path)
    return runs.run(found(repo), command, user=user, **asked)  # type: ignore[arg-type]


def versions(repo: Repo, name: str) -> list[int]:
    return sorted(each.version for each in artifacts.ls(found(repo), name=name, all=True))


def test_an_input_is_read_and_an_output_kept(here: Repo):
    script = "cat inputs/words/a.txt; mkdir made; cp -r inputs/words/deep made/; echo 1 >made/w.pt"
    row = ran(here, "--input", "words", "--output", "models/net=made", "--", "sh", "-c", script)
    used, made = row["used"], row["generated"]
    words = artifacts.inspect(found(here), artifact="words")
    assert [(u["id"], u["version"], u["path"]) for u in used] == [(words.id, 0, "inputs/words")]
    net = artifacts.inspect(found(here), artifact="models/net")
    assert [(m["kind"], m["id"], m["path"]) for m in made] == [("artifact", net.id, "made")]
    assert [(e.path, e.size) for e in net.entries] == [("deep/big.bin", 5000), ("w.pt", 2)]
    assert (net.files, net.size) == (2, 5002)
    # Its objects are those of the snapshot after: nothing was stored twice.
    inside = here.git("rev-parse", f"{row['after_id']}:made")
    assert here.git("rev-parse", f"{net.id}:files") == inside
    assert row["outputs"] == ["made/deep/big.bin", "made/w.pt"]
    assert (net.made_by, words.used_by) == ((row["id"],), (row["id"],))
    shown = datmo("run", "inspect", row["id"]).stdout
    assert "Used        -> default/words:v0\n" in shown
    assert "Made        -> models/net:v0\n" in shown
    listed = datmo("run", "ls", "--details", "--format", "csv").stdout
    assert "default/words:v0" in listed
    assert "models/net:v0" in listed

    again = typed(here, "rerun", row["id"], "--json").json()["run"]
    assert [u["id"] for u in again["used"]] == [words.id]
    assert [(m["version"], m["path"]) for m in again["generated"]] == [(1, "made")]
    assert leftovers(here) == []


def test_the_task_is_told_and_finds_them_where_it_was_said(here: Repo):
    here.write("sub/t.sh", 'cat "$DATMO_TASK_DIR/inputs.json" >told; cat data/a.txt >copy\n')
    here.commit()
    folder = here.path / "sub"
    done = run(here, "sh t.sh", folder=folder, inputs=["default/words:v0>data"])
    assert (done.status, done.used[0]["path"]) == ("success", "sub/data")
    assert sorted(done.outputs) == ["sub/copy", "sub/told"]
    told = json.loads((folder / "told").read_text())
    assert list(told) == ["words"]
    assert told["words"].endswith("/tree/sub/data")
    assert not (folder / "data").exists()
    words = artifacts.inspect(found(here), artifact="words")
    artifacts.create(found(here), name="more", collection="texts", references=["s3://b/x"])
    artifacts.create(found(here), name="more", references=["s3://b/y"])
    named = run(
        here,
        'cat "$DATMO_TASK_DIR/inputs.json"; touch "$DATMO_TASK_DIR/mine"',
        inputs=[(words, "a"), ("texts/more:v0", "b"), ("more:latest", "c"), "words>d"],
    )
    told = {name: Path(place).name for name, place in json.loads(named.logs).items()}
    assert told == {"words": "a", "texts/more": "b", "default/more": "c", "words>d": "d"}
    assert named.outputs == ("task/mine",)


def test_in_place_they_lie_in_the_work_tree_for_a_while(here: Repo):
    done = run(here, "cat data/in/a.txt", inputs={"words": "data/in"}, in_place=True)
    assert sorted(os.listdir(here.path)) == [".git", ".gitignore", "readme"]
    assert (done.status, done.logs, done.outputs) == ("success", "pear\n", ())
    assert done.used[0]["path"] == "data/in"
    # What git ignores is no part of the snapshot, and of the output all the same.
    kept = run(
        here,
        "mkdir made; echo 1 >made/a.pt; cp inputs/words/deep/big.bin made/; cat inputs/words/a.txt",
        inputs=["words"],
        outputs={"net": "made"},
        in_place=True,
    )
    assert (kept.status, kept.logs, kept.outputs) == ("success", "pear\n", ())
    net = artifacts.inspect(found(here), artifact="net")
    assert [(e.path, e.size) for e in net.entries] == [("a.pt", 2), ("big.bin", 5000)]
    assert not (here.path / "inputs").exists()
    assert_clean(here)


@pytest.mark.parametrize("in_place", [False, True])
def test_nothing_runs_when_an_input_is_not_to_be_had(here: Repo, in_place: bool):
    artifacts.create(found(here), name="default/../up", references=["s3://b/x"])
    before = here.refs("refs/datmo")
    here.write("taken/x", "mine\n")
    refused: list[tuple[object, type[DatmoError], str]] = [
        (["nothing"], ArtifactNotFound, "no artifact 'nothing'"),
        (["words:v7"], ArtifactNotFound, "words:v7"),
        (["words", "words:v0"], FileAlreadyExistsError, "two inputs have one place"),
        (["words>a", "words>a/b"], FileAlreadyExistsError, "two inputs have one place"),
        (["words>taken"], FileAlreadyExistsError, "has a taken of its own"),
        (["words>taken/x/y"], FileAlreadyExistsError, "has a taken/x/y of its own"),
        (["words>../out"], InvalidDestinationName, "../out"),
        (["words>/tmp/out"], InvalidDestinationName, "/tmp/out"),
        (["words>a/.git/b"], InvalidDestinationName, ".git"),
        (["words>"], InvalidDestinationName, "words"),
        (["../up"], InvalidDestinationName, "inputs/../up"),
    ]
    for inputs, wrong, text in refused:
        with pytest.raises(wrong) as caught:
            run(here, "touch ran", inputs=inputs, in_place=in_place)
        assert text in caught.value.message
    for outputs in (["net"], ["=made"], ["net=../x"], ["net=/etc"], ["net="], ["a:v3=made"]):
        with pytest.raises(ValidationFailed):
            run(here, "touch ran", outputs=outputs, in_place=in_place)
    assert not (here.path / "ran").exists()
    assert runs.ls(found(here), all=True) == []
    assert [name for name in here.refs("refs/datmo") if "runs/" in name] == []
    assert before.keys() <= here.refs("refs/datmo").keys()
    assert leftovers(here) == []


def test_a_missing_output_is_a_remark_and_the_code_is_the_tasks(here: Repo):
    here.write("weights/w", "old\n")
    here.commit()
    done = datmo(
        *("run", "--output", "net=nowhere", "--output", "old=weights", "--output", "new=log"),
        *("--", "sh", "-c", "echo x >log; exit 3"),
        check=False,
    )
    assert done.code == 3
    assert "no version of default/net was made: the run left no nowhere" in done.stderr
    assert "no version of default/old was made: the run did not change weights" in done.stderr
    assert [each.reference for each in artifacts.ls(found(here), collection="default")] == [
        "default/new:v0",
        "default/words:v0",
    ]
    failed = run(here, "false", outputs=["old=weights"], in_place=True)
    assert (failed.status, failed.generated) == ("failed", ())
    assert "no version of default/old was made" in failed.notices[-1]
    # One that ends well says that this is its output.
    assert run(here, "true", outputs=["old=weights"]).generated[0]["version"] == 0
    single = run(here, "echo y >log", outputs=["new=log"]).generated[0]
    assert artifacts.inspect(found(here), artifact=single["id"]).read("log") == b"y\n"
    assert_clean(here)


def test_what_a_task_says_of_itself(here: Repo):
    words = artifacts.inspect(found(here), artifact="words")
    lines = [
        {"role": "used", "kind": "artifact", "id": words.id, "name": "a lie", "version": 9},
        {"role": "used", "artifact": "words"},
        {"role": "used", "kind": "branch", "name": "main"},
        {"role": "generated", "name": "net", "path": "made"},
        {"role": "generated", "name": "net", "path": "made"},
        {"role": "generated", "name": "notes", "collection": "texts", "path": "note.txt"},
    ]
    bad = [
        {"role": "used", "artifact": "no such thing"},
        {"role": "generated", "name": "out", "path": "../../../../etc/passwd"},
        {"role": "generated", "name": "out", "path": "/etc/passwd"},
        {"role": "generated", "name": "out", "path": "link"},
        {"role": "generated", "name": "x:v3", "path": "made"},
        {"role": "stolen", "kind": "artifact", "id": words.id},
        {"role": "used", "kind": "a\0b"},
        ["no", "object"],
    ]
    texts = [json.dumps(each) for each in (*lines, *bad)]
    here.write("lines", "\n".join([*texts, "{", '{"role": "used", "kind": "' + "k" * 70_000]))
    here.commit()
    done = run(
        here,
        "mkdir made; echo 1 >made/w; mkdir link; ln -s /etc/passwd link/p;"
        'echo n >"$DATMO_TASK_DIR/note.txt"; cat lines >"$DATMO_TASK_DIR/artifacts.jsonl"',
    )
    assert done.status == "success"
    known = {"collection": "default", "name": "words", "version": 0}
    assert done.used == (
        {"kind": "artifact", "id": words.id, **known},
        {"kind": "branch", "name": "main"},
    )
    made = [(m["collection"], m["name"], m["version"], m["path"]) for m in done.generated]
    assert made == [("default", "net", 0, "made"), ("texts", "notes", 0, "note.txt")]
    assert artifacts.inspect(found(here), artifact="texts/notes").read("note.txt") == b"n\n"
    said = "\n".join(done.notices)
    for text in (
        "not understood: 6 lines of the task's artifacts.jsonl",
        "no artifact 'no such thing'",
        "the run left no ../../../../etc/passwd",
        "the run left no /etc/passwd",
        "leads out of it, to /etc/passwd",
        "no artifact was made of made",
    ):
        assert text in said
    assert "task/artifacts.jsonl" not in here.git("ls-tree", "-r", "--name-only", done.after_id)
    assert_clean(here)


def test_when_its_supervisor_is_killed(here: Repo):
    script = "while [ ! -e go ]; do sleep 0.02; done; cp -r inputs/words/. made"
    supervisor = begun(here, "--input", "words", "--output", "net=made", "--", "sh", "-c", script)
    under_way = until(
        lambda: [one for one in flights.listed(found(here)) if one.facts().get("status") == RUNNING]
    )[0]
    row = datmo("run", "inspect", under_way.id, "--json").json()
    assert (row["status"], row["used"][0]["name"]) == ("running", "words")
    supervisor.kill()
    supervisor.communicate()
    live = under_way.facts()["live"]
    Path(live["tree"], "go").touch()
    row = ended(here, under_way.id)
    assert [each["version"] for each in row["generated"]] == [0]
    assert artifacts.inspect(found(here), artifact="net").read("a.txt") == b"pear\n"
    assert versions(here, "net") == [0]
    assert not os.path.lexists(Path(live["tree"], "inputs"))


def test_in_another_clone_the_same_inputs_are_brought_and_shown(here: Repo, tmp_path: Path):
    first = run(here, "cp inputs/words/a.txt copy", inputs=["words"], outputs=["net=copy"])
    artifacts.create(found(here), name="words", paths=[os.fspath(here.path / "readme")])
    hub = Repo.bare(tmp_path / "hub")
    here.git("remote", "add", "origin", os.fspath(hub.path))
    here.git("push", "-q", "origin", "HEAD")
    typed(here, "push", "origin")
    other = tmp_path / "other"
    datmo("clone", os.fspath(hub.path), os.fspath(other), cwd=tmp_path)
    refused = datmo("rerun", first.id, cwd=other, check=False)
    assert (refused.code, "would run here" in refused.stderr) == (4, True)
    asked: list[object] = []

    def trust(foreign: Foreign) -> bool:
        asked.append(foreign.asks["inputs"])
        return True

    there = location.find(other)
    user = User(dict(os.environ), folder=other)
    again = runs.rerun(there, first.id, trust=trust, user=user)
    words = first.used[0]["id"]
    assert asked == [[f"{words} at inputs/words"]]
    assert [each["id"] for each in again.run.used] == [words]
    assert again.comparison.equal
    assert [each["version"] for each in again.run.generated] == [1]
    assert {node.id for node in lineage(there, words, down=True).nodes} >= {
        first.id,
        again.run.id,
        first.generated[0]["id"],
    }
    assert artifacts.inspect(there, artifact=words).used_by == (first.id, again.run.id)
    # Whoever wrote a record may have written anything.
    with pytest.raises(ValidationFailed):
        harvest.again([{"declared": True, "collection": "c", "name": "a\n", "path": "x"}])


@pytest.mark.docker
@pytest.mark.slow
@pytest.mark.parametrize("copied", [False, True])
def test_in_a_container(here: Repo, base_image: str, copied: bool):
    here.git("config", "--unset", "datmo.runner")
    here.git("config", "datmo.docker.copy", str(copied).lower())
    here.write("Dockerfile", f"FROM {base_image}\n")
    here.commit()
    script = (
        "cat $DATMO_TASK_DIR/inputs.json inputs/words/a.txt; touch inputs/words/a.txt; "
        "mkdir made; cp -r inputs/words/. made; echo n >/task/note.txt; "
        'echo \'{"role": "generated", "name": "note", "path": "/task/note.txt"}\' '
        ">>/task/artifacts.jsonl; "
        'echo \'{"role": "generated", "name": "a", "path": "/home/made/a.txt"}\' '
        ">>/task/artifacts.jsonl"
    )
    row = ran(here, "--input", "words", "--output", "net=made", "--", "sh", "-c", script)
    assert row["runner"] == "docker"
    told, _, rest = datmo("logs").stdout.partition("}\n")
    assert json.loads(told + "}") == {"words": "/home/inputs/words"}
    assert rest.startswith("pear\n")
    made = [(each["name"], each["path"]) for each in row["generated"]]
    assert made == [("net", "made"), ("note", "task/note.txt"), ("a", "made/a.txt")]
    assert row["outputs"] == ["made/a.txt", "made/deep/big.bin", "task/note.txt"]
    assert artifacts.inspect(found(here), artifact="net").read("a.txt") == b"pear\n"
    words = artifacts.get(found(here), artifact="words")
    assert Path(words.path, "a.txt").read_text() == "pear\n"
