"""git datmo em: local directories and folders of a remote, from the shell."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from git_datmo.api import location, runs
from git_datmo.cli.main import main
from git_datmo.compat import em
from git_datmo.compat.em import session
from tests.kit.git import Repo
from tests.kit.program import Result

OLD = {
    "metadata.yaml": """
kind: Run
name: old
labels: [of, old]
description: ''
startTimestamp: '2023-05-01T10:00:00.000000+08:00'
endTimestamp: '2023-05-01T10:01:30.000000+08:00'
status: Complete
alternativeName: old_230501_100000_abcdef
associations: {inputs: [], outputs: []}
remote: []
""",
    "index.yaml": """
hyperparameters: hyperparameters.yaml
metrics: {train: metrics/train.yaml}
platform: platform.yaml
git: git.yaml
log: stdout.log
""",
    "hyperparameters.yaml": "lr: 0.25\nsizes: !!python/tuple [1, 2]\n",
    "platform.yaml": "hostname: away\nos: Linux\n",
    "git.yaml": "repo_path: /elsewhere\n",
    "stdout.log": "hello\n",
    "metrics/train.yaml": """
- value: {loss: 0.5}
  sequence: {epoch: null, step: 1, timestamp: '2023-05-01T10:00:10.000000+08:00'}
- value: {loss: 0.25}
  sequence: {epoch: null, step: 2, timestamp: '2023-05-01T10:00:20.000000+08:00'}
