"""Repeating runs: here, in a fresh clone on another machine, with other settings, on newer code."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from git_datmo.api import location
from git_datmo.records import chain
from git_datmo.records import runs as runs_
from tests.conftest import move_home
from tests.e2e.task import Row, after, leftovers, ran, runs, typed
from tests.kit.checks import assert_clean, assert_git_clean, untouched
from tests.kit.git import Repo
from tests.kit.program import Result, datmo

TRAIN = """\
import argparse, json, pathlib, random

parser = argparse.ArgumentParser()
parser.add_argument("--seed", type=int, default=1)
seed = parser.parse_args().seed
lr = json.loads(pathlib.Path("config.json").read_text())["lr"]
random.seed(seed)
weights = [round(random.random() * lr, 6) for _ in range(200_000)]
pathlib.Path("out").mkdir(exist_ok=True)
pathlib.Path("out/weights.txt").write_text("\\n".join(map(str, weights)))
pathlib.Path("out/summary.json").write_text(json.dumps({"sum": sum(weights)}))
print(f"loss: {sum(weights) / len(weights):.6f}")
"""
BOTH = "refs/datmo/*:refs/datmo/*"


@pytest.fixture
def maker(project: Repo) -> Repo:
    """A project that trains: deterministic, with an output beyond the large-file threshold."""
    project.git("config", "datmo.runner", "local")
    project.write("train.py", TRAIN)
    project.write("config.json", '{"lr": 0.5}\n')
    project.commit()
    return project


@pytest.fixture
def row(maker: Repo) -> Row:
    return ran(maker, "--label", "best", "--", "python3", "train.py", "--seed", "3")


class Elsewhere:
    """Another machine, as far as one can have it here: another HOME, another path, another user."""

    def __init__(self, root: Path, patch: pytest.MonkeyPatch) -> None:
        self.root, self.patch = root, patch
        self.hub = Repo.bare(root / "hub.git")

    def take(self, maker: Repo) -> None:
        """What the maker pushes with git alone."""
        maker.git("remote", "add", "origin", str(self.hub.path))
        maker.git("push", "-q", "origin", "main")
        maker.git("push", "-q", "origin", "refs/datmo/*")

    def clone(self) -> Repo:
        """A clone that fetched with git alone, in a home of its own."""
        home = self.root / "their home"
        home.mkdir()
        move_home(self.patch, home)
        made = self.hub.clone(self.root / "a" / "deeper place" / "clone")
        made.git("config", "user.name", "Grace Hopper")
        made.git("config", "user.email", "grace@example.com")
        made.git("fetch", "-q", "origin", BOTH)
        return made


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Elsewhere:
    return Elsewhere(tmp_path / "elsewhere", monkeypatch)


def rerun(repo: Repo, *args: str, code: int = 0) -> Result:
    """`rerun`, which touches nothing of the user's."""
    with untouched(repo):
        done = typed(repo, "rerun", *args, code=code)
    assert leftovers(repo) == []
    return done


@pytest.mark.parametrize("name", ["id", "part of id", "label", "after_id", "latest"])
def test_by_every_name(maker: Repo, row: Row, name: str):
    maker.write("config.json", '{"lr": 99}\n')
    maker.write("train.py", "raise SystemExit(9)\n")
    named = {"part of id": row["id"][:7], "label": "best", "latest": "latest"}.get(name)
    done = rerun(maker, "--check", "--json", named or row[name])
    new, old = runs(maker)
    assert (new["rerun_of"], old["id"]) == (row["id"], row["id"])
    assert (new["results"], new["after_id"]) == (row["results"], row["after_id"])
    assert done.json()["comparison"]["equal"] is True


@pytest.mark.parametrize("initialised", [True, False])
def test_in_a_fresh_clone_on_another_machine(
    maker: Repo, row: Row, elsewhere: Elsewhere, initialised: bool
):
    elsewhere.take(maker)
    there = elsewhere.clone()
    if initialised:
        datmo("init", cwd=there.path)
    there.git("config", "datmo.runner", "local")
    assert [found["id"] for found in runs(there)] == [row["id"]]
    if not initialised:
        datmo("init", cwd=there.path)
    with untouched(there):
        done = typed(there, "rerun", "--check", "--yes", "best")
    assert "the same" in done.stdout
    new = runs(there)[0]
    assert (new["rerun_of"], new["author"]) == (row["id"], "Grace Hopper <grace@example.com>")
    assert after(there, new, "out/weights.txt") == after(maker, row, "out/weights.txt")
    typed(there, "snapshot", "checkout", new["after_id"])
    assert there.read("out/weights.txt") == maker.read("out/weights.txt")
    # And back: the maker sees that it was repeated.
    there.git("push", "-q", "origin", "refs/datmo/*")
    maker.git("fetch", "-q", "origin")
    datmo("fetch", cwd=maker.path)
    assert {found["rerun_of"] for found in runs(maker)} == {None, row["id"]}
    assert_clean(maker)
    assert_git_clean(elsewhere.hub)


