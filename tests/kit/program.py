"""The program, as a process of its own: what a user would see."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

TIMEOUT = 120  # seconds; a test that waits longer waits for something that will not come


@dataclass(frozen=True)
class Result:
    """What a run of the program left behind. Text that is not UTF-8 is surrogate-escaped."""

    stdout: str
    stderr: str
    code: int

    def json(self) -> Any:
        """The one JSON document that `--json` prints."""
        return json.loads(self.stdout)

    def jsonl(self) -> list[Any]:
        """The documents that `--jsonl` prints, one a line."""
        return [json.loads(line) for line in self.stdout.splitlines()]


def datmo(
    *args: str | os.PathLike[str],
    cwd: Path | None = None,
    input: str | bytes | None = None,
    check: bool = True,
    env: Mapping[str, str | None] | None = None,
) -> Result:
    """Run `git-datmo`; `env` adds variables to the test's own, or with None takes them away.

    With `check` any exit code but 0 fails the test. Stdin is empty unless `input` is given.
    """
    data = input.encode() if isinstance(input, str) else input
    changed = {**os.environ, **(env or {})}
    words = [os.fspath(arg) for arg in args]
    done = subprocess.run(
        [sys.executable, "-m", "git_datmo", *words],
        cwd=cwd,
        input=data or b"",
        env={name: value for name, value in changed.items() if value is not None},
        capture_output=True,
        timeout=TIMEOUT,
    )
    out, err = (os.fsdecode(stream) for stream in (done.stdout, done.stderr))
    assert not check or done.returncode == 0, (
        f"git-datmo {' '.join(words)} exited {done.returncode}\n{out}{err}"
    )
    return Result(out, err, done.returncode)
