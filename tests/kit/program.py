"""The program, as a process of its own: what a user would see."""

from __future__ import annotations

import functools
import itertools
import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.kit.spawner import Spawner

TIMEOUT = 120  # seconds; a test that waits longer waits for something that will not come


STARTED: set[tuple[str, ...]] = set()


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
    data = (input.encode() if isinstance(input, str) else input) or b""
    changed = {**os.environ, **(env or {})}
    environment = {name: value for name, value in changed.items() if value is not None}
    words = [os.fspath(arg) for arg in args]
    spawner = loaded()
    if is_first(words) or not spawner.suits(environment):
        done = subprocess.run(
            [sys.executable, "-m", "git_datmo", *words],
            cwd=cwd,
            input=data,
            env=environment,
            capture_output=True,
            timeout=TIMEOUT,
        )
    else:
        done = spawner.run(
            "git_datmo", words, cwd=cwd, env=environment, input=data, timeout=TIMEOUT
        )
    out, err = (os.fsdecode(stream) for stream in (done.stdout, done.stderr))
    assert not check or done.returncode == 0, (
        f"git-datmo {' '.join(words)} exited {done.returncode}\n{out}{err}"
    )
    return Result(out, err, done.returncode)


@functools.cache
def loaded() -> Spawner:
    """The process that the program's processes come from."""
    return Spawner()


def is_first(words: Sequence[str]) -> bool:
    """Whether a command was not yet started here: then it starts as it does for a user, by a new
    interpreter, and a module that it forgot to import is seen."""
    command = tuple(itertools.takewhile(str.isalpha, words[:2]))
    seen = command in STARTED
    STARTED.add(command)
    return not seen
