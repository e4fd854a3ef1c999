"""`git datmo rerun` of a program with settings: the same, near enough, or with new ones."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.kit.checks import assert_clean
from tests.kit.git import Repo
from tests.kit.program import datmo

TRAIN = """\
import argparse, json
parser = argparse.ArgumentParser()
parser.add_argument("--lr", type=float, default=0.1)
given = parser.parse_args()
scale = json.load(open("config.json"))["net"]["scale"]
print("accuracy:", given.lr * scale)
open("model.txt", "w").write(f"{given.lr} {scale}")
"""
CONFIG = '{\n  "net": {"scale": 2},   "seed": 7\n}\n'
PYTHON = Path(sys.executable).name


@pytest.fixture
def trained(project: Repo) -> Repo:
    project.git("config", "datmo.runner", "local")
    project.write("train.py", TRAIN)
    project.write("config.json", CONFIG)
    project.commit()
    datmo("run", "--label", "first", "--", PYTHON, "train.py", "--lr", "0.5")
    return project


def test_the_same_again_beside_an_edited_tree(trained: Repo):
    trained.write("train.py", "raise SystemExit(1)")
    done = datmo("rerun", "first", "--check")
    assert "the same" in done.stdout
    assert "Files     1 of 1 equal" in done.stdout
    assert trained.read("train.py") == b"raise SystemExit(1)", "the work tree stays as it is"
    again = datmo("rerun", "first", "--check", "--json").json()
    assert again["comparison"]["equal"] is True
    assert again["run"]["rerun_of"] == again["original"]["id"] == again["comparison"]["original"]
    assert again["settings"] == []
    assert_clean(trained)


def test_new_settings_in_command_and_file(trained: Repo):
    found = datmo("rerun", "first", "--set", "lr=0.25", "--set", "net.scale=8", "--json").json()
    assert found["settings"] == [
        {"key": "lr", "place": "command", "before": 0.5, "after": 0.25},
        {"key": "net.scale", "place": "config.json", "before": 2, "after": 8},
    ]
    assert found["run"]["command"][1:] == ["train.py", "--lr", "0.25"]
    assert found["run"]["config"] == {"net": {"scale": 8}, "seed": 7, "lr": 0.25}
    assert found["run"]["results"] == {"accuracy": 2.0}
    assert found["comparison"]["equal"] is False
    (change,) = found["comparison"]["results"]["different"]
    assert change == {
        "key": "accuracy", "kind": "changed",
        "before": 1.0, "after": 2.0, "delta": 1.0, "percent": 100.0,
    }  # fmt: skip
    kept = trained.git("show", f"{found['run']['after_id']}:config.json")
    assert kept == CONFIG.replace("2}", "8}").strip()
    assert trained.read("config.json") == CONFIG.encode()


def test_check_tells_a_difference(trained: Repo):
    done = datmo("rerun", "first", "--set", "lr=0.501", "--check", check=False)
    assert done.code == 1
    assert "accuracy  1.0 -> 1.002  (+0.002, +0.2%)" in done.stdout
    words = ("--ignore", "files:model.txt", "--rtol", "0.01", "--check", "--quiet")
    near = datmo("rerun", "first", "--set", "lr=0.501", *words)
    assert "within the tolerance" in near.stdout
    assert near.stderr == ""


def test_inside_a_shells_text(trained: Repo):
    datmo("run", "--label", "text", f"{PYTHON} train.py --lr '0.5' | tee out.txt")
    done = datmo("rerun", "text", "--set", "lr=3", "--json").json()
    assert done["run"]["command"] == ["sh", "-c", f"{PYTHON} train.py --lr 3 | tee out.txt"]
    assert done["run"]["results"] == {"accuracy": 6.0}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--set", "rate=1"], "there is no setting 'rate'"),
        (["--set", "lr"], "write --set key=value"),
        (["--set", "net=1"], "net is a group of settings"),
        (["--rtol", "-1"], "--rtol"),
        (["--rtol", "nan"], "tolerance"),
    ],
)
def test_what_cannot_be_set_runs_nothing(trained: Repo, words: list[str], said: str):
    done = datmo("rerun", "first", *words, check=False)
    assert done.code == 2
    assert said in done.stderr
    assert len(datmo("run", "ls", "--jsonl").jsonl()) == 1


def test_a_programs_own_run_is_repeated_as_a_task(project: Repo):
    project.git("config", "datmo.runner", "local")
    project.write(
        "own.py",
        "import git_datmo as datmo\n"
        "with datmo.start_run('own', config={'lr': 1}) as run:\n"
        "    run.log(loss=0.5)\n"
        "    open('made.txt', 'w').write('x')\n",
    )
    subprocess.run([sys.executable, "own.py"], cwd=project.path, check=True)
    found = datmo("rerun", "latest", "--check", "--json").json()
    assert (found["original"]["type"], found["run"]["type"]) == ("inline", "script")
    assert found["run"]["metrics"] == {"default": {"loss": 0.5}}
    assert found["run"]["config"] == {"lr": 1}
