"""Doctor beside writers, and doctor killed anywhere: nothing is lost, and the next one goes on.

All points run with TORTURE=full; else a sample spread over them.
"""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from git_datmo.model.checkup import LEFT
from git_datmo.records import layout
from tests.e2e.team import large, snap, state
from tests.kit.git import Repo
from tests.kit.sickness import assert_well, look, old, told
from tests.torture import strace
from tests.torture.campaign import chosen

pytestmark = pytest.mark.torture

SAMPLE = 4
DOCTOR = [sys.executable, "-m", "git_datmo", "doctor", "--full"]
WRITERS, TURNS = 8, 3
WRITE = """
from pathlib import Path
from git_datmo.api import location, snapshot
for turn in range({turns}):
    project = location.find(Path.cwd())
    print(snapshot.create(project, message="beside", config=dict(n={number}, t=turn)).id)
"""


@pytest.fixture
def project(project: Repo) -> Repo:
    """A project with a snapshot whose large file is kept."""
    project.git("config", "datmo.autoSnapshot", "false")
    project.git("config", "gc.auto", "0")
    project.write("model.bin", large(1))
    project.commit()
    snap(project, "kept")
    return project


def hurt(repo: Repo) -> bytes:
    """Do some of everything to it; what must still be somewhere afterwards."""
    git, ours = repo.git_dir, repo.git_dir / "datmo"
    [notes] = repo.refs(layout.NOTES)
    secret = os.urandom(19).hex().encode()
    (git / notes).write_bytes(secret)
    for name in repo.refs(layout.SNAPSHOTS):
        (git / name).write_bytes(b"")
    (git / "refs/datmo/snapshots/a b").write_text(repo.head() + "\n")
    (git / "refs/datmo/odd").mkdir(exist_ok=True)
    (git / "refs/datmo/odd/x").write_text(repo.head() + "\n")
    (ours / "index.sqlite").write_bytes(b"garbage " * 1000)
    (git / "hooks" / "pre-push").unlink()
    for file in (git / "packed-refs.lock", ours / "store" / "tmp-abc", ours / "tmp-pack-abc"):
        file.touch()
        old(file)
    for file in (ours / "store").glob("??/*"):
        file.chmod(0o644)
        file.write_bytes(large(1)[:-1])
    return secret


@strace.needed
def test_killed_at_mutating_calls(project: Repo) -> None:
    before = state(project)
    hurt(project)
    points = strace.points(DOCTOR, project.path, project.git_dir)
    assert len(points) > 40
    killed = 0
    for point in chosen(points, SAMPLE):
        secret = hurt(project)
        killed += strace.strike(DOCTOR, project.path, project.git_dir, point, strace.KILL).effective
        assert look(project, full=True).ok, f"after a kill at {point.line}"
        assert_well(project, full=True)
        assert state(project) == before
        kept = (project.git_dir / "datmo" / "aside").rglob("*")
        assert any(path.is_file() and path.read_bytes() == secret for path in kept)
    assert killed > 2


def test_beside_eight_writers(project: Repo) -> None:
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", WRITE.format(turns=TURNS, number=number)],
            cwd=project.path,
            stdout=subprocess.PIPE,
            text=True,
        )
        for number in range(WRITERS)
    ]
    rounds = 0
    while any(writer.poll() is None for writer in writers):
        found = look(project, dry=bool(rounds % 2))
        assert [one for one in told(found) if one.state == LEFT] == []
        # Nothing was wrong, so a doctor that saw something looked at what was only half done.
        assert told(found) == []
        rounds += 1
    made = set()
    for writer in writers:
        with writer:
            made.update(writer.communicate()[0].split())
        assert writer.returncode == 0
    assert rounds > 1
    assert len(made) == WRITERS * TURNS
    assert made <= state(project).keys()
    assert_well(project, full=True)
