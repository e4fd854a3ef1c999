"""Linked work trees, sparse checkouts and submodules."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.e2e.team import GLOB, Team, large, snap, state
from tests.kit.checks import assert_clean, assert_git_clean
from tests.kit.git import Repo, run_git
from tests.kit.program import datmo


def test_linked_work_trees_share_all_but_their_own_place(team: Team, maker: Repo) -> None:
    linked = maker.worktree(team.root / "linked")
    assert state(linked) == state(maker)
    linked.write("linked.txt", "linked")
    mine = snap(linked, "linked")
    linked.git("push", "-q", "origin", GLOB)
    assert f"refs/datmo/snapshots/{mine}" in team.origin.refs()
    shown = datmo("status", "--json", cwd=linked.path).json()
    assert shown != datmo("status", "--json", cwd=maker.path).json()
    datmo("run", "--", "cp", "linked.txt", "copied.txt", cwd=linked.path)
    assert linked.read("copied.txt") == b"linked"
    assert not (maker.path / "copied.txt").exists()
    before = state(maker)

    maker.git("worktree", "remove", "--force", str(linked.path))
    maker.git("gc", "-q", "--prune=now")
    assert state(maker) == before
    datmo("push", cwd=maker.path)
    assert_clean(maker)


def test_a_work_tree_that_was_simply_deleted(team: Team, maker: Repo) -> None:
    linked = maker.worktree(team.root / "linked")
    linked.write("linked.txt", "linked")
    snap(linked, "linked")
    before = state(maker)
    shutil.rmtree(linked.path)
    assert state(maker) == before
    datmo("snapshot", "create", "-m", "still works", cwd=maker.path)
    maker.git("worktree", "prune")
    assert_clean(maker)


@pytest.mark.parametrize("index", ["--no-sparse-index", "--sparse-index"])
def test_a_sparse_checkout_keeps_what_it_leaves_out(
    team: Team, maker: Repo, index: str, tmp_path: Path
) -> None:
    maker.commit("all")
    maker.git("push", "-q", "origin", "main")
    whole = team.clone("whole")
    whole.git("sparse-checkout", "set", "--cone", index, "data")
    assert not (whole.path / "src").exists()
    whole.write("data/more.txt", "more")
    mine = snap(whole, "sparse")
    assert datmo("status", cwd=whole.path).stdout.count("deleted") == 0
    target = tmp_path / "out"
    datmo("snapshot", "checkout", mine, "--into", target, cwd=whole.path)
    assert (target / "src/deep/model.py").read_bytes() == maker.read("src/deep/model.py")
    assert (target / "data/more.txt").read_bytes() == b"more"
    run = datmo("run", "--json", "--", "cat", "src/deep/model.py", cwd=whole.path).json()
    assert run["status"] == "success"
    datmo("push", cwd=whole.path)
    assert_clean(whole)


def test_a_blobless_sparse_clone(team: Team, maker: Repo, tmp_path: Path) -> None:
    maker.write("requirements.txt", "numpy==1.0\n" * 20)
    maker.commit("all")
    maker.git("push", "-q", "origin", "main")
    team.origin.git("config", "uploadpack.allowFilter", "true")
    sparse = Repo(tmp_path / "sparse")
    url = f"file://{team.origin.path}"
    run_git("clone", "-q", "--filter=blob:none", "--sparse", url, str(sparse.path))
    sparse.git("sparse-checkout", "set", "--no-cone", "/data/")
    datmo("init", cwd=sparse.path)
    sparse.write("data/more.txt", "more")
    mine = snap(sparse, "sparse")
    datmo("snapshot", "checkout", mine, "--into", tmp_path / "out", cwd=sparse.path)
    assert (tmp_path / "out/src/deep/model.py").read_bytes() == maker.read("src/deep/model.py")
    datmo("push", cwd=sparse.path)
    datmo("pull", cwd=maker.path)
    assert mine in state(maker)
    assert_clean(sparse)


@pytest.fixture
def superproject(team: Team, maker: Repo, monkeypatch: pytest.MonkeyPatch) -> Repo:
    """A repository that has the maker's as the submodule `lib`, shared and initialized."""
    for number, (key, value) in enumerate([("protocol.file.allow", "always")]):
        monkeypatch.setenv(f"GIT_CONFIG_KEY_{number}", key)
        monkeypatch.setenv(f"GIT_CONFIG_VALUE_{number}", value)
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    Repo.bare(team.root / "super.git")
    made = Repo.init(team.root / "super")
    made.git("remote", "add", "origin", str(team.root / "super.git"))
    made.git("submodule", "--quiet", "add", str(team.origin.path), "lib")
    made.commit("add lib")
    made.git("push", "-q", "-u", "origin", "main")
    datmo("init", cwd=made.path)
    return made


def test_a_project_that_is_a_submodule(team: Team, maker: Repo, superproject: Repo) -> None:
    lib = Repo(superproject.path / "lib")
    datmo("init", cwd=lib.path)
    datmo("pull", cwd=lib.path)
    assert state(lib) == state(maker)
    assert state(superproject) == {}
    datmo("snapshot", "checkout", "best", cwd=lib.path)
    assert lib.read("data/large.bin") == large(1)
    lib.write("mine.txt", "mine")
    mine = snap(lib, "in the submodule")
    lib.git("push", "-q", "origin", GLOB)
    datmo("pull", cwd=maker.path)
    assert mine in state(maker)
    made = datmo("snapshot", "create", "-m", "above", "--json", cwd=superproject.path)
    assert "the submodule lib has changes" in made.stderr
    assert superproject.tree(made.json()["id"])["lib"] == f"160000 commit {lib.head()}"
    for repo in (lib, superproject):
        assert_clean(repo)


def test_a_submodule_that_is_not_there_yet(team: Team, superproject: Repo) -> None:
    superproject.write("above.txt", "above")
    mine = snap(superproject, "above")
    datmo("push", cwd=superproject.path)
    other = Repo(team.root / "other")
    run_git("clone", "-q", str(team.root / "super.git"), str(other.path))
    datmo("init", cwd=other.path)
    datmo("pull", cwd=other.path)
    datmo("snapshot", "checkout", mine, cwd=other.path)
    assert other.read("above.txt") == b"above"
    assert other.git("submodule", "status").startswith("-")
    other.write("below.txt", "below")
    again = snap(other, "still not there")
    assert other.tree(again)["lib"] == superproject.tree(mine)["lib"]
    other.git("submodule", "--quiet", "update", "--init")
    assert datmo("status", cwd=other.path).code == 0
    assert_clean(other)


@pytest.mark.parametrize("setting", ["check", "on-demand"])
def test_commits_of_submodules_that_nobody_has(
    team: Team, superproject: Repo, setting: str
) -> None:
    lib = Repo(superproject.path / "lib")
    lib.git("checkout", "-q", "main")
    lib.write("new.txt", "new")
    lib.commit("only here")
    superproject.commit("bump")
    superproject.write("above.txt", "above")
    snap(superproject, "stands on it")
    superproject.git("config", "push.recurseSubmodules", setting)
    failed = datmo("push", cwd=superproject.path, check=False)
    assert failed.code == 7
    assert "commits of submodules that no remote has: lib" in failed.stderr
    assert "git -C lib push" in failed.stderr
    lib.git("push", "-q", "origin", "main")
    datmo("push", cwd=superproject.path)
    assert_git_clean(Repo(team.root / "super.git"))
