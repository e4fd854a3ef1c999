"""Scripts written for t9k.em, run as they are and with one line changed, and what is recorded."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.compat.em.script import SCRIPTS, Desk
from tests.kit.git import Repo
from tests.kit.program import datmo

KEY = "0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9"
HUB = "hub.git"
# The import line changed, and the script as it is; one of them is enough for most.
CHANGED, ALIAS = "changed", "alias"


@pytest.fixture
def desk(request: pytest.FixtureRequest, repo: Repo) -> Iterator[Desk]:
    """A repository with a commit and an empty remote: what scripts are started in."""
    repo.write("data.csv", "1,2\n")
    repo.commit("the project")
    Repo.bare(repo.path.parent / HUB)
    repo.git("remote", "add", "origin", f"../{HUB}")
    made = Desk(repo.path, changed=getattr(request, "param", CHANGED) == CHANGED)
    yield made
    made.sound()


both = pytest.mark.parametrize("desk", [CHANGED, ALIAS], indirect=True)
as_it_is = pytest.mark.parametrize("desk", [ALIAS], indirect=True)


def values(points: list[dict[str, Any]], name: str) -> list[Any]:
    return [point["value"][name] for point in points]


@both
def test_a_loop(desk: Desk):
    """Points of all kinds, what is printed, where it all lies."""
    said = desk.run("loop.py")
    assert [line.partition(":")[0] for line in said.lines] == ["epoch 1", "epoch 2"]
    assert all(line.startswith("EM INFO: ") for line in said.stderr.splitlines())

    run = desk.one()
    assert (run["message"], run["status"], run["exit_code"]) == ("mnist_loop", "success", 0)
    assert run["config"] == {"lr": 0.01, "batch_size": 64, "epochs": 2}
    assert run["labels"] == ["mnist", "cnn"]
    assert run["metrics"]["val"]["accuracy"] == 0.7
    assert run["metrics"]["test"] == {"accuracy": 0.75}
    assert math.isfinite(run["metrics"]["train"]["loss"])
    where = datmo("run", "ls", "--where", "metrics.val.accuracy > 0.6", "--json", cwd=desk.path)
    assert [found["id"] for found in where.json()] == [run["id"]]
    by_name = desk.inspect(run["alternative_name"])
    assert by_name["id"] == run["id"]

    local = desk.path / ".em" / "runs" / run["alternative_name"]
    assert len((local / "metrics" / "train.jsonl").read_text().splitlines()) == 100
    assert (local / "stdout.log").read_text() == said.stdout
    assert (local / "metadata.yaml").read_text().count("Complete") == 1
    assert ".em" not in Repo(desk.path).status()
    snapshot = datmo("snapshot", "inspect", run["after_id"], "--json", cwd=desk.path).json()
    assert not [path for path in str(snapshot).split("'") if path.startswith(".em/")]


def test_outside_of_any_repository(tmp_path: Path):
    """A script runs in any folder, and turns none into a repository."""
    folder = tmp_path / "plain"
    folder.mkdir()
    desk = Desk(folder, changed=True)
    said = desk.run("loop.py")
    assert len(said.lines) == 2
    assert sorted(path.name for path in folder.iterdir()) == [".em"]
    locals = list((folder / ".em" / "runs").iterdir())
    assert len(locals) == 1
    [recorded] = Desk(folder / ".em" / "repository", changed=True).runs()
    assert recorded["metrics"]["test"] == {"accuracy": 0.75}
    listed = datmo("em", "ls", ".em/runs", "--json", cwd=folder).json()
    assert [(node["name"], node["status"]) for node in listed] == [("mnist_loop", "success")]


def test_inside_a_task(desk: Desk):
    """A script in a task adds to the task's run and makes none of its own."""
    datmo("init", cwd=desk.path)
    datmo("run", "--runner", "local", "--", *desk.command("loop.py"), cwd=desk.path)
    run = desk.one()
    assert run["metrics"]["test"] == {"accuracy": 0.75}
    assert run["config"]["lr"] == 0.01


@both
def test_a_file_with_the_arguments(desk: Desk):
    """The file wins; what is wrong is a ValueError that says so."""
    said = desk.run("config_file.py")
    assert said.lines == [
        "Unknown arg provided by config file: 'foo'",
        "Invalid name of Run: 'no such name!'",
        f"Invalid name of Run: '{'x' * 41}'",
        "Not supported conflict strategy: 'maybe'",
    ]
    assert "folder_path" in said.stderr
    run = desk.one()
    assert run["message"] == "from_file"
    assert run["config"] == {"lr": 0.5, "layers": [32, 64]}
    assert (run["labels"], run["description"]) == (["file"], "what the file says")


