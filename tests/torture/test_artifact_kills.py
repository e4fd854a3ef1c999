"""Kill and fail `artifact create` and `get`: a version is there whole or not at all, so is a file.

All points run with TORTURE=full; else a sample spread over them.
"""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import pytest

from git_datmo.api import artifact as artifacts
from git_datmo.api import location
from git_datmo.model.artifact import Artifact
from tests.kit.checks import untouched
from tests.kit.git import Repo
from tests.torture import strace
from tests.torture.campaign import Campaign, chosen
from tests.torture.checker import Checker

pytestmark = [pytest.mark.torture, strace.needed]
LARGE = 3_000
SMALL = 70  # files: more than are written one by one


@pytest.fixture
def source(project: Repo) -> Path:
    """A folder outside of the project with a large file and many small ones."""
    project.git("config", "datmo.largeFile", "2k")
    folder = project.path.parent / "source"
    (folder / "sub").mkdir(parents=True)
    for number in range(SMALL):
        (folder / "sub" / str(number)).write_text(str(number))
    (folder / "large").write_bytes(os.urandom(LARGE))
    return folder


def words(*more: str) -> list[str]:
    return [sys.executable, "-m", "git_datmo", "artifact", *more]


def listed(repo: Repo) -> list[Artifact]:
    return artifacts.ls(location.find(repo.path), name="x", all=True)


@pytest.mark.parametrize("fault", [strace.KILL, "error=ENOSPC"])
def test_create(campaign: Campaign, project: Repo, source: Path, fault: str) -> None:
    below = project.path.parent
    checker, commits = Checker(project), set[str]()
    artifacts.create(location.find(project.path), name="x", paths=[str(source)], message="dry")
    (source / "large").write_bytes(os.urandom(LARGE))
    dry = words("create", "x", str(source), "-m", "once more")
    known = strace.points(dry, project.path, below, fault)
    assert len(known) > 15
    acknowledged = {"dry", "once more"}
    for number, point in enumerate(chosen(known, 4)):
        (source / "large").write_bytes(content := os.urandom(LARGE))
        message = f"at {number}"
        asked = words("create", "x", str(source), "-m", message)
        with untouched(project):
            struck = strace.strike(asked, project.path, below, point, fault)
        campaign.injected += 1
        campaign.effective += struck.effective
        assert "Traceback" not in struck.stderr, struck.stderr
        if "Created" in struck.stdout and struck.code == 0:
            acknowledged.add(message)
        found = {one.message: one for one in listed(project)}
        assert acknowledged <= found.keys()
        assert sorted(one.version for one in found.values()) == list(range(len(found)))
        if message in found:
            assert found[message].files == SMALL + 1
            assert found[message].read("large") == content
        made = artifacts.create(location.find(project.path), name="x", references=["r=s3://b"])
        artifacts.update(location.find(project.path), artifact=made.id, message=f"after {number}")
        acknowledged.add(f"after {number}")
        commits |= {str(made.id), *(str(found[one].id) for one in acknowledged & found.keys())}
        campaign.harm.add(checker.check(commits, faults=campaign.injected))
    campaign.acknowledged = len(commits)
    campaign.assert_sound(effective=2)


def test_the_harness_notices_content_that_is_gone(
    campaign: Campaign, project: Repo, source: Path
) -> None:
    """The control: a version whose large file somebody took away."""
    made = artifacts.create(location.find(project.path), name="x", paths=[str(source)])
    [content] = (project.git_dir / "datmo" / "store").glob("??/*")
    content.unlink()
    campaign.injected = campaign.effective = campaign.acknowledged = 1
    campaign.harm.add(Checker(project).check({str(made.id)}))
    campaign.assert_harmed("incomplete")


def test_get(campaign: Campaign, project: Repo, source: Path) -> None:
    artifacts.create(location.find(project.path), name="x", paths=[str(source)])
    content = (source / "large").read_bytes()
    views = project.git_dir / "datmo" / "views"
    below = project.path.parent
    for where in (("--into", "out"), ()):
        shutil.rmtree(views, ignore_errors=True)
        asked = words("get", "x", *where)
        known = strace.points(asked, project.path, below)
        for point in chosen(known, 3):
            shutil.rmtree(project.path / "out", ignore_errors=True)
            shutil.rmtree(views, ignore_errors=True)
            campaign.injected += 1
            campaign.effective += strace.strike(
                asked, project.path, below, point, strace.KILL
            ).effective
            target = project.path / "out"
            if target.exists() and (target / "large").exists():
                assert (target / "large").read_bytes() == content
            place = Path(artifacts.get(location.find(project.path), artifact="x").path)
            assert len(list(place.rglob("*"))) == SMALL + 2
            assert (place / "large").read_bytes() == content
            again = artifacts.get(location.find(project.path), artifact="x", into=target)
            assert (Path(again.path) / "sub" / "69").read_text() == "69"
    assert campaign.effective > 2
