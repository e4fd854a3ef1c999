"""Runs as a user sees them: started from the shell, looked at as documents, sound afterwards."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from tests.kit.checks import assert_clean
from tests.kit.git import Repo
from tests.kit.program import Result, datmo

PROGRAM = [sys.executable, "-m", "git_datmo"]
SECONDS = 60  # how long anything may take to come about

Row = dict[str, Any]


def ran(repo: Repo, *args: str, code: int = 0, cwd: Path | None = None, **more: Any) -> Row:
    """`git datmo run`, which must end with `code` and leave a sound repository; its document."""
    done = datmo("run", "--json", *args, cwd=cwd or repo.path, check=False, **more)
    assert done.code == code, f"exited {done.code}\n{done.stdout}{done.stderr}"
    assert "Traceback" not in done.stderr
    assert_clean(repo)
    row: Row = done.json()
    return row


def typed(repo: Repo, *args: str, code: int = 0) -> Result:
    """Any command of ours, which must end with `code` and leave a sound repository."""
    done = datmo(*args, cwd=repo.path, check=False)
    assert done.code == code, f"{args} exited {done.code}\n{done.stdout}{done.stderr}"
    assert "Traceback" not in done.stderr
    assert_clean(repo)
    return done


def runs(repo: Repo, *args: str) -> list[Row]:
    """`ls`, newest first."""
    found: list[Row] = datmo("ls", *args, "--json", cwd=repo.path).json()
    return found


def inspected(repo: Repo, run_id: str) -> Row:
    """`run inspect`."""
    found: Row = datmo("run", "inspect", run_id, "--json", cwd=repo.path).json()
    return found


def after(repo: Repo, row: Row, path: str) -> bytes:
    """The bytes that git holds for a path in the snapshot after a run."""
    done = subprocess.run(
        ["git", "cat-file", "blob", f"{row['after_id']}:{path}"], cwd=repo.path, capture_output=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def begun(repo: Repo, *args: str, env: Mapping[str, str] | None = None) -> subprocess.Popen[str]:
    """`git datmo run` in the background of the test, with pipes."""
    return subprocess.Popen(
        [*PROGRAM, "run", *args],
        cwd=repo.path,
        env={**os.environ, **(env or {})},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def until(what: Callable[[], object]) -> Any:
    """Wait for something to be true; what it gave."""
    deadline = time.monotonic() + SECONDS
    while not (found := what()):
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.03)
    return found


def ended(repo: Repo, run_id: str) -> Row:
    """Wait until a run is recorded; its document."""

    def look() -> Row | None:
        row = inspected(repo, run_id)
        return row if row["commit"] else None

    found: Row = until(look)
    assert_clean(repo)
    return found


def leftovers(repo: Repo) -> list[str]:
    """Runs that still have a folder of their own."""
    place = repo.common_dir / "datmo" / "runs"
    return sorted(path.name for path in place.iterdir()) if place.exists() else []
