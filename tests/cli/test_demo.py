"""`git datmo demo`: it works for somebody who has nothing, and what it prints can be typed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from git_datmo.api import demo as verbs
from git_datmo.errors import Conflict, DatmoError
from tests.kit.checks import assert_clean, work_tree
from tests.kit.git import Repo
from tests.kit.program import datmo

PROGRAM = Path(sys.executable).with_name("git-datmo")
IDENTITY = ("AUTHOR_NAME", "AUTHOR_EMAIL", "COMMITTER_NAME", "COMMITTER_EMAIL")
NOBODY: dict[str, str | None] = dict.fromkeys(f"GIT_{name}" for name in IDENTITY)


@pytest.fixture
def nobody(tmp_path: Path) -> dict[str, str]:
    """An environment without identity or git-datmo on PATH, with settings that are in the way."""
    home = tmp_path / "nobody"
    home.mkdir()
    (home / ".config" / "git").mkdir(parents=True)
    (home / ".config" / "git" / "ignore").write_text("*.csv\n*.json\n")
    (home / ".gitconfig").write_text("[commit]\n\tgpgSign = true\n[core]\n\tautocrlf = input\n")
    return {"HOME": str(home), "PATH": "/usr/local/bin:/usr/bin:/bin", "GIT_CONFIG_NOSYSTEM": "1"}


def test_what_it_prints_can_be_typed(tmp_path: Path, nobody: dict[str, str]):
    ran = subprocess.run(
        [PROGRAM, "demo"], cwd=tmp_path, env=nobody, capture_output=True, text=True, timeout=60
    )
    assert (ran.returncode, ran.stderr) == (0, "")
    made = Repo(tmp_path / "git-datmo-demo")
    assert_clean(made)
    assert made.git("log", "--format=%an <%ae> %s") == (
        "git-datmo demo <demo@example.com> Classify penguins"
    )

    script = ran.stdout.partition("What to try next")[2].partition("\n")[2]
    assert "export PATH=" in script
    typed = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=tmp_path,
        env=nobody,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert typed.returncode == 0, typed.stdout + typed.stderr
    assert "my own try" in typed.stdout
    assert (tmp_path / "best" / "decision_map.csv").stat().st_size > 1024 * 1024
    assert_clean(made)


def test_it_leaves_a_project_with_its_snapshots(tmp_path: Path):
    done = datmo("demo", "here", cwd=tmp_path, env=NOBODY)
    made = Repo(tmp_path / "here")
    listed = datmo("snapshot", "ls", "--json", "--sort", "-stats.accuracy", cwd=made.path).json()
    assert {one["label"] for one in listed} == set(verbs.TRIALS)
    assert listed[0]["stats"]["accuracy"] > 0.95 > listed[-1]["stats"]["accuracy"]
    assert {one["session"] for one in listed} == {"penguins"}
    assert all(one["config"]["features"] and one["environment_id"] for one in listed)
    assert len({one["file_collection_id"] for one in listed}) == len(listed)
    tree = made.tree(listed[0]["id"])
    pointer = made.git("cat-file", "blob", tree["decision_map.csv"].split(" ")[-1])
    assert pointer.startswith("git-datmo pointer 1\n")
    assert listed[0]["id"][:12] in done.stdout
    runs = datmo("run", "ls", "--json", cwd=made.path).json()
    assert [one["label"] for one in runs] == [None, *reversed(list(verbs.TRIALS))]
    assert {one["status"] for one in runs} == {"success"}
    assert runs[0]["rerun_of"] == runs[1]["id"]
    assert runs[0]["after_id"] == runs[1]["after_id"] == listed[0]["id"]
    assert f"repeats {runs[1]['id'][:12]}: the same" in done.stdout
    assert "accuracy  0.7282 -> 0.9806" in done.stdout
    assert datmo("status", "--json", cwd=made.path).json()["clean"] is True
    assert_clean(made)


def test_it_ignores_the_repository_it_is_started_in(repo: Repo):
    repo.write("mine.txt", "mine")
    before = repo.refs()
    datmo("demo", cwd=repo.path, env={"GIT_DIR": str(repo.git_dir)})
    assert repo.refs() == before
    assert not (repo.git_dir / "datmo").exists()
    assert (repo.path / "git-datmo-demo" / ".git" / "datmo").is_dir()


@pytest.mark.parametrize("kind", ["folder", "file"])
def test_it_refuses_what_is_taken(tmp_path: Path, kind: str):
    taken = tmp_path / "taken"
    if kind == "folder":
        taken.mkdir()
        (taken / "thesis.txt").write_text("years of work")
    else:
        taken.write_text("years of work")
    before = work_tree(tmp_path)
    done = datmo("demo", "taken", cwd=tmp_path, check=False)
    assert done.code == 4
    assert "taken" in done.stderr
    assert done.stdout == ""
    assert work_tree(tmp_path) == before


def test_an_empty_folder_will_do_and_steps_are_reported_as_they_happen(tmp_path: Path):
    heard: list[object] = []
    done = verbs.demo(directory=tmp_path, report=heard.append)
    assert tuple(heard) == done.steps
    assert done.best.label == "flipper"
    assert [made.label for made in done.snapshots] == list(verbs.TRIALS)
    with pytest.raises(Conflict):
        verbs.demo(directory=tmp_path)


@pytest.mark.parametrize("there", [True, False])
def test_nothing_stays_when_it_fails(tmp_path: Path, there: bool):
    folder = tmp_path / "demo"
    if there:
        folder.mkdir()

    def fail(step: object) -> None:
        if os.path.exists(folder / "model.json"):
            raise DatmoError("enough")

    with pytest.raises(DatmoError, match="enough"):
        verbs.demo(directory=folder, report=fail)
    assert folder.exists() is there
    assert not there or not any(folder.iterdir())
