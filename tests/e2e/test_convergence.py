"""Clones that snapshot, annotate, push, fetch and heal in any order end in one state."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from tests.e2e.team import BOTH, Team, push_plainly, snap, state, update
from tests.kit.checks import assert_clean
from tests.kit.git import Repo
from tests.kit.program import datmo

CLONES = st.sampled_from(["ada", "bob", "eve"])
WAYS = st.sampled_from(["git", "datmo"])


class Sharing(RuleBasedStateMachine):
    """Three clones of one bare repository; every rule is something a person does."""

    @initialize()
    def start(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.team = Team(Path(self.folder.name))
        self.clones = {name: self.team.clone(name) for name in ("ada", "bob", "eve")}
        self.made: dict[str, str] = {}
        self.stats: set[str] = set()
        self.count = 0
        oid = snap(self.clones["ada"], "shared")
        self.made[oid] = "shared"
        push_plainly(self.clones["ada"])

    @rule(name=CLONES)
    def snapshot(self, name: str) -> None:
        self.count += 1
        repo = self.clones[name]
        repo.write("data.txt", f"{self.count}\n")
        self.made[snap(repo, f"{name} {self.count}")] = name

    @rule(name=CLONES)
    def annotate(self, name: str) -> None:
        self.count += 1
        repo = self.clones[name]
        known = sorted(state(repo))
        if known:
            key = f"n{self.count}"
            update(repo, known[0], "--stats", f'{{"{key}": 1}}', "--label", f"{name}{self.count}")
            self.stats.add(key)

    @rule(name=CLONES, how=WAYS)
    def push(self, name: str, how: str) -> None:
        if how == "git":
            push_plainly(self.clones[name])
        else:
            datmo("push", cwd=self.clones[name].path)

    @rule(name=CLONES, how=st.sampled_from(["git", "datmo", "glob", "prune", "force"]))
    def fetch(self, name: str, how: str) -> None:
        repo = self.clones[name]
        match how:
            case "git":
                repo.git("fetch", "-q")
            case "datmo":
                datmo("fetch", cwd=repo.path)
            case "glob":
                # git refuses our own chain when the remote's is behind; that is no loss.
                repo.try_git("fetch", "-q", "origin", BOTH)
            case "prune":
                repo.try_git("fetch", "-q", "--prune", "origin", BOTH)
            case "force":
                repo.git("fetch", "-q", "--prune", "origin", "+" + BOTH)

    @rule(name=CLONES)
    def lose_the_public_ref(self, name: str) -> None:
        repo: Repo = self.clones[name]
        for ref in repo.refs("refs/datmo/notes"):
            repo.git("update-ref", "-d", ref)

    @rule(name=CLONES)
    def lose_the_index(self, name: str) -> None:
        (self.clones[name].git_dir / "datmo" / "index.sqlite").unlink(missing_ok=True)

    def teardown(self) -> None:
        if not hasattr(self, "team"):
            return
        with self.folder:
            for repo in self.clones.values():
                datmo("push", cwd=repo.path)
            for repo in self.clones.values():
                repo.git("fetch", "-q")
            first, *others = (state(repo) for repo in self.clones.values())
            assert set(first) == set(self.made)
            assert self.stats <= {key for row in first.values() for key in row["stats"]}
            assert all(other == first for other in others)
            for repo in self.clones.values():
                assert_clean(repo)


TestSharing = Sharing.TestCase
TestSharing.settings = settings(
    max_examples=3,
    stateful_step_count=10,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)
