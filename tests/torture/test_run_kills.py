"""Kill and fail `git datmo run` anywhere: what the task did is recorded by whoever comes next.

All points run with TORTURE=full; else a sample spread over them.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.kit.checks import assert_clean
from tests.kit.git import Repo
from tests.torture import bad, strace
from tests.torture.campaign import FULL, Campaign
from tests.torture.checker import Checker
from tests.torture.sweep import Runs, settled, sweep

pytestmark = [pytest.mark.torture, strace.needed]


@pytest.fixture
def project(project: Repo) -> Repo:
    project.write("task.sh", Runs.TASK)
    project.commit()
    return project


@pytest.mark.parametrize(
    ("fault", "sample"), [(strace.KILL, 9), ("error=ENOSPC", 3), ("error=EIO", 3)]
)
def test_killed_at_mutating_calls(
    campaign: Campaign, project: Repo, fault: str, sample: int
) -> None:
    sweep(campaign, Checker(project, fixed=False), Runs(project), fault=fault, sample=sample)
    campaign.assert_sound(effective=sample * 2 // 3, acknowledged=0)
    assert len(list((project.git_dir / "datmo" / "pool").iterdir())) == 1


def test_the_harness_notices_content_that_comes_last(campaign: Campaign, project: Repo) -> None:
    """The control: a run that is recorded before what it left is stored."""
    subject = Runs(project, bad.program("content-last"))
    sweep(campaign, Checker(project, fixed=False), subject, where=r"rename\(.*datmo/runs", sample=2)
    campaign.assert_harmed("incomplete")


@pytest.mark.parametrize("wait", [0.05, 0.3, 0.6, 1.0] if FULL else [0.3, 0.8])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_told_to_end_it_ends_the_task_and_records_that(
    project: Repo, tmp_path: Path, wait: float, number: signal.Signals
) -> None:
    marker = tmp_path / "marker"
    script = f'trap "" HUP; echo one: 1; : >{marker}; sleep 60'
    words = [
        sys.executable,
        "-m",
        "git_datmo",
        "run",
        "--runner",
        "local",
        "--",
        "sh",
        "-c",
        script,
    ]
    started = subprocess.Popen(
        words, cwd=project.path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    time.sleep(wait)
    started.send_signal(number)
    started.wait(60)
    runs = settled(project)
    assert len(runs) <= 1
    if marker.exists():
        assert [run["status"] for run in runs] == ["stopped"]
        assert runs[0]["results"] == {"one": 1}
        assert not any(str(marker).encode() in line for line in processes())
    assert_clean(project)


def processes() -> list[bytes]:
    """The command lines of all processes."""
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit() and folder.name != str(os.getpid()):
            try:
                found.append((folder / "cmdline").read_bytes())
            except OSError:
                continue
    return found
