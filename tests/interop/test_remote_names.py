"""Several remotes, renamed and removed ones, and git's settings for fetches and pushes."""

from __future__ import annotations

from pathlib import Path

from tests.e2e.team import BOTH, GLOB, Team, large, snap, state
from tests.kit.checks import assert_clean
from tests.kit.git import Repo
from tests.kit.program import datmo


def rooms(repo: Repo) -> set[str]:
    """The remotes whose refs are kept here."""
    return {name.split("/")[2] for name in repo.refs("refs/datmo-remotes")}


def second(team: Team, repo: Repo, name: str = "second") -> Repo:
    made = Repo.bare(team.root / f"{name}.git")
    repo.git("remote", "add", name, str(made.path))
    return made


def test_a_renamed_remote_takes_everything_along(team: Team, maker: Repo, tmp_path: Path) -> None:
    store = tmp_path / "content"
    maker.git("config", "datmo.origin.store", str(store))
    maker.git("remote", "rename", "origin", "upstream")
    before = state(maker)
    maker.write("more.bin", large(2))
    snap(maker, "more")
    maker.git("push", "-q", "upstream", GLOB)  # before any command of ours saw the new name
    assert len(list(store.glob("??/*"))) == 2
    datmo("push", "upstream", cwd=maker.path)
    assert maker.git("config", "datmo.upstream.store") == str(store)
    lines = maker.git("config", "--get-all", "remote.upstream.fetch").splitlines()
    assert [line for line in lines if "datmo" in line] == [
        "+refs/datmo/*:refs/datmo-remotes/upstream/*"
    ]
    assert rooms(maker) == {"upstream"}
    assert before.items() <= state(maker).items()

    elsewhere = second(team, maker, "origin")
    datmo("push", "origin", cwd=maker.path)
    maker.git("fetch", "-q", "--all", "--prune")
    assert elsewhere.refs("refs/datmo") == team.origin.refs("refs/datmo")
    assert rooms(maker) == {"upstream", "origin"}
    assert_clean(maker)


def test_a_removed_remote_leaves_its_snapshots(team: Team, maker: Repo) -> None:
    reader = team.clone("reader")
    reader.git("fetch", "-q")
    before = state(reader)
    reader.git("remote", "remove", "origin")
    reader.git("gc", "-q", "--prune=now")
    assert state(reader) == before
    failed = datmo("push", cwd=reader.path, check=False)
    assert failed.code == 7
    assert "this repository has no remote" in failed.stderr
    reader.git("remote", "add", "new", str(team.origin.path))
    reader.git("remote", "add", "other", str(team.origin.path))
    unnamed = datmo("pull", cwd=reader.path, check=False)
    assert "hint: name one of them: new, other" in unnamed.stderr
    reader.git("remote", "remove", "other")
    datmo("pull", "--content", cwd=reader.path)
    datmo("snapshot", "checkout", "best", cwd=reader.path)
    assert reader.read("data/large.bin") == large(1)
    assert_clean(reader)


def test_a_push_goes_where_git_would_push(team: Team, maker: Repo) -> None:
    default = second(team, maker, "default")
    maker.git("config", "remote.pushDefault", "default")
    assert datmo("push", "--json", cwd=maker.path).json()["remote"] == "default"
    branch = second(team, maker, "branch")
    maker.git("config", "branch.main.pushRemote", "branch")
    assert datmo("push", "--json", cwd=maker.path).json()["remote"] == "branch"
    assert datmo("fetch", "--json", cwd=maker.path).json()["remote"] == "origin"
    assert default.refs("refs/datmo") == branch.refs("refs/datmo") == team.origin.refs("refs/datmo")


def test_everything_git_fetches_at_once_and_prunes(team: Team, maker: Repo) -> None:
    other = team.clone("other")
    two = second(team, other)
    other.git("config", "fetch.prune", "true")
    other.git("config", "push.default", "matching")
    other.write("other.txt", "other")
    mine = snap(other, "mine")
    for words in (["fetch", "-q", "--all"], ["pull", "-q"], ["remote", "update", "-p"]):
        other.git(*words)
        assert set(state(other)) == {*state(maker), mine}
    other.git("push", "-q")  # branches only, as ever
    assert len(team.origin.refs("refs/datmo/notes")) == 1
    datmo("push", "origin", cwd=other.path)
    datmo("push", "second", cwd=other.path)
    other.git("fetch", "-q", "--all", "--prune")
    assert two.refs("refs/datmo/notes").keys() <= team.origin.refs("refs/datmo/notes").keys()
    assert set(state(other)) == {*state(maker), mine}
    assert_clean(other)
    assert_clean(two)


def test_copies_that_lie_on_two_remotes_are_one(team: Team, maker: Repo) -> None:
    two = second(team, maker)
    datmo("push", "second", cwd=maker.path)
    reader = team.clone("reader")
    reader.git("remote", "add", "second", str(two.path))
    datmo("pull", "second", cwd=reader.path)
    datmo("pull", "origin", cwd=reader.path)
    reader.git("fetch", "-q", "origin", BOTH)
    assert state(reader) == state(maker)
    reader.git("remote", "remove", "origin")
    datmo("snapshot", "checkout", "best", cwd=reader.path)
    assert reader.read("data/large.bin") == large(1)
