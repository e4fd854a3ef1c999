"""The steps that make an environment: run one by one, their output shown and kept."""

from __future__ import annotations

import shlex
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from git_datmo.errors import EngineError
from git_datmo.runners.base import Report

PIP = ("-m", "pip", "install")
# Options of `pip install` that `uv pip install` takes and means alike.
ALIKE = frozenset(
    {
        *("-r", "--requirement", "-c", "--constraint", "-e", "--editable", "--no-deps"),
        *("--require-hashes", "--no-index", "-f", "--find-links", "-U", "--upgrade"),
        *("-i", "--index-url", "--extra-index-url", "--no-build-isolation", "-q", "--quiet"),
    }
)


class Steps:
    """Runs steps with `variables`; their output goes to `log` and, line by line, to `report`."""

    def __init__(self, name: str, log: Path, report: Report, variables: Mapping[str, str]) -> None:
        self._name = name
        self._log = log
        self._report = report
        self._variables = variables

    def run(self, words: Sequence[str], cwd: Path) -> None:
        """Run one step. Raises EngineError when it fails or cannot be started."""
        shown = shlex.join(words)
        self._report(shown)
        last = ""
        with open(self._log, "ab") as log:
            log.write(f"$ {shown}\n".encode(errors="surrogateescape"))
            log.flush()
            try:
                child = subprocess.Popen(
                    words,
                    cwd=cwd,
                    env=self._variables,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT,
                )
            except OSError as error:
                raise self._failed(shown, f"cannot be started: {error.strerror}") from error
            with child:
                assert child.stdout is not None
                try:
                    for line in child.stdout:
                        log.write(line)
                        text = line.decode(errors="replace").rstrip()
                        self._report(text)
                        last = text or last
                except BaseException:
                    child.kill()
                    raise
        if child.returncode:
            said = f": {last}" if last else ""
            raise self._failed(shown, f"failed with exit code {child.returncode}{said}")

    def _failed(self, shown: str, how: str) -> EngineError:
        return EngineError(
            f"environment {self._name[:12]}: `{shown}` {how}",
            hint=f"all that was said is in {self._log}",
        )


def uv_form(uv: str, python: str, words: Sequence[str]) -> list[str] | None:
    """A `python -m pip install …` as uv does it faster; None where it may mean something else."""
    if words[0] == "uv":
        return [uv, *words[1:]]
    if tuple(words[1:4]) != PIP:
        return None
    rest = list(words[4:])
    options = [word.partition("=")[0] for word in rest if word.startswith("-")]
    if not all(option in ALIKE for option in options):
        return None
    return [uv, "pip", "install", "--python", python, *rest]
