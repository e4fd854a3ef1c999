"""Kill `git datmo run` anywhere: what the task did is recorded by whoever comes next.

All points run with TORTURE=full; else a sample spread over them.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.kit.checks import assert_clean
from tests.kit.git import Repo
from tests.kit.program import datmo
from tests.torture.test_kills import CALLS, chosen

pytestmark = [
    pytest.mark.torture,
    pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed"),
]

SAMPLE = 8
SETTLE_SECONDS = 30.0
# Says a number, leaves it in a small and a large file, and says elsewhere that it is done.
TASK = """
echo "number: $1"
echo "$1" >out.txt
head -c 1200000 /dev/zero >large.bin
echo "$1" >>large.bin
: >"$2"
"""


@pytest.fixture
def project(project: Repo) -> Repo:
    project.write("task.sh", TASK)
    project.write("code.py", "print(1)\n")
    project.commit()
    return project


def command(number: int, marker: Path) -> list[str]:
    task = ["sh", "task.sh", str(number), str(marker)]
    return [sys.executable, "-m", "git_datmo", "run", "--runner", "local", "--", *task]


def traced(repo: Repo, number: int, marker: Path, *options: str) -> int:
    """One run under strace, its own process only; the exit code."""
    done = subprocess.run(
        ["strace", "-qq", "-o", "/dev/null", *options, *command(number, marker)],
        cwd=repo.path,
        capture_output=True,
        check=False,
        timeout=120,
    )
    return done.returncode


def kinds(log: str) -> list[tuple[str, int]]:
    """Each call of a trace, and how many of its kind there were up to it: what strace counts."""
    seen: dict[str, int] = {}
    found = []
    for line in log.splitlines():
        name = line.partition("(")[0].rpartition(" ")[2]
        if "(" in line and name in CALLS.split(","):
            seen[name] = seen.get(name, 0) + 1
            found.append((name, seen[name]))
    return found


def settled(repo: Repo) -> list[dict[str, Any]]:
    """The runs, once none is under way any more."""
    deadline = time.monotonic() + SETTLE_SECONDS
    while True:
        runs: list[dict[str, Any]] = datmo("run", "ls", "--json", cwd=repo.path).json()
        if all(run["ended"] for run in runs):
            return runs
        assert time.monotonic() < deadline, f"still under way: {runs}"
        time.sleep(0.05)


def test_killed_at_mutating_calls(project: Repo, tmp_path: Path) -> None:
    log = tmp_path / "strace.log"
    traced(project, 0, tmp_path / "marker", "-o", str(log), "-e", f"trace={CALLS}")
    calls = kinds(log.read_text(errors="replace"))
    assert len(calls) > 20
    killed = 0
    known = {run["id"] for run in settled(project)}
    for point in chosen(len(calls), SAMPLE):
        call, count = calls[point - 1]
        marker = tmp_path / f"marker-{point}"
        inject = f"inject={call}:signal=KILL:when={count}"
        code = traced(project, point, marker, "-e", inject)
        killed += code == -signal.SIGKILL
        new = [run for run in settled(project) if run["id"] not in known]
        known |= {run["id"] for run in new}
        assert len(new) <= 1, "one run was recorded twice"
        if marker.exists():
            [run] = new
            assert run["results"]["number"] == point
            assert project.git("show", f"{run['after_id']}:out.txt") == str(point)
            assert run["status"] in ("success", "lost")
        elif new:
            assert new[0]["status"] == "lost"
        if code == 0:
            assert new[0]["status"] == "success"
        left = [path.name for path in (project.git_dir / "datmo" / "runs").iterdir()]
        assert [name for name in left if not name.startswith(".new-")] == []
        for reserved in (project.git_dir / "datmo" / "pool").glob("*/flight"):
            assert not Path(reserved.read_text()).exists(), "nobody can use this slot any more"
        assert_clean(project)
    assert killed > SAMPLE // 2
    last = datmo("run", "--runner", "local", "--", "sh", "task.sh", "-1", "/dev/null")
    assert "number: -1" in last.stdout
    assert len(list((project.git_dir / "datmo" / "pool").iterdir())) == 1


@pytest.mark.parametrize("wait", [0.05, 0.3, 0.6, 1.0])
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
