"""Scripts for t9k.em as their users keep them, started as those start them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.kit.git import Repo
from tests.kit.program import datmo

SCRIPTS = Path(__file__).parent / "scripts"
CHANGED = (
    ("from t9k import em", "from git_datmo import em"),
    ("import t9k.em as em", "import git_datmo.compat.em as em"),
    ("from t9k.em.", "from git_datmo.compat.em."),
)


@dataclass
class Done:
    """What a script left behind."""

    stdout: str
    stderr: str

    @property
    def lines(self) -> list[str]:
        return self.stdout.splitlines()

    @property
    def last(self) -> Any:
        """The document that its last line is."""
        return json.loads(self.lines[-1])


@dataclass
class Desk:
    """A folder that scripts are started in: as they are, or with one line changed."""

    path: Path
    changed: bool
    env: dict[str, str] = field(default_factory=dict)

    def run(self, name: str, *words: str, code: int = 0, env: Mapping[str, str] = {}) -> Done:
        """Start `scripts/<name>`; its exit code must be `code`."""
        done = subprocess.run(
            [*self.command(name), *words],
            cwd=self.path,
            env={**os.environ, **self.env, **env},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert done.returncode == code, f"exit code {done.returncode}\n{done.stdout}{done.stderr}"
        return Done(done.stdout, done.stderr)

    def command(self, name: str) -> list[str]:
        """How a script is started."""
        if not self.changed:
            return [sys.executable, "-m", "git_datmo.compat.em", str(SCRIPTS / name)]
        text = (SCRIPTS / name).read_text()
        for old, new in CHANGED:
            text = text.replace(old, new)
        assert "t9k" not in text.replace("t9k.ah", ""), "more than the import line would change"
        # Beside the scripts' own files, and outside of what is recorded.
        here = self.path.parent / "changed"
        here.mkdir(exist_ok=True)
        (here / "config.yaml").write_bytes((SCRIPTS / "config.yaml").read_bytes())
        (here / name).write_text(text)
        return [sys.executable, str(here / name)]

    def runs(self, **where: str) -> list[dict[str, Any]]:
        """What `git datmo run ls` lists, the oldest first."""
        found: list[dict[str, Any]] = datmo("run", "ls", "--json", cwd=self.path).json()
        return sorted(found, key=lambda run: str(run["created_at"]))

    def one(self) -> dict[str, Any]:
        """The only run that there is, with all that is known about it."""
        listed = self.runs()
        assert len(listed) == 1, listed
        return self.inspect(listed[0]["id"])

    def inspect(self, run: str) -> dict[str, Any]:
        found: dict[str, Any] = datmo("run", "inspect", run, "--json", cwd=self.path).json()
        return found

    def artifacts(self) -> list[dict[str, Any]]:
        """What `git datmo artifact ls` lists."""
        found: list[dict[str, Any]] = datmo("artifact", "ls", "--json", cwd=self.path).json()
        return found

    def nodes(self, folder: str) -> list[dict[str, Any]]:
        """What `git datmo em ls` finds in a folder of the remote."""
        found: list[dict[str, Any]] = datmo("em", "ls", folder, "--json", cwd=self.path).json()
        return found

    def sound(self) -> None:
        """Nothing is damaged, here and in git's own eyes."""
        repo = Repo(self.path)
        repo.git("fsck", "--strict")
        datmo("fsck", cwd=self.path)
