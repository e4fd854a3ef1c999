"""Kill and fail `artifact create` and `get`: a version is there whole or not at all, so is a file.

All points run with TORTURE=full; else a sample spread over them.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from git_datmo.api import artifact as artifacts
from git_datmo.api import location
from git_datmo.model.artifact import Artifact
from tests.kit.checks import assert_clean, untouched
from tests.kit.git import Repo
from tests.torture.test_kills import CALLS, chosen

pytestmark = [
    pytest.mark.torture,
    pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed"),
]
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


def traced(repo: Repo, *words: str, trace: str, log: str = "/dev/null") -> tuple[int, str, str]:
    """One command under strace: its exit code, what it said, and what went wrong."""
    strace = ["strace", "-f", "-qq", "-o", log, "-e", trace]
    done = subprocess.run(
        [*strace, sys.executable, "-m", "git_datmo", "artifact", *words],
        cwd=repo.path,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    return done.returncode, done.stdout, done.stderr


def points(repo: Repo, tmp_path: Path, *words: str) -> int:
    """How many mutating calls a command makes."""
    log = tmp_path / "strace.log"
    traced(repo, *words, trace=f"trace={CALLS}", log=str(log))
    return sum(1 for line in log.read_text(errors="replace").splitlines() if "(" in line)


def listed(repo: Repo) -> list[Artifact]:
    return artifacts.ls(location.find(repo.path), name="x", all=True)


@pytest.mark.parametrize("what", ["signal=KILL", "error=ENOSPC"])
def test_create(project: Repo, source: Path, tmp_path: Path, what: str) -> None:
    total = points(project, tmp_path, "create", "x", str(source), "-m", "dry")
    assert total > 15
    acknowledged, ended = {"dry"}, 0
    for point in chosen(total, 4):
        (source / "large").write_bytes(content := os.urandom(LARGE))
        message = f"at {point}"
        with untouched(project):
            code, out, err = traced(
                project,
                *("create", "x", str(source), "-m", message),
                trace=f"inject={CALLS}:{what}:when={point}",
            )
        ended += code == -signal.SIGKILL if what == "signal=KILL" else code != 0
        assert "Traceback" not in err, err
        if "Created" in out and code == 0:
            acknowledged.add(message)
        found = {one.message: one for one in listed(project)}
        assert acknowledged <= found.keys()
        assert sorted(one.version for one in found.values()) == list(range(len(found)))
        if message in found:
            assert found[message].files == SMALL + 1
            assert found[message].read("large") == content
        made = artifacts.create(location.find(project.path), name="x", references=["r=s3://b"])
        artifacts.update(location.find(project.path), artifact=made.id, message=f"after {point}")
        acknowledged.add(f"after {point}")
        assert_clean(project)
        assert list((project.git_dir / "refs").rglob("*.lock")) == []
    assert ended > 1


def test_get(project: Repo, source: Path, tmp_path: Path) -> None:
    artifacts.create(location.find(project.path), name="x", paths=[str(source)])
    content = (source / "large").read_bytes()
    views = project.git_dir / "datmo" / "views"
    for words in (("--into", "out"), ()):
        shutil.rmtree(views, ignore_errors=True)
        total = points(project, tmp_path, "get", "x", *words)
        killed = 0
        for point in chosen(total, 4):
            shutil.rmtree(project.path / "out", ignore_errors=True)
            shutil.rmtree(views, ignore_errors=True)
            code, _, _ = traced(
                project, "get", "x", *words, trace=f"inject={CALLS}:signal=KILL:when={point}"
            )
            killed += code == -signal.SIGKILL
            target = project.path / "out"
            if target.exists() and (target / "large").exists():
                assert (target / "large").read_bytes() == content
            place = Path(artifacts.get(location.find(project.path), artifact="x").path)
            assert len(list(place.rglob("*"))) == SMALL + 2
            assert (place / "large").read_bytes() == content
            again = artifacts.get(location.find(project.path), artifact="x", into=target)
            assert (Path(again.path) / "sub" / "69").read_text() == "69"
        assert killed > 0