def test_what_a_run_says_of_itself(desk: Desk):
    """Its status, its names, its dictionary, its project."""
    seen = desk.run("attributes.py").last
    run = desk.one()
    assert seen["status"] == ["Running", "Complete"]
    assert seen["end"][0] is None
    assert seen["start"] < seen["end"][1]
    assert seen["labels"] == ["one"]
    assert seen["local"] == f".em/runs/{seen['alternative_name']}"
    assert seen["associations"] is True
    assert seen["remote"] == []
    assert seen["twice"] == "Method finish can be called once only for each instance"
    assert set(seen["dict"]) == {
        *("kind", "name", "labels", "description", "startTimestamp", "endTimestamp"),
        *("status", "alternativeName", "associations", "remote"),
    }
    assert seen["dict"]["kind"] == "Run"
    assert seen["dict"]["associations"] == {"inputs": [], "outputs": []}
    # The user's project, and not where the package lies.
    assert Path(seen["git"]["repo_path"]).resolve() == desk.path.resolve()
    assert seen["git"]["commit"] == Repo(desk.path).head()
    assert seen["git"]["entrypoint"].endswith("attributes.py")
    assert {"hostname", "os", "python"} <= seen["platform"].keys()
    assert (run["alternative_name"], run["description"]) == (
        seen["alternative_name"],
        "all of it",
    )


def test_parameters(desk: Desk):
    """As items and as attributes, numbers of numpy, tuples."""
    said = desk.run("hyperparameters.py")
    assert "Object of type set is not accepted" in said.lines[0]
    run = desk.one()
    assert run["config"] == {
        "lr": 0.25,
        "batch_size": 32,
        "epochs": 3,
        "layers": [64, 32],
        "optimizer": "adam",
        "momentum": 0.5,
        "steps": 7,
        "flags": True,
        "new": None,
    }
    assert "'lr': 0.25" in said.lines[1]


def test_types_of_metrics(desk: Desk):
    """Every spelling, every kind of number, and errors that change nothing."""
    desk.run("metric_types.py")
    metrics = desk.one()["metrics"]
    assert metrics["training"] == {"loss": 1.0}
    assert metrics["evaluate"] == {"loss": 0.5}
    assert metrics["train"] == {"loss": 1.0}
    assert len(metrics) == 4


@as_it_is
def test_several_runs_in_one_program(desk: Desk):
    """Each has its points, and what was printed while it ran."""
    said = desk.run("finished_with.py")
    runs = {run["message"]: run for run in desk.runs()}
    assert set(runs) == {"outer", "inner-0", "inner-1"}
    assert runs["inner-1"]["labels"] == ["n1"]
    assert runs["inner-1"]["metrics"] == {"train": {"loss": 1.0}}
    assert runs["outer"]["metrics"] == {"train": {"loss": 5.0}}
    log = (desk.path / said.lines[-1] / "stdout.log").read_text()
    assert log.splitlines() == said.lines[:-2]


@as_it_is
def test_ranks(desk: Desk):
    """Two processes with one seed, at the same moment, in each other's way nowhere."""
    desk.run("ranks.py")
    runs = desk.runs()
    assert sorted(run["labels"][0] for run in runs) == ["rank0", "rank1"]
    for run in runs:
        local = desk.path / ".em" / "runs" / run["alternative_name"] / "metrics" / "train.jsonl"
        assert len(local.read_text().splitlines()) == 100
        assert run["metrics"]["train"]["rank"] == int(run["labels"][0][-1])


@pytest.mark.parametrize(
    ("end", "code", "status"), [("error", 1, "failed"), ("kill", -9, "lost"), ("no", 0, "failed")]
)
def test_ends_that_nobody_wrote(desk: Desk, end: str, code: int, status: str):
    """What was logged is there, and the status is true."""
    said = desk.run("unfinished.py", end, code=code)
    assert (end == "error") == ("the disk is on fire" in said.stderr)
    local = desk.path / said.lines[0]
    node = datmo("em", "describe", said.lines[0], "--json", cwd=desk.path).json()
    # Without finish() it is an error to em, whatever the cause.
    assert node["node"]["status"] == "failed"
    assert node["metrics"]["train"] == {"points": 1000, "last": {"loss": 999.0}}
    assert len((local / "metrics" / "train.jsonl").read_text().splitlines()) == 1000
    run = desk.one()
    assert run["status"] == status
    assert run["metrics"]["train"]["loss"] == 999.0


