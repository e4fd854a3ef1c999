"""An executable that stands in for git-datmo and writes down how it was called."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path

PATIENCE = 20  # seconds for a detached process to appear

SCRIPT = """\
#!/bin/sh
cd "${0%/*}" || exit 99
new=$(mktemp -d ./new.XXXXXX)
for word do printf '%s\\0' "$word"; done >"$new/args"
cat >"$new/stdin"
env >"$new/env"
echo "said on stdout"; echo "said on stderr" >&2
ps -o sid= -p $$ >"$new/sid"
mv "$new" "call.${new##*.}"
[ ! -e exit ] || exit "$(cat exit)"
"""


@dataclass(frozen=True)
class Call:
    """One call: its words, standard input, environment, and session."""

    args: list[str]
    stdin: bytes
    env: dict[str, str]
    session: int


@dataclass(frozen=True)
class Fake:
    """The stand-in at `path`, in a folder whose name is hard to quote."""

    path: Path

    @classmethod
    def make(cls, folder: Path) -> Fake:
        home = folder / """it's "the" $HOME `of` \\ a program"""
        home.mkdir()
        path = home / "git-datmo"
        path.write_text(SCRIPT)
        path.chmod(0o755)
        return cls(path)

    @property
    def words(self) -> list[str]:
        """What to install."""
        return [str(self.path)]

    def fail_with(self, code: int) -> None:
        """From now on every call exits with `code`."""
        (self.path.parent / "exit").write_text(str(code))

    def calls(self, least: int = 0) -> list[Call]:
        """The calls so far, oldest first; waits until there are `least` of them."""
        until = time.monotonic() + PATIENCE
        while True:
            found = sorted(
                self.path.parent.glob("call.*"), key=lambda call: call.stat().st_mtime_ns
            )
            if len(found) >= least or time.monotonic() > until:
                break
            time.sleep(0.01)
        assert len(found) >= least, f"{len(found)} calls instead of {least}"
        return [_read(folder) for folder in found]

    def commits(self, least: int = 0) -> list[str]:
        """The commits that post-commit named."""
        return [call.args[-1] for call in self.calls(least) if "post-commit" in call.args]


def _read(folder: Path) -> Call:
    lines = (folder / "env").read_text(errors="surrogateescape").splitlines()
    return Call(
        [os.fsdecode(word) for word in (folder / "args").read_bytes().split(b"\0")[:-1]],
        (folder / "stdin").read_bytes(),
        dict(line.split("=", 1) for line in lines if "=" in line),
        int((folder / "sid").read_text()),
    )