def test_what_differs_is_said_and_checked(maker: Repo):
    script = "date +%N >stamp.txt; echo same >same.txt; echo time: $(date +%N); echo k: 1"
    row = ran(maker, script)
    done = rerun(maker, "--check", row["id"], code=1)
    assert "stamp.txt" in done.stdout
    assert "time" in done.stdout
    rerun(maker, row["id"])  # without --check the exit code is the task's
    rerun(maker, "--check", "--ignore", "time", "--ignore", "files:stamp.txt", row["id"])


def test_a_failing_run_fails_again(maker: Repo):
    row = ran(maker, "echo x >x; echo worse >&2; exit 7", code=7)
    rerun(maker, row["id"], code=7)
    rerun(maker, "--check", row["id"])
    assert {found["status"] for found in runs(maker)} == {"failed"}


def test_another_value_in_the_command_and_in_the_config_file(maker: Repo, row: Row):
    rerun(maker, "--set", "seed=4", "best")
    assert runs(maker)[0]["command"] == ["python3", "train.py", "--seed", "4"]
    rerun(maker, "--set", "lr=0.25", "--label", "half", "best")
    new = runs(maker)[0]
    assert (new["command"], new["config"]["lr"]) == (row["command"], 0.25)
    assert after(maker, new, "config.json") == b'{"lr": 0.25}\n'
    assert new["results"]["loss"] == pytest.approx(row["results"]["loss"] / 2, abs=1e-6)
    refused = rerun(maker, "--set", "nosuch=1", "best", code=2)
    assert "nosuch" in refused.stderr
    # What was changed is part of what is recorded: it can be repeated like any other.
    rerun(maker, "--check", "half")


def test_on_newer_code(maker: Repo, row: Row):
    maker.write("train.py", TRAIN.replace("loss:", "mse:"))
    newer = maker.commit("say mse")
    maker.write("train.py", "unfinished(")
    rerun(maker, "--onto", "HEAD", "best")
    new = runs(maker)[0]
    assert set(new["results"]) == {"mse"}
    assert new["rerun_of"] == row["id"]
    assert maker.head() == newer
    snapshot = typed(maker, "snapshot", "create", "-m", "broken", "--json").json()["id"]
    rerun(maker, "--onto", snapshot, "best", code=1)
    assert rerun(maker, "--onto", "nowhere", "best", code=3).stderr.count("error:") == 1


def test_somebody_elses_run_is_shown_and_confirmed_once(
    maker: Repo, row: Row, elsewhere: Elsewhere
):
    elsewhere.take(maker)
    there = elsewhere.clone()
    datmo("init", cwd=there.path)
    there.git("config", "datmo.runner", "local")
    refused = rerun(there, "best", code=4)
    assert "python3 train.py --seed 3" in refused.stderr
    assert "--yes" in refused.stderr
    assert [found["id"] for found in runs(there)] == [row["id"]]
    rerun(there, "--yes", "best")
    rerun(there, "--check", "best")  # it was confirmed before
    # The same words from another state may do anything: they are asked about again.
    maker.write("train.py", "print('other:', 1)\n")
    other = ran(maker, "--", *row["command"])
    maker.git("push", "-q", "origin", "refs/datmo/*")
    there.git("fetch", "-q", "origin", BOTH)
    assert "--yes" in rerun(there, other["id"], code=4).stderr
    # What this clone's own people recorded needs no word.
    mine = ran(there, "echo mine: 1")
    rerun(there, "--check", mine["id"])


def test_a_missing_value_of_a_secret_is_asked_for(maker: Repo):
    row = ran(maker, "--env", "API_TOKEN=s3cr3t-value", 'echo length: "${#API_TOKEN}"')
    told = rerun(maker, row["id"])
    assert "API_TOKEN" in told.stderr
    assert runs(maker)[0]["results"] == {"length": 0}
    rerun(maker, "--check", "--env", "API_TOKEN=another-one1", row["id"])


