"""docs/examples: each project, copied as its README says, does what it says."""

from __future__ import annotations

import importlib.util
import os
import shutil
from pathlib import Path

import pytest

from tests.docs.page import MARKED, assert_it_does_what_it_says
from tests.kit.checks import assert_clean
from tests.kit.git import Repo, run_git

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"
NEEDS = {"notebook": ("sklearn", "nbclient", "ipykernel")}


def needed(*modules: str) -> None:
    """What an example imports is installed; CI must have it, elsewhere the test is skipped."""
    missing = [name for name in modules if importlib.util.find_spec(name) is None]
    if missing and os.environ.get("CI"):
        pytest.fail(f"not installed: {', '.join(missing)}")
    for name in missing:
        pytest.skip(f"{name} is not installed")


def copy(name: str, place: Path) -> Path:
    """The example's folder, as its reader has it."""
    target = place / "irises"
    shutil.copytree(EXAMPLES / name, target)
    return target


@pytest.mark.slow
@pytest.mark.parametrize("name", ["command-line", "python", "notebook", "compare"])
def test_it_does_what_its_readme_says(name: str, tmp_path: Path):
    needed(*NEEDS.get(name, ("sklearn",)))
    folder = copy(name, tmp_path)
    assert_it_does_what_it_says(folder / "README.md", folder)
    assert_clean(Repo(folder))


@pytest.mark.slow
@pytest.mark.docker
def test_the_container(tmp_path: Path, base_image: str):
    # The reader's base image comes from a registry; the test's is made of this machine.
    run_git("config", "--global", "datmo.base.python", base_image)
    folder = copy("container", tmp_path)
    assert_it_does_what_it_says(folder / "README.md", folder, seconds=280)
    for repo in (Repo(folder), Repo(tmp_path / "teammate")):
        assert_clean(repo)
    # What a container wrote belongs to whoever ran it.
    assert (folder / "model.pkl").stat().st_uid == os.getuid()


def test_every_example_is_listed_and_tested():
    named = {path.parent.name for path in EXAMPLES.glob("*/README.md")}
    assert named == {path.name for path in EXAMPLES.iterdir() if path.is_dir()}
    index = (EXAMPLES / "README.md").read_text()
    assert all(f"({name}/README.md)" in index for name in named)
    assert named == {"command-line", "python", "notebook", "container", "compare"}
    assert all(MARKED.search((EXAMPLES / name / "README.md").read_text()) for name in named)
