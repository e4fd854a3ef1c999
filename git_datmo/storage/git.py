"""Running the git program, in an environment that the caller's variables cannot bend."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from git_datmo.errors import GitFailed

# What `git rev-parse --local-env-vars` lists in git 2.39, and what later versions added.
LOCAL_VARIABLES = (
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_CONFIG",
    "GIT_CONFIG_PARAMETERS",
    "GIT_CONFIG_COUNT",
    "GIT_OBJECT_DIRECTORY",
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_IMPLICIT_WORK_TREE",
    "GIT_GRAFT_FILE",
    "GIT_INDEX_FILE",
    "GIT_NO_REPLACE_OBJECTS",
    "GIT_REPLACE_REF_BASE",
    "GIT_PREFIX",
    "GIT_SHALLOW_FILE",
    "GIT_COMMON_DIR",
    "GIT_INTERNAL_SUPER_PREFIX",
    "GIT_QUARANTINE_PATH",
    "GIT_REFERENCE_BACKEND",
)

# No hook, monitor or pager of the repository runs because we asked git a question.
SAFE_OPTIONS = (
    "-c",
    "core.hooksPath=/dev/null",
    "-c",
    "core.fsmonitor=false",
    "-c",
    "safe.bareRepository=explicit",
    "-c",
    "core.quotePath=false",
)


def environment(base: Mapping[str, str] | None = None) -> dict[str, str]:
    """The process environment without the variables that tie git to one repository."""
    env = dict(os.environ if base is None else base)
    for name in LOCAL_VARIABLES:
        env.pop(name, None)
    env["LC_ALL"] = "C"
    env["GIT_OPTIONAL_LOCKS"] = "0"
    return env


def given() -> dict[str, str]:
    """The configuration of `git -c key=value datmo …`, which travels in variables."""
    return {name: value for name, value in os.environ.items() if name.startswith("GIT_CONFIG_")}


@dataclass
class Git:
    """The git program, bound to one repository. `work_tree` is None in a bare one."""

    git_dir: Path
    work_tree: Path | None
    env: dict[str, str] = field(default_factory=environment)

    def command(self, args: Sequence[str], *, safe: bool = True) -> list[str]:
        """The full argument list for `args`."""
        options = ["git", "--git-dir", str(self.git_dir)]
        if self.work_tree is not None:
            options += ["--work-tree", str(self.work_tree)]
        if safe:
            options += SAFE_OPTIONS
        return [*options, *args]

    def start(
        self,
        *args: str,
        env: Mapping[str, str] | None = None,
        stdin: int | None = subprocess.DEVNULL,
        safe: bool = True,
    ) -> subprocess.Popen[bytes]:
        """Start git and return at once; the caller reads its output and waits for it."""
        return subprocess.Popen(
            self.command(args, safe=safe),
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=self.work_tree or self.git_dir,
            env={**self.env, **(env or {})},
        )

    def run(
        self,
        *args: str,
        data: bytes | None = None,
        env: Mapping[str, str] | None = None,
        codes: Sequence[int] = (0,),
        safe: bool = True,
    ) -> bytes:
        """Run git, give it `data` on standard input, return what it printed.

        Raises GitFailed when the exit code is not among `codes`.
        """
        code, out, err = self.attempt(*args, data=data, env=env, safe=safe)
        if code not in codes:
            raise failure(args, code, err)
        return out

    def attempt(
        self,
        *args: str,
        data: bytes | None = None,
        env: Mapping[str, str] | None = None,
        safe: bool = True,
    ) -> tuple[int, bytes, bytes]:
        """Run git and return its exit code, output and error output."""
        done = subprocess.run(
            self.command(args, safe=safe),
            input=b"" if data is None else data,
            capture_output=True,
            cwd=self.work_tree or self.git_dir,
            env={**self.env, **(env or {})},
            check=False,
        )
        return done.returncode, done.stdout, done.stderr

    def stream(self, *args: str, env: Mapping[str, str] | None = None) -> int:
        """Run git with the caller's own terminal (network commands, which show progress)."""
        return subprocess.run(
            self.command(args, safe=True),
            cwd=self.work_tree or self.git_dir,
            env={**self.env, **(env or {})},
            check=False,
        ).returncode


def failure(args: Sequence[str], code: int, stderr: bytes) -> GitFailed:
    """What to raise for a git command that ended with `code`."""
    said = stderr.decode(errors="replace").strip()
    verb = next((a for a in args if not a.startswith("-") and "=" not in a), "git")
    return GitFailed(f"git {verb} failed (exit {code}): {said or 'no message'}", stderr=said)