@as_it_is
def test_objects_of_an_artifact(desk: Desk):
    """Where objects come to lie, what they say, and that none gets out."""
    seen = desk.run("dataset.py").last
    table = b"a,b\r\n1,2\r\n"
    record = {"size_bytes": len(table), "checksum": hashlib.md5(table).hexdigest()}
    objects = seen["objects"]
    assert set(objects) == {
        *("labels.csv", "tables/labels.csv", "metadata.yaml", "huge.bin", "list.txt"),
        *(f"raw/images/cats/{number}.png" for number in range(3)),
        *(f"images/cats/{number}.png" for number in range(3)),
    }
    for path in ("labels.csv", "tables/labels.csv", "metadata.yaml"):
        assert objects[path] == {"path": path, **record}
    assert objects["huge.bin"] == {"path": "huge.bin", "uri": "s3://bucket/huge.bin"}
    assert seen["refused"] == {
        "missing": ["RuntimeError", f"File does not exist: '{desk.path / 'nowhere.txt'}'"],
        "missing folder": ["RuntimeError", f"Directory does not exist: '{desk.path / 'nowhere'}'"],
        "reference": ["ValueError", "Object reference already exists: 'huge.bin'"],
        "file": ["ValueError", "Object file already exists: 'labels.csv'"],
        "out": ["ValueError", seen["refused"]["out"][1]],
        "name": ["ValueError", "Invalid name of Artifact: 'no/name'"],
    }
    assert not list(desk.path.parent.rglob("escaped.csv"))
    assert seen["dict"]["labels"] == ["data"]

    listed = desk.artifacts()
    assert [found["alternative_name"] for found in listed] == [seen["alternative_name"]]
    assert (listed[0]["collection"], listed[0]["references"]) == ("em", 2)
    into = desk.path.parent / "got"
    datmo("artifact", "get", seen["alternative_name"], "--into", into, cwd=desk.path)
    assert (into / "tables" / "labels.csv").read_bytes() == table
    assert (into / "metadata.yaml").read_bytes() == table
    assert (into / "raw/images/cats/2.png").read_bytes() == bytes([2]) * 100
    # What the run left is the artifact that was marked.
    generated = desk.one()["generated"]
    assert [one["id"] for one in generated] == [listed[0]["id"]]
    assert seen["associations"]["outputs"][0]["name"] == seen["alternative_name"]


def test_lineage(desk: Desk):
    """What one run made and another one read is found from both ends."""
    said = desk.run("lineage.py")
    assert said.stderr.count("Instance type cannot be marked: ") == 3
    train_name, test_name, model_name = said.lines[-1].split()
    train, test = desk.inspect(train_name), desk.inspect(test_name)
    [model] = desk.artifacts()
    assert model["alternative_name"] == model_name
    assert [one["id"] for one in train["generated"]] == [model["id"]]
    assert [one["id"] for one in test["used"]] == [model["id"]]
    assert train["used"][0]["kind"].lower() == "dataset"
    assert train["used"][0]["path"] == "/ada/dataset/mnist"
    drawn = datmo("lineage", model["id"], "--json", cwd=desk.path).json()
    known = str(drawn["nodes"])
    assert train["id"] in known or train["commit"] in known
    assert test["id"] in known or test["commit"] in known