def test_data_of_another_machine_has_to_be_named(maker: Repo, elsewhere: Elsewhere, tmp_path: Path):
    data = tmp_path / "data"
    data.mkdir()
    (data / "x.csv").write_text("1\n2\n")
    script = 'wc -l <"$DATMO_DATA_DIR/d/x.csv" >lines.txt'
    row = ran(maker, "--data", f"{data}>d", "--", "sh", "-c", script)
    rerun(maker, "--check", row["id"])
    elsewhere.take(maker)
    there = elsewhere.clone()
    datmo("init", cwd=there.path)
    there.git("config", "datmo.runner", "local")
    assert "--data" in rerun(there, "--yes", row["id"], code=2).stderr
    other = tmp_path / "copy"
    other.mkdir()
    (other / "x.csv").write_text("3\n4\n")
    rerun(there, "--yes", "--check", "--data", f"{other}>d", row["id"])


def test_what_cannot_be_repeated(maker: Repo):
    assert "run" in rerun(maker, "abcdef12", code=3).stderr
    made = typed(maker, "snapshot", "create", "-m", "by hand", "--json").json()["id"]
    assert "no run made" in rerun(maker, made, code=3).stderr
    run_id = typed(maker, "run", "-d", "sleep 300").stdout.strip()
    assert "not ended" in typed(maker, "rerun", run_id, code=4).stderr
    typed(maker, "stop", run_id)


@pytest.mark.parametrize("folder", ["../../../../..", "/", "link", "a/../../x", ".git"])
def test_a_forged_folder_does_not_lead_out_of_the_copy(
    maker: Repo, elsewhere: Elsewhere, tmp_path: Path, folder: str
):
    maker.write("sub/a.txt", "1\n")
    (maker.path / "link").symlink_to(tmp_path)
    maker.commit()
    row = ran(maker, "--no-apply", "pwd; echo evil >evil.txt", cwd=maker.path / "sub")
    run_id = forge(maker, row, folder=folder)
    elsewhere.take(maker)
    there = elsewhere.clone()
    datmo("init", cwd=there.path)
    there.git("config", "datmo.runner", "local")
    with untouched(there):
        done = datmo("rerun", "--yes", run_id, cwd=there.path, check=False)
    assert "Traceback" not in done.stderr
    if done.code == 0:
        [where] = [line for line in done.stderr.splitlines() if line.startswith("/")]
        assert "/datmo/pool/" in where
    assert not (tmp_path / "evil.txt").exists()
    assert not (there.git_dir / "evil.txt").exists()


@pytest.mark.parametrize(
    "lies",
    [
        {"resources": {"timeout": "soon"}},
        {"resources": {"ports": 7, "memory": "lots"}},
        {"resources": {"cpus": [1], "network": {}}},
        {"variables": {"A": 5, "B=C": "x", "": "y", "DATMO_TASK_DIR": "z"}},
        {"runner": "moon"},
        {"built": {"image": 5, "chosen": "yes"}},
        {"environment_id": "1" * 40},
        {"before_id": "2" * 40},
        {"command": ["\0"]},
        {"data": ["/etc>x"]},
        {"type": "nonsense", "folder": "x" * 5000},
    ],
    ids=lambda lies: next(iter(lies)),
)
def test_forged_facts_end_in_one_sentence(maker: Repo, elsewhere: Elsewhere, lies: dict[str, Any]):
    row = ran(maker, "echo x: 1")
    run_id = forge(maker, row, **lies)
    elsewhere.take(maker)
    there = elsewhere.clone()
    datmo("init", cwd=there.path)
    there.git("config", "datmo.runner", "local")
    with untouched(there):
        done = datmo("rerun", "--yes", run_id, cwd=there.path, check=False)
    errors = [line for line in done.stderr.splitlines() if line.startswith("error:")]
    assert "Traceback" not in done.stderr
    assert done.code != 70
    assert len(errors) == (0 if done.code == 0 else 1), done.stderr
    assert_clean(there)


def forge(repo: Repo, row: Row, **lies: Any) -> str:
    """The same run once more, saying other things of itself; its id."""
    project = location.find(repo.path)
    facts = {name: row[name] for name in runs_.STORED if name in row} | lies
    facts["id"] = row["id"][::-1]
    with chain.writing(project) as writer:
        oid = runs_.write(project, facts, {}, [row["before_id"], row["after_id"]])
        writer.mention(oid)
        writer.ref(runs_.ref(facts["id"]), oid)
        writer.note(oid, set={"session": row["session_id"]})
    return str(facts["id"])
