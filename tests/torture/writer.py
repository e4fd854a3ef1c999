"""Writes without end and says what it has written: `python writer.py BUG KINDS COUNT NAME`.

KINDS is a word of letters, s(napshot), a(rtifact), r(un), u(pdate of the first snapshot), that is
gone through again and again. A line `KIND ID` on stdout acknowledges one. BUG is `-` for none.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from git_datmo.api import artifact, location, snapshot
from tests.torture import bad

PROGRAM = (sys.executable, __file__)


def words(kinds: str, count: int, name: str = "w", bug: str = "-") -> list[str]:
    """The words that start it."""
    return [*PROGRAM, bug, kinds, str(count), name]


def write(kind: str, name: str, target: str) -> str:
    """Write one thing; its commit, or what it set."""
    here = location.find(Path.cwd())
    try:
        if kind == "s":
            Path(f"{os.getpid()}.txt").write_text(name)
            Path(f"{os.getpid()}.bin").write_bytes(os.urandom(5_000))
            return str(snapshot.create(here, message=name, stats={"name": name}).id)
        if kind == "a":
            Path("model.bin").write_bytes(os.urandom(5_000))
            return str(artifact.create(here, name="model", paths=["model.bin"], message=name).id)
        if kind == "u":
            snapshot.update(here, target, stats={name: name})
            return name
    finally:
        here.let_go()
        here.index.close()
    task = ["sh", "-c", "head -c 5000 /dev/urandom >out.bin"]
    done = subprocess.run(
        [sys.executable, "-m", "git_datmo", "run", "--runner", "local", "--json", "--", *task],
        check=True,
        capture_output=True,
        text=True,
    )
    return str(json.loads(done.stdout)["commit"])


def main(bug: str, kinds: str, count: str, name: str) -> None:
    """Write `count` times, or for ever when it is 0."""
    if bug != "-":
        bad.BUGS[bug]()
    target, number = os.environ.get("TARGET", ""), 0
    while number < int(count) or count == "0":
        kind = kinds[number % len(kinds)]
        done = write(kind, f"{name}{number}", target)
        sys.stdout.write(f"{kind} {done}\n")
        sys.stdout.flush()
        number += 1


if __name__ == "__main__":
    main(*sys.argv[1:])
