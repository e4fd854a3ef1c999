"""Runs that were made elsewhere, recorded from what they left."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from git_datmo.api import elsewhere, fetching, inline, pushing, repetition, run_lookup, runs
from git_datmo.errors import DatmoError, RunUnderWay, ValidationFailed
from git_datmo.model.run import LOST
from git_datmo.records.project import Project
from tests.kit.checks import assert_clean
from tests.kit.git import Repo

POINTS = [b'{"type": "train", "step": %d, "loss": %d.5}\n' % (n, n) for n in range(3)]


def test_a_run_without_snapshots_is_recorded_once(project: Repo, tmp_path: Path):
    here = Project.open(project.path)
    log = tmp_path / "out"
    log.write_bytes(b"x" * 2_000_000)
    facts: dict[str, Any] = {
        "name": "mnist",
        "alternative_name": "mnist_1",
        "status": "failed",
        "points": [*POINTS, b'{"type": "a/b", "z": 1}\n', b"cut o"],
        "log": log,
        "created": 1_700_000_000_000,
        "ended": 1_700_000_060_000,
        "config": {"lr": 0.1, "sizes": (1, 2)},
        "labels": ["x"],
        "description": "of old",
    }
    made = elsewhere.record(here, **facts)
    assert (made.status, made.duration, made.message) == ("failed", 60.0, "mnist")
    assert (made.before_id, made.after_id) == (None, None)
    assert made.config == {"lr": 0.1, "sizes": [1, 2]}
    assert made.metrics["train"] == {"loss": 2.5}
    assert (made.labels, made.description) == (("x",), "of old")
    assert made.read("metrics/train.jsonl") == b"".join(POINTS)
    assert len(made.logs) == 2_000_000
    assert elsewhere.record(here, **facts).commit == made.commit
    assert run_lookup.resolve(here, made.id).alternative_name == "mnist_1"
    assert [run.id for run in runs.ls(here)] == [made.id]
    assert "mnist_1" in str(made.to_dict())
    with pytest.raises(DatmoError, match=r"."):
        repetition.rerun(here, made.id)
    assert_clean(project)


def test_one_that_died_here_is_recorded_as_what_it_was(project: Repo):
    script = (
        "import os, sys\n"
        "from pathlib import Path\n"
        "from git_datmo.api import inline\n"
        "from git_datmo.records.project import Project\n"
        "run = inline.start(Project.open(Path('.')), name='r', alternative_name='r_1')\n"
        '(run.task / \'metrics.jsonl\').write_bytes(b\'{"type": "train", "loss": 1}\\n\')\n'
        "os.kill(os.getpid(), 9)\n"
    )
    subprocess.run([sys.executable, "-c", script], cwd=project.path, check=False)
    here = Project.open(project.path)
    found = elsewhere.record(here, name="r", alternative_name="r_1", status=LOST)
    assert found.status == LOST
    assert found.metrics == {"train": {"loss": 1}}
    assert found.before_id is not None
    assert len(runs.ls(here)) == 1


def test_what_is_not_over_is_not_recorded(project: Repo):
    here = Project.open(project.path)
    with pytest.raises(ValidationFailed, match="no status 'running'"):
        elsewhere.record(here, name="r", alternative_name="r_1", status="running")
    run = inline.start(here, name="r", alternative_name="r_1")
    with pytest.raises(RunUnderWay):
        elsewhere.record(here, name="r", alternative_name="r_1", status=LOST)
    run.finish()
    assert elsewhere.find(here, alternative_name="r_1") is not None
    assert elsewhere.find(here, alternative_name="r_2") is None


def test_it_travels(project: Repo, tmp_path: Path):
    hub = Repo.bare(tmp_path / "hub.git")
    project.git("remote", "add", "origin", str(hub.path))
    here = Project.open(project.path)
    made = elsewhere.record(here, name="r", alternative_name="r_1", status="success", points=POINTS)
    pushing.push(here, "origin")
    there = Project.open(hub.clone(tmp_path / "there").path)
    fetching.fetch(there, "origin")
    found = run_lookup.resolve(there, made.id)
    assert found.metrics == {"train": {"loss": 2.5}}
    hub.git("fsck", "--strict")
