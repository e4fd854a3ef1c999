"""Clones and remotes in any order of events: everybody ends in one state, and nothing is lost.

What people do, what git does to refs, copies and backups of clones, remotes changed by hand, and
pushes that are killed. TORTURE=full tries many more, and longer, histories.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from git_datmo.api import remote as sharing
from git_datmo.records import layout
from tests.kit.git import Repo
from tests.torture.world import REMOTES, World, copied, opened

FULL = os.environ.get("TORTURE", "") == "full"
NAMES = st.sampled_from(["ada", "bob", "eve"])
REMOTE = st.sampled_from(REMOTES)
GLOB = "refs/datmo/*"
BOTH = "refs/datmo/*:refs/datmo/*"


class Sharing(RuleBasedStateMachine):
    """Two clones, later a copy of one, and two bare remotes."""

    @initialize()
    def start(self) -> None:
        self.folder = tempfile.TemporaryDirectory(prefix="sharing-")
        self.world = World(Path(self.folder.name))
        for name in ("ada", "bob"):
            self.world.clones[name] = self.world.clone(name)
        self.backup: tuple[str, int] | None = None
        self.world.snapshot("ada", large=True)

    def name(self, wanted: str) -> str:
        """The clone that is meant: eve is there once somebody was copied."""
        return wanted if wanted in self.world.clones else "ada"

    def repo(self, wanted: str) -> Repo:
        return self.world.clones[self.name(wanted)]

    @rule(name=NAMES, large=st.booleans())
    def snapshot(self, name: str, large: bool) -> None:
        self.world.snapshot(self.name(name), large=large)

    @rule(name=NAMES, which=st.integers(0, 9), label=st.booleans())
    def update(self, name: str, which: int, label: bool) -> None:
        known = self.world.known(self.name(name))
        if known:
            self.world.update(self.name(name), known[which % len(known)], label=label)

    @rule(name=NAMES, which=st.integers(0, 9), back=st.booleans())
    def delete(self, name: str, which: int, back: bool) -> None:
        known = self.world.known(self.name(name), deleted=back)
        if known:
            self.world.delete(self.name(name), known[which % len(known)], back=back)

    @rule(name=NAMES, remote=REMOTE, how=st.sampled_from(["datmo", "git", "mirror of refs"]))
    def push(self, name: str, remote: str, how: str) -> None:
        repo = self.repo(name)
        if how == "datmo":
            with opened(repo) as found:
                sharing.push(found, remote)
        else:
            # Others' refs that a plain fetch brought are stale here, and git says so: push again.
            spec = GLOB if how == "git" else BOTH
            repo.try_git("push", "-q", remote, spec)
            repo.try_git("push", "-q", remote, spec)

    @rule(name=NAMES, remote=REMOTE, wait=st.floats(0, 0.6), plainly=st.booleans())
    def push_that_is_killed(self, name: str, remote: str, wait: float, plainly: bool) -> None:
        words = [sys.executable, "-m", "git_datmo", "push", remote]
        started = subprocess.Popen(
            ["git", "push", remote, GLOB] if plainly else words,
            cwd=self.repo(name).path,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        time.sleep(wait)
        if started.poll() is None:
            os.killpg(started.pid, signal.SIGKILL)
        started.wait()

    @rule(
        name=NAMES,
        remote=REMOTE,
        how=st.sampled_from(["datmo", "content", "git", "prune", "glob", "pruned glob", "forced"]),
    )
    def fetch(self, name: str, remote: str, how: str) -> None:
        repo = self.repo(name)
        match how:
            case "datmo" | "content":
                with opened(repo) as found:
                    sharing.pull(found, remote, content=how == "content")
            case "git":
                repo.git("fetch", "-q", remote)
            case "prune":
                repo.git("fetch", "-q", "--prune", remote)
            case "glob":
                # git refuses our own chain when the remote's is behind; that is no loss.
                repo.try_git("fetch", "-q", remote, BOTH)
            case "pruned glob":
                repo.try_git("fetch", "-q", "--prune", remote, BOTH)
            case "forced":
                repo.git("fetch", "-q", "--prune", remote, "+" + BOTH)

    @rule(where=st.sampled_from(["ada", "bob", "eve", *REMOTES]))
    def collect_garbage(self, where: str) -> None:
        repo = self.world.hubs.get(where) or self.repo(where)
        repo.git("gc", "-q", "--prune=now")

    @rule(name=NAMES, what=st.sampled_from(["public ref", "local ref", "index", "snapshot refs"]))
    def lose(self, name: str, what: str) -> None:
        repo = self.repo(name)
        prefixes = {
            "public ref": layout.NOTES,
            "local ref": layout.LOCAL_TIP,
            "snapshot refs": layout.SNAPSHOTS,
        }
        if what == "index":
            (repo.git_dir / "datmo" / "index.sqlite").unlink(missing_ok=True)
            return
        # Whoever takes all names of a chain away has taken the chain: each command heals them.
        assert self.world.current_ref(self.name(name)) in repo.refs(layout.NOTES)
        for ref in repo.refs(prefixes[what]):
            repo.git("update-ref", "-d", ref)
        assert self.world.current_ref(self.name(name)) in repo.refs(layout.NOTES)

    @precondition(lambda self: "eve" not in self.world.clones)
    @rule(name=st.sampled_from(["ada", "bob"]))
    def copy(self, name: str) -> None:
        path = self.world.root / "eve"
        copied(self.world.clones[name].path, path)
        self.world.clones["eve"] = Repo(path)

    @rule(name=NAMES)
    def back_up(self, name: str) -> None:
        copied(self.repo(name).path, self.world.root / "backup")
        self.backup = self.name(name), len(self.world.said)

    @precondition(lambda self: self.backup is not None)
    @rule()
    def set_back_to_the_backup(self) -> None:
        assert self.backup is not None
        name, since = self.backup
        self.world.doubt(name, since=since)
        copied(self.world.root / "backup", self.world.clones[name].path)

    @rule(name=NAMES, remote=REMOTE, how=st.sampled_from(["delete", "rewind", "names"]))
    def change_the_remote_by_hand(self, name: str, remote: str, how: str) -> None:
        """What happens to refs whose maker is still there is healed by the maker's next push."""
        hub = self.world.hubs[remote]
        own = self.world.current_ref(self.name(name))
        if how == "names":
            for ref in hub.refs(layout.SNAPSHOTS):
                hub.git("update-ref", "-d", ref)
        elif own in hub.refs(layout.NOTES):
            if how == "delete":
                hub.git("update-ref", "-d", own)
            else:
                hub.try_git("update-ref", own, f"{own}~1")  # its first commit has none

    def teardown(self) -> None:
        if not hasattr(self, "world"):
            return
        try:
            self.world.assert_converged()
        finally:
            self.folder.cleanup()


def test_the_harness_notices_a_loss(tmp_path: Path) -> None:
    """The control: all names of a chain are taken away before anybody else has it."""
    world = World(tmp_path)
    for name in ("ada", "bob"):
        world.clones[name] = world.clone(name)
    world.snapshot("ada", large=True)
    repo = world.clones["ada"]
    for ref in repo.refs("refs/datmo", layout.LOCAL):
        repo.git("update-ref", "-d", ref)
    (repo.git_dir / "datmo" / "index.sqlite").unlink()
    with pytest.raises(AssertionError, match="is lost"):
        world.assert_converged()


TestSharing = Sharing.TestCase
TestSharing.settings = settings(
    max_examples=200 if FULL else 4,
    stateful_step_count=40 if FULL else 20,
    deadline=None,
    database=None,
    phases=[Phase.explicit, Phase.generate, Phase.shrink] if FULL else [Phase.generate],
    suppress_health_check=list(HealthCheck),
)
pytestmark = [
    pytest.mark.torture,
    pytest.mark.skipif(shutil.which("git-datmo") is None, reason="git-datmo is not on PATH"),
]