""",
}


@pytest.fixture
def hub(tmp_path: Path) -> Repo:
    return Repo.bare(tmp_path / "hub.git")


@pytest.fixture
def ada(hub: Repo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Repo]:
    repo = hub.clone(tmp_path / "ada")
    monkeypatch.chdir(repo.path)
    yield repo
    session._session.logged_in, session._session.chosen = False, None


Shell = Callable[..., Result]


@pytest.fixture
def datmo(capsys: pytest.CaptureFixture[str]) -> Shell:
    """The program in this process: many short commands are asked here."""

    def run(*args: object, check: bool = True) -> Result:
        capsys.readouterr()
        code = main([str(arg) for arg in args])
        out, err = capsys.readouterr()
        assert not check or code == 0, f"{args} exited {code}\n{out}{err}"
        return Result(out, err, code)

    return run


def a_run() -> em.Run:
    run = em.create_run(name="mnist", hparams={"lr": 0.1}, labels=["x"])
    run.log("train", {"loss": 0.5}, step=1)
    made = em.create_artifact("weights", labels=["best"])
    made.add_reference("s3://bucket/w")
    run.mark_output(made)
    run.finish()
    return run


def old_run(parent: Path) -> Path:
    folder = parent / "old_230501_100000_abcdef"
    for name, text in OLD.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text.lstrip())
    return folder


def test_local_directories(ada: Repo, datmo: Shell):
    run = a_run()
    old_run(Path(".em/runs"))
    listed = datmo("em", "ls", ".em/runs").stdout.splitlines()
    assert listed[0].split() == ["name", "status", "started", "duration"]
    assert [line.split()[:2] for line in listed[1:]] == [["mnist", "Complete"], ["old", "Complete"]]
    assert listed[2].endswith("1m 30s")
    details = datmo("em", "ls", run.local, "-d").stdout
    assert run.alternative_name in details
    assert "alternative name" in details.splitlines()[0]
    artifacts = datmo("em", "ls", ".em/artifacts").stdout.splitlines()
    assert artifacts[0].split() == ["name", "alternative", "name", "labels", "created"]
    assert "best" in artifacts[1]
    rows = datmo("em", "ls", ".em/runs", "--json").json()
    assert [row["status"] for row in rows] == ["success", "success"]

    shown = datmo("em", "describe", run.local).stdout
    assert "lr: 0.1" in shown
    assert "train (1 point): loss 0.5" in shown
    assert "weights_" in shown
    whole = datmo("em", "describe", run.local, "--json").json()
    assert whole["hyperparameters"] == {"lr": 0.1}
    assert whole["platform"]["hostname"]
    assert "hostname" in datmo("em", "describe", run.local, "-d").stdout
    [artifact] = Path(".em/artifacts").iterdir()
    assert "s3://bucket/w" in datmo("em", "describe", artifact).stdout


def test_sending_and_looking_at_folders(hub: Repo, ada: Repo, datmo: Shell):
    run = a_run()
    sent = datmo("em", "upload", ".em/runs", "-f", "digits", "-m")
    assert sent.stdout.startswith(f"Uploaded .em/runs/{run.alternative_name} to /ada/digits/mnist")
    assert set(hub.refs("refs/datmo-folders/")) == {
        f"refs/datmo-folders/ada/digits/{name}" for name in ("mnist", "weights")
    }
    assert [row["path"] for row in datmo("em", "ls", "/", "--json").json()] == ["/ada"]
    listed = datmo("em", "ls", "digits").stdout.splitlines()
    assert listed[0].split()[:3] == ["name", "kind", "status"]
    assert [line.split()[0] for line in listed[1:]] == ["mnist", "weights"]
    shown = datmo("em", "describe", "/ada/digits/mnist").stdout
    assert "lr: 0.1" in shown
    assert "loss 0.5" in shown
    whole = datmo("em", "describe", "/ada/digits/mnist", "--json").json()
    assert whole["metrics"] == datmo("em", "describe", run.local, "--json").json()["metrics"]
    assert "s3://bucket/w" in datmo("em", "describe", "digits/weights").stdout
    assert "mnist  run" in datmo("em", "describe", "digits").stdout

    refused = datmo("em", "upload", run.local, "-f", "nowhere", check=False)
    assert refused.code == 3
    assert "Folder does not exist: '/ada/nowhere'" in refused.stderr
    assert "Traceback" not in refused.stderr
    assert datmo("em", "upload", run.local, "-c", "sometimes", check=False).code == 2
    for command in ("ls", "describe", "upload"):
        gone = datmo("em", command, "nowhere", check=False)
        assert gone.code == 3
        assert "Traceback" not in gone.stderr


def test_a_run_of_another_machine_in_the_old_layout_is_recorded_and_sent(
    hub: Repo, ada: Repo, datmo: Shell
):
    folder = old_run(Path("from-away"))
    whole = datmo("em", "describe", folder, "--json").json()
    assert whole["hyperparameters"] == {"lr": 0.25, "sizes": [1, 2]}
    assert whole["metrics"]["train"] == {"points": 2, "last": {"loss": 0.25}}
    for _ in range(2):
        datmo("em", "upload", folder, "-f", "/team", "-m")
    [recorded] = runs.ls(location.find(ada.path))
    assert (recorded.status, recorded.message, recorded.duration) == ("success", "old", 90.0)
    assert recorded.alternative_name == folder.name
    assert recorded.config == {"lr": 0.25, "sizes": [1, 2]}
    assert recorded.metrics == {"train": {"loss": 0.25}}
    assert recorded.logs == "hello\n"
    assert list(hub.refs("refs/datmo-folders/")) == ["refs/datmo-folders/team/old"]


def test_outside_of_a_repository(
    ada: Repo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, datmo: Shell
):
    run = a_run()
    away = tmp_path / "away"
    away.mkdir()
    shutil.copytree(run.local, away / run.alternative_name)
    monkeypatch.chdir(away)
    assert "mnist" in datmo("em", "ls", ".").stdout
    assert "lr: 0.1" in datmo("em", "describe", run.alternative_name).stdout
    assert "folders lie on a git remote" in datmo("em", "ls", "digits", check=False).stderr
    datmo("em", "upload", "nowhere", check=False)
    assert os.listdir(away) == [run.alternative_name], "looking makes nothing"
    em.login()
    a_run().upload("digits", make_folder=True)
    assert "mnist" in datmo("em", "ls", "digits").stdout
    assert "loss 0.5" in datmo("em", "describe", "digits/mnist").stdout
    bare = Repo.init(tmp_path / "bare")
    monkeypatch.chdir(bare.path)
    assert datmo("em", "ls").stdout.split() == ["name"]
    assert not (bare.git_dir / "datmo").exists()
