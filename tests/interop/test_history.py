"""git's housekeeping, and everything that rewrites or drops history: no snapshot is lost."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.e2e.team import Team, large, push_plainly, snap, state, update
from tests.kit.checks import assert_clean, assert_git_clean
from tests.kit.git import Repo, run_git
from tests.kit.program import datmo

CHORES = [
    ["gc", "--quiet", "--aggressive", "--prune=now"],
    ["pack-refs", "--all", "--prune"],
    ["repack", "-q", "-a", "-d"],
    ["repack", "-q", "-A", "-d", "--write-bitmap-index"],
    ["maintenance", "run", "--quiet", "--task=gc", "--task=commit-graph"],
    ["maintenance", "run", "--quiet", "--task=loose-objects", "--task=incremental-repack"],
    ["maintenance", "run", "--quiet", "--task=prefetch"],
    ["multi-pack-index", "write"],
    ["prune", "--expire=now"],
    ["reflog", "expire", "--expire=now", "--all"],
]


def test_no_chore_of_gits_takes_anything_away(team: Team, maker: Repo) -> None:
    datmo("run", "--", "true", cwd=maker.path)
    for number, words in enumerate(CHORES):
        before = state(maker)
        maker.git(*words)
        assert state(maker) == before, words
        maker.write("n.txt", str(number))
        snap(maker, f"after {words[0]}")
        assert len(state(maker)) == len(before) + 1, words
        team.origin.git(*words)
    assert_clean(maker)
    datmo("push", cwd=maker.path)
    for words in CHORES:
        team.origin.git(*words)
    assert_git_clean(team.origin)
    reader = team.clone("reader")
    datmo("pull", cwd=reader.path)
    assert state(reader) == state(maker)


def test_a_snapshot_outlives_its_branch(team: Team, maker: Repo) -> None:
    maker.git("checkout", "-q", "-b", "side")
    maker.write("side.txt", "side")
    maker.commit("on the side")
    maker.write("unsaved.txt", "unsaved")
    mine = snap(maker, "on the side")
    maker.git("clean", "-qfd")
    maker.git("checkout", "-q", "main")
    maker.git("branch", "-q", "-D", "side")
    maker.git("reflog", "expire", "--expire=now", "--all")
    maker.git("gc", "-q", "--prune=now")
    push_plainly(maker)
    reader = team.clone("reader")
    reader.git("fetch", "-q")
    datmo("snapshot", "checkout", mine, cwd=reader.path)
    assert (reader.read("side.txt"), reader.read("unsaved.txt")) == (b"side", b"unsaved")
    assert_clean(reader)


def test_a_rebase_leaves_snapshots_where_they_stand(team: Team, maker: Repo) -> None:
    maker.git("checkout", "-q", "-b", "topic")
    maker.write("topic.txt", "topic")
    maker.git("add", "topic.txt")
    maker.git("commit", "-q", "-m", "topic")
    mine = snap(maker, "on topic")
    maker.git("checkout", "-q", "main")
    maker.write("main.txt", "main")
    maker.git("add", "main.txt")
    maker.git("commit", "-q", "-m", "main")
    before = state(maker)
    maker.git("rebase", "-q", "main", "topic")
    maker.git("reflog", "expire", "--expire=now", "--all")
    maker.git("gc", "-q", "--prune=now")
    after = state(maker)
    assert {oid: after[oid] for oid in before} == before
    target = team.root / "out"
    datmo("snapshot", "checkout", mine, "--into", target, cwd=maker.path)
    assert not (target / "main.txt").exists()
    assert (target / "topic.txt").read_bytes() == b"topic"
    assert_clean(maker)


@pytest.mark.parametrize("refs", ["all", "branches"])
def test_rewriting_all_history_leaves_our_refs(team: Team, maker: Repo, refs: str) -> None:
    maker.write("code.txt", "code")
    maker.git("add", "code.txt")
    maker.git("commit", "-q", "-m", "secret")
    snap(maker, "second")
    run = datmo("run", "--json", "--", "true", cwd=maker.path).json()["id"]
    datmo("push", cwd=maker.path)
    before, kept = state(maker), maker.refs("refs/datmo", "refs/datmo-local")
    maker.git("stash", "-qu")
    maker.git("filter-branch", "-f", "--msg-filter", "sed s/secret/public/", "--", f"--{refs}")
    if refs == "all":
        assert maker.refs("refs/datmo") != {n: o for n, o in kept.items() if "/datmo/" in n}
    assert state(maker) == before
    assert maker.refs("refs/datmo", "refs/datmo-local") == kept
    for ref in maker.refs("refs/original"):
        maker.git("update-ref", "-d", ref)
    maker.git("fetch", "-q")
    maker.git("reflog", "expire", "--expire=now", "--all")
    maker.git("gc", "-q", "--prune=now")
    assert state(maker) == before
    assert datmo("run", "ls", "--json", cwd=maker.path).json()[0]["id"] == run
    update(maker, "best", "--message", "newer")
    push_plainly(maker)
    reader = team.clone("reader")
    datmo("pull", cwd=reader.path)
    assert state(reader) == state(maker)
    assert_clean(maker)
    assert_clean(reader)


@pytest.mark.parametrize("flag", ["--shared", "--reference", "--no-local", "--local", "--bare"])
def test_every_way_to_clone(team: Team, maker: Repo, tmp_path: Path, flag: str) -> None:
    words = [flag, str(team.origin.path)] if flag == "--reference" else [flag]
    made = Repo(tmp_path / "made")
    run_git("clone", "-q", *words, str(team.origin.path), str(made.path))
    if flag == "--bare":
        made.git("fetch", "-q", "origin", "refs/datmo/*:refs/datmo/*")
    else:
        datmo("init", cwd=made.path)
        datmo("pull", cwd=made.path)
    assert state(made) == state(maker)
    datmo("snapshot", "checkout", "best", "--into", tmp_path / "out", cwd=made.path)
    assert (tmp_path / "out/data/large.bin").read_bytes() == large(1)
    if flag != "--bare":
        made.write("mine.txt", "mine")
        mine = snap(made, "mine")
        made.git("gc", "-q", "--prune=now")
        datmo("push", cwd=made.path)
        assert mine in state(made)
    assert_clean(made)


def test_a_clone_dissolved_from_its_alternate_keeps_all(
    team: Team, maker: Repo, tmp_path: Path
) -> None:
    made = Repo(tmp_path / "made")
    run_git("clone", "-q", "--shared", str(maker.path), str(made.path))
    datmo("init", cwd=made.path)
    datmo("pull", cwd=made.path)
    made.write("mine.txt", "mine")
    snap(made, "mine")
    before = state(made)
    made.git("repack", "-qad")
    (made.git_dir / "objects/info/alternates").unlink()
    shutil.rmtree(maker.path)
    assert state(made) == before
    assert_git_clean(made)


def test_a_shallow_fetch_cuts_chains_and_loses_nothing(team: Team, maker: Repo) -> None:
    maker.write("two.txt", "two")
    snap(maker, "two")
    datmo("push", cwd=maker.path)
    made = Repo(team.root / "made")
    run_git("clone", "-q", "--depth", "1", f"file://{team.origin.path}", str(made.path))
    datmo("init", cwd=made.path)
    made.git("fetch", "-q", "--depth", "1")
    datmo("pull", cwd=made.path)
    assert state(made) == state(maker)
    update(maker, "best", "--message", "newer")
    datmo("push", cwd=maker.path)
    made.git("fetch", "-q", "--depth", "1")
    assert state(made) == state(maker)
    made.write("mine.txt", "mine")
    snap(made, "mine")
    datmo("push", cwd=made.path)
    made.git("fetch", "-q", "--unshallow")
    maker.git("fetch", "-q")
    assert state(made) == state(maker)
    assert_clean(made)
    assert_clean(maker)


def test_one_branch_brings_all_snapshots(team: Team, maker: Repo, tmp_path: Path) -> None:
    maker.git("checkout", "-q", "-b", "side")
    maker.write("side.txt", "side")
    maker.commit("side")
    maker.git("push", "-q", "origin", "side")
    snap(maker, "on the side")
    datmo("push", cwd=maker.path)
    made = Repo(tmp_path / "made")
    run_git("clone", "-q", "--single-branch", "-b", "main", str(team.origin.path), str(made.path))
    datmo("init", cwd=made.path)
    made.git("fetch", "-q")
    assert state(made) == state(maker)
