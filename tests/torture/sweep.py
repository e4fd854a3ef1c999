"""A program that meets one fault after the other, and is looked at after each."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

from git_datmo.api import snapshot
from tests.kit.git import Repo
from tests.kit.program import datmo
from tests.torture import strace
from tests.torture.campaign import Campaign, chosen
from tests.torture.checker import Checker, Harm
from tests.torture.strace import Struck
from tests.torture.world import opened

GOOD = (sys.executable, "-m", "git_datmo")
SETTLE_SECONDS = 60.0
SMALL = 5_000  # bytes; more than datmo.largeFile where these run


class Subject(Protocol):
    """What is tried: a program in a repository, again and again on something new."""

    repo: Repo
    family: bool
    dead: set[str]
    """What was deleted, whose content may be gone."""

    def prepare(self, number: int) -> Sequence[str]:
        """Make something to do; the words to do it."""
        ...

    def said(self, struck: Struck) -> list[str]:
        """The commits that it said to have recorded."""
        ...

    def after(self) -> Harm:
        """Wait for what it left running; the harm that only this subject can see."""
        ...


def sweep(
    campaign: Campaign,
    checker: Checker,
    subject: Subject,
    *,
    fault: str = strace.KILL,
    sample: int,
    where: str = "",
    acknowledged: set[str] | None = None,
) -> set[str]:
    """Let `subject` meet `fault` at so many of its calls, of those whose line `where` fits.

    Returns all that was acknowledged.
    """
    known = acknowledged if acknowledged is not None else set()
    repo, family = subject.repo, subject.family
    below = repo.path.parent
    # The first of all makes what the others find.
    subprocess.run(subject.prepare(-1), cwd=repo.path, capture_output=True, check=False)
    campaign.harm.add(subject.after())
    checker.settle()
    campaign.harm.add(checker.check(known, dead=subject.dead))
    found = strace.points(subject.prepare(0), repo.path, below, fault, family=family)
    campaign.harm.add(subject.after())
    for point in chosen([one for one in found if re.search(where, one.line)], sample):
        campaign.injected += 1
        words = subject.prepare(campaign.injected)
        checker.settle()
        struck = strace.strike(words, repo.path, below, point, fault, family=family)
        campaign.harm.add(subject.after())
        campaign.effective += struck.effective
        assert "Traceback" not in struck.stderr, (point, struck.stderr)
        said = subject.said(struck)
        known |= {*said}
        harm = checker.check(known, faults=campaign.injected, dead=subject.dead)
        if harm:
            harm.incomplete.append(f"at {point}: {struck}")
        campaign.harm.add(harm)
    campaign.acknowledged += len(known)
    return known


def ids(text: str) -> dict[str, str]:
    """The commits in the JSON document that a program printed, if it came so far."""
    try:
        said = json.loads(text)
    except ValueError:
        return {}
    names = ("id", "commit", "before_id", "after_id")
    return {n: said[n] for n in names if len(str(said.get(n) or "")) == 40}


class Snapshots:
    """`snapshot create` of a small and a large file that changed."""

    family = False

    def __init__(self, repo: Repo, program: Sequence[str] = GOOD) -> None:
        self.repo, self.program, self.dead = repo, program, set[str]()

    def prepare(self, number: int) -> Sequence[str]:
        self.repo.write("code.py", f"print({time.time_ns()})\n")
        self.repo.write("large.bin", os.urandom(SMALL))
        return [*self.program, "snapshot", "create", "-m", f"at {number}", "--json"]

    def said(self, struck: Struck) -> list[str]:
        return [*ids(struck.stdout).values()]

    def after(self) -> Harm:
        return Harm()


class Collections(Snapshots):
    """`gc` with content to free, and content to keep."""

    def prepare(self, number: int) -> Sequence[str]:
        self.repo.git("config", "datmo.gcGrace", "0")
        for name in ("a", "b", "c"):
            self.repo.write(f"d/{name}", os.urandom(SMALL))
        with opened(self.repo) as project:
            made = snapshot.create(project, message=f"to go {time.time_ns()}")
        with opened(self.repo) as project:
            snapshot.delete(project, str(made.id))
        self.dead.add(str(made.id))
        shutil.rmtree(self.repo.path / "d")
        return [*self.program, "gc"]

    def said(self, struck: Struck) -> list[str]:
        return []


class Runs(Snapshots):
    """`run` of a task that leaves a small and a large file, and says outside that it is done."""

    TASK = """
        echo "number: $1"
        echo "$1" >out.txt
        head -c 5000 /dev/urandom >large.bin
        : >"$2"
    """

    def __init__(self, repo: Repo, program: Sequence[str] = GOOD) -> None:
        super().__init__(repo, program)
        repo.write("task.sh", self.TASK)
        # The first makes the copy of the project that the others find.
        datmo("run", "--runner", "local", "--", "sh", "task.sh", "0", os.devnull, cwd=repo.path)
        self.known = {run["id"] for run in settled(repo)}
        self.number, self.marker = 0, repo.path

    def prepare(self, number: int) -> Sequence[str]:
        self.number, self.marker = number, self.repo.path.parent / f"marker{number}"
        task = ["sh", "task.sh", str(number), str(self.marker)]
        return [*self.program, "run", "--runner", "local", "--json", "--", *task]

    def said(self, struck: Struck) -> list[str]:
        return [*ids(struck.stdout).values()]

    def after(self) -> Harm:
        """One record of what was done, no less and no more, and nothing left in the way."""
        harm = Harm()
        new = [run for run in settled(self.repo) if run["id"] not in self.known]
        self.known |= {run["id"] for run in new}
        if len(new) > 1:
            harm.incomplete.append(f"one run was recorded {len(new)} times")
        if self.marker.exists():
            if not new:
                harm.lost.append(f"task {self.number} was done, and no run says so")
            for run in new:
                out = self.repo.try_git("show", f"{run['after_id']}:out.txt").stdout
                if (run["results"], out) != ({"number": self.number}, f"{self.number}\n"):
                    harm.incomplete.append(f"task {self.number}: {run}")
        home = self.repo.common_dir / "datmo"
        left = [path.name for path in (home / "runs").iterdir()]
        harm.bricked += [name for name in left if not name.startswith(".new-")]
        for reserved in (home / "pool").glob("*/flight"):
            if Path(reserved.read_text()).exists():
                harm.bricked.append(f"nobody can use {reserved.parent} any more")
        return harm


def settled(repo: Repo) -> list[dict[str, Any]]:
    """The runs, once none is under way any more."""
    deadline = time.monotonic() + SETTLE_SECONDS
    while True:
        runs: list[dict[str, Any]] = datmo("run", "ls", "--json", cwd=repo.path).json()
        if all(run["ended"] for run in runs):
            return runs
        assert time.monotonic() < deadline, f"still under way: {runs}"
        time.sleep(0.05)