@as_it_is
def test_uploading_again_and_again(desk: Desk):
    """The second run takes another name, the artifacts go along, and it loads elsewhere."""
    first = desk.run("upload_twice.py")
    assert first.lines[0] == "Not logged in"
    assert first.lines[1].startswith("Folder does not exist: '/ada/nowhere/at/all'")
    name, *paths = first.lines[2].split()
    assert paths == ["/ada/image_classification/mnist_keras"] * len(paths)
    assert paths
    assert first.lines[3].split()[1:2] == ["/ada/image_classification/weights"]

    second = desk.run("upload_twice.py")
    other, *where = second.lines[2].split()
    assert set(where) == {f"/ada/image_classification/{other}"}
    assert second.lines[3].split()[1].startswith("/ada/image_classification/weights_")
    paths = [node["path"] for node in desk.nodes("image_classification")]
    assert len(paths) == 4
    assert where[0] in paths

    refused = desk.run("upload_twice.py", "error", code=1)
    assert "Run already exists in Folder" in refused.stderr
    skipped = desk.run("upload_twice.py", "skip")
    assert len(skipped.lines[2].split()) == 1  # nothing was sent
    replaced = desk.run("upload_twice.py", "replace")
    assert set(replaced.lines[2].split()[1:]) == {"/ada/image_classification/mnist_keras"}
    # What was replaced is found by its own name still.
    assert desk.inspect(name)["status"] == "success"

    Repo(desk.path.parent / HUB).clone(desk.path.parent / "theirs")
    theirs = Desk(desk.path.parent / "theirs", changed=desk.changed)
    seen = theirs.run("elsewhere.py")
    assert seen.lines[0] == f"Complete {replaced.lines[2].split()[0]} 0.5"
    assert "download" in seen.lines[1]
    assert seen.stderr.count("Not a local directory") == 2


def test_uploading_by_itself(desk: Desk):
    """Nothing is lost, and nothing is left under way."""
    said = desk.run("automatic.py")
    name, *paths = said.lines[0].split()
    assert set(paths) == {"/ada/live/runs/automatic"}
    [node] = desk.nodes("live/runs")
    assert (node["name"], node["status"]) == ("automatic", "success")
    hub = Repo(desk.path.parent / HUB)
    assert hub.refs("refs/datmo-live") == {}
    [there] = hub.refs("refs/datmo-folders/ada/live/runs/automatic").values()
    assert len(hub.git("show", f"{there}:metrics/train.jsonl").splitlines()) == 200
    known = datmo("em", "describe", "live/runs/automatic", "--json", cwd=desk.path).json()
    assert known["metrics"]["train"]["last"] == {"loss": 1 / 200}
    assert known["node"]["alternative_name"] == name


@as_it_is
def test_logins_and_directories(desk: Desk):
    """All forms of a login, directories of the environment's choice, and no secret kept."""
    hub = desk.path.parent / HUB
    env = {"EM_RUN_PARENT_DIR": "my_runs", "EM_ARTIFACT_PARENT_DIR": str(desk.path / "data/mine")}
    Path(desk.path / ".git/info/exclude").write_text("/my_runs\n/data/mine\n")
    said = desk.run("sign_in.py", str(hub), env=env)
    assert "no-such-remote" in said.stderr
    assert "Not logged in" in said.stderr
    assert KEY not in said.stderr
    kept = [
        path
        for path in desk.path.rglob("*")
        if path.is_file() and KEY.encode() in path.read_bytes()
    ]
    assert kept == []
    assert not (desk.path / ".em").exists()
    assert [node["name"] for node in desk.nodes("default")] == ["there"]


@both
def test_callbacks_in_a_script(desk: Desk):
    """As a Keras script is written."""
    text = (Path(__file__).parent / "standins.py").read_text()
    stand_in = desk.path.parent / "packages"
    stand_in.mkdir()
    (stand_in / "standins.py").write_text(text)
    # A version may be a text with abilities, as that of torch is.
    (stand_in / "keras.py").write_text(
        "from standins import KERAS, Model, Optimizer, Version\n"
        "callbacks, __version__ = KERAS.callbacks, Version('3.15')\n"
    )
    desk.run("functional.py", env={"PYTHONPATH": str(stand_in)})
    run = desk.one()
    assert run["config"]["optimizer"]["name"] == "sgd"
    assert run["config"]["lossType"] == "mse"
    assert run["platform"]["packages"]["keras"] == "3.15"
    assert run["metrics"]["val"] == {"loss": 0.25}
    assert run["metrics"]["test"] == {"loss": 0.125}


def test_the_command(desk: Desk):
    """`em ls`, `describe` and `upload`."""
    desk.run("loop.py")
    [local] = (desk.path / ".em" / "runs").iterdir()
    assert "mnist_loop" in datmo("em", "ls", ".em/runs", "-d", cwd=desk.path).stdout
    assert "batch_size" in datmo("em", "describe", local, cwd=desk.path).stdout
    datmo("em", "upload", ".em/runs", "-f", "by/hand", "-m", cwd=desk.path)
    assert [node["name"] for node in desk.nodes("by/hand")] == ["mnist_loop"]


def test_every_script_is_run():
    text = Path(__file__).read_text()
    assert [script.name for script in SCRIPTS.glob("*.py") if f'"{script.name}"' not in text] == []
