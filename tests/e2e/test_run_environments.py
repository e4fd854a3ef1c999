"""Runs in environments of their own: named, selected, generated, and made again elsewhere."""

from __future__ import annotations

import sys
import zipfile
from pathlib import Path

import pytest

from tests.e2e.task import ran, typed
from tests.kit.checks import untouched
from tests.kit.git import Repo
from tests.kit.program import datmo

SCRIPT = "import petals\nprint('petals:', petals.COUNT)\nopen('out.txt', 'w').write('5')\n"
WHEEL = "petals-1.0-py3-none-any.whl"


def wheel(folder: Path) -> Path:
    """A package that no index has: it can only come from the environment's files."""
    path = folder / WHEEL
    path.parent.mkdir(parents=True, exist_ok=True)
    info = "petals-1.0.dist-info"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("petals.py", "COUNT = 5\n")
        archive.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: petals\nVersion: 1.0\n")
        archive.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr(f"{info}/RECORD", "petals.py,,\n")
    return path


@pytest.fixture
def garden(project: Repo) -> Repo:
    """A project whose script needs a package that only an environment called `garden` has."""
    project.write("count.py", SCRIPT)
    wheel(project.path.parent / "defs")
    (project.path.parent / "defs" / "requirements.txt").write_text(f"./{WHEEL}\n")
    datmo("environment", "create", "--paths", "../defs", "--name", "garden")
    return project


def test_on_the_machine_a_named_environment_is_made_once(garden: Repo):
    assert datmo("run", "--runner", "local", "--", "python", "count.py", check=False).code == 1
    words = ("--runner", "local", "--environment-id", "garden", "--", "python", "count.py")
    first = datmo("run", *words)
    assert "making" in first.stderr
    assert "petals: 5" in first.stdout
    second = datmo("run", *words)
    assert "making" not in second.stderr
    assert "petals: 5" in second.stdout
    row = datmo("run", "inspect", "latest", "--json").json()
    garden_id = datmo("environment", "inspect", "garden", "--json").json()["id"]
    assert row["environment_id"] == garden_id
    assert row["results"] == {"petals": 5}


def test_a_selected_environment_is_that_of_every_run_and_of_reruns(garden: Repo, tmp_path: Path):
    garden.git("config", "datmo.runner", "local")
    datmo("environment", "select", "garden")
    row = ran(garden, "python", "count.py")
    assert row["results"] == {"petals": 5}
    datmo("environment", "select", "--none")
    assert typed(garden, "rerun", "--check", row["id"]).code == 0
    bare = Repo.bare(tmp_path / "remote.git")
    garden.git("remote", "add", "origin", str(bare.path))
    datmo("push")
    other = bare.clone(tmp_path / "other")
    datmo("init", "--force", cwd=other.path)
    datmo("fetch", cwd=other.path)
    assert typed(other, "rerun", "--check", "--yes", row["id"]).code == 0


def test_what_a_process_cannot_be_is_refused_before_anything_runs(project: Repo):
    project.write("count.py", "open('ran', 'w')")
    datmo("environment", "setup", "--framework", "r-base")
    done = datmo("run", "--runner", "local", "--", "python", "count.py", check=False)
    assert (done.code, done.stdout) == (6, "")
    assert "--runner docker" in done.stderr
    assert not (project.path / "ran").exists()


def test_in_a_container_a_named_environment(garden: Repo, base_image: str):
    garden.git("config", "datmo.base.python", base_image)
    words = ("--environment-id", "garden", "--", "python3", "count.py")
    row = ran(garden, *words)
    assert (row["runner"], row["results"]) == ("docker", {"petals": 5})
    assert garden.read("out.txt") == b"5"
    assert row["built"]["image"].startswith("sha256:")
    again = datmo("run", *words)
    assert "Step" not in again.stderr


def test_in_a_container_where_nothing_is_declared(project: Repo, base_image: str):
    project.git("config", "datmo.base.python", base_image)
    project.write("count.py", "import os, not_there_at_all\n")
    project.write("plain.py", "import sys\nprint('major:', sys.version_info.major)\n")
    with untouched(project):
        done = datmo("run", "--runner", "docker", "--", "python3", "plain.py")
    assert done.stdout == "major: 3\n"
    assert "not_there_at_all (count.py)" in done.stderr
    row = datmo("run", "inspect", "latest", "--json").json()
    shown = datmo("environment", "inspect", row["environment_id"], "--json").json()
    assert shown["contents"] == {"requirements.txt": ""}
    before = datmo("snapshot", "inspect", row["before_id"], "--json").json()
    assert before["environment_id"] == row["environment_id"]
    assert not (project.path / "requirements.txt").exists()


def test_declared_files_win_over_imports(project: Repo, base_image: str):
    project.git("config", "datmo.base.python", base_image)
    project.write("plain.py", "import click\n")
    project.write("requirements.txt", "")
    row = ran(project, "--runner", "docker", "--", "true")
    shown = datmo("environment", "inspect", row["environment_id"], "--json").json()
    assert shown["files"] == ["requirements.txt"]
    assert "python" not in shown
    assert datmo("snapshot", "-m", "x", "--json").json()["environment_id"] == row["environment_id"]


def test_imports_are_looked_up_again_only_when_something_changed(project: Repo, base_image: str):
    project.git("config", "datmo.base.python", base_image)
    project.write("plain.py", "import nowhere_one\n")
    words = ("run", "--runner", "docker", "--", "true")
    assert "nowhere_one" in datmo(*words).stderr
    assert "nowhere_one" in datmo(*words).stderr
    project.write("plain.py", "import nowhere_two\n")
    said = datmo(*words).stderr
    assert "nowhere_two" in said
    assert "nowhere_one" not in said


@pytest.mark.skipif(sys.platform != "linux", reason="the test's image is made of this machine")
def test_a_containerfile_is_enough(project: Repo, base_image: str):
    project.write("Containerfile", f"FROM {base_image}\nENV MARK=7\n")
    row = ran(project, "echo mark: $MARK")
    assert (row["runner"], row["results"]) == ("docker", {"mark": 7})
