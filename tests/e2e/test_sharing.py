"""Sharing through a bare repository at a path: plain git and ours, both ways."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.team import BOTH, GLOB, Team, large, push_plainly, snap, state, update
from tests.kit.checks import assert_clean, assert_git_clean
from tests.kit.git import Repo
from tests.kit.program import datmo


@pytest.fixture
def team(tmp_path: Path) -> Team:
    return Team(tmp_path)


@pytest.fixture
def maker(team: Team) -> Repo:
    """A clone with one snapshot that has a large file, not yet shared."""
    made = team.clone("maker")
    made.write("data/large.bin", large(1))
    made.write("config.json", '{"lr": 0.1}')
    snap(made, "first", "--label", "best")
    return made


def push(repo: Repo, how: str) -> None:
    if how == "git":
        push_plainly(repo)
    else:
        datmo("push", cwd=repo.path)


@pytest.mark.parametrize("pushed", ["git", "datmo"])
@pytest.mark.parametrize("got", ["plain glob", "init and fetch", "pull"])
def test_a_fresh_clone_gets_identical_bytes(
    team: Team, maker: Repo, pushed: str, got: str, tmp_path: Path
) -> None:
    push(maker, pushed)
    assert_git_clean(team.origin)
    reader = team.clone("reader", init=got == "init and fetch")
    match got:
        case "plain glob":
            reader.git("fetch", "-q", "origin", BOTH)
        case "init and fetch":
            reader.git("fetch", "-q")
        case "pull":
            datmo("pull", cwd=reader.path)

    [(oid, row)] = state(reader).items()
    assert (row["message"], row["label"], row["config"]) == ("first", "best", {"lr": 0.1})
    assert datmo("snapshot", "inspect", "best", "--json", cwd=reader.path).json()["id"] == oid
    datmo("snapshot", "checkout", oid, cwd=reader.path)
    assert reader.read("data/large.bin") == large(1)
    assert reader.read("config.json") == maker.read("config.json")
    datmo("snapshot", "checkout", oid, "--into", tmp_path / "out", cwd=reader.path)
    assert (tmp_path / "out/data/large.bin").read_bytes() == large(1)
    assert_clean(reader)


def test_content_comes_when_asked_for(team: Team, maker: Repo) -> None:
    datmo("push", cwd=maker.path)
    reader = team.clone("reader")
    assert datmo("pull", "--json", cwd=reader.path).json()["content_files"] == 0
    done = datmo("pull", "--content", "--json", cwd=reader.path).json()
    assert (done["content_files"], done["content_bytes"]) == (1, len(large(1)))
    assert_clean(reader)


def test_by_turns_on_one_snapshot(team: Team, maker: Repo) -> None:
    push_plainly(maker)
    other = team.clone("other")
    other.git("fetch", "-q")
    [oid] = state(other)

    for turn in range(3):
        for repo, how in ((maker, "git"), (other, "datmo")):
            update(repo, oid, "--stats", f'{{"{how}": {turn}, "both": "{how}{turn}"}}')
            repo.write("notes.txt", f"{how} {turn}")
            snap(repo, f"{how} {turn}")
            push(repo, how)
            fetch = [GLOB + ":" + GLOB] if turn % 2 else []
            (maker if repo is other else other).git("fetch", "-q", "origin", *fetch)

    assert state(maker) == state(other)
    assert state(maker)[oid]["stats"] == {"git": 2, "datmo": 2, "both": "datmo2"}
    assert len(state(maker)) == 7
    for repo in (maker, other):
        assert_clean(repo)


def test_a_plain_push_with_stale_copies_of_others_says_push_again(team: Team, maker: Repo) -> None:
    push_plainly(maker)
    other = team.clone("other")
    other.git("fetch", "-q", "origin", BOTH)  # the maker's chain now lies under refs/datmo/*
    update(maker, "best", "--message", "newer")
    push_plainly(maker)
    other.write("a", "b")
    # Without a command of ours in between, git still sees the stale copy.
    other.git("fetch", "-q", "origin", "refs/heads/*:refs/remotes/origin/*")
    first = other.try_git("push", "origin", GLOB)
    assert first.returncode != 0
    assert "push again" in first.stderr
    snap(other, "mine")
    other.git("push", "-q", "origin", GLOB)
    datmo("fetch", cwd=maker.path)
    datmo("fetch", cwd=other.path)
    assert state(maker) == state(other)
    assert {row["message"] for row in state(maker).values()} == {"newer", "mine"}


def test_pruning_loses_nothing_that_was_not_pushed(team: Team, maker: Repo) -> None:
    maker.git("config", "fetch.prune", "true")
    before = state(maker)
    maker.git("fetch", "-q", "origin", BOTH)  # deletes every ref the remote does not have
    maker.git("fetch", "-q")
    assert state(maker) == before
    push_plainly(maker)
    reader = team.clone("reader")
    reader.git("fetch", "-q")
    assert state(reader) == before
    assert_clean(maker)


def test_another_clones_refs_are_never_deleted_nor_pushed(team: Team, maker: Repo) -> None:
    datmo("push", cwd=maker.path)
    there = team.origin.refs("refs/datmo")
    other = team.clone("other")
    other.git("fetch", "-q", "origin", BOTH)
    [oid] = state(other)
    update(other, oid, "--label", "theirs")
    datmo("push", cwd=other.path)
    push_plainly(other)
    datmo("push", cwd=other.path)
    now = team.origin.refs("refs/datmo")
    assert {name: now.get(name) for name in there} == there


def test_a_note_on_another_clones_snapshot_carries_it_anywhere(
    team: Team, maker: Repo, tmp_path: Path
) -> None:
    datmo("push", cwd=maker.path)
    other = team.clone("other")
    datmo("pull", cwd=other.path)
    [oid] = state(other)
    update(other, oid, "--label", "carried")
    second = Repo.bare(tmp_path / "second.git")
    other.git("remote", "add", "second", str(second.path))
    done = datmo("push", "second", "--json", cwd=other.path).json()
    assert done["content_files"] == 1  # fetched from the first remote on the way
    reader = Repo.init(tmp_path / "reader")
    reader.git("remote", "add", "origin", str(second.path))
    datmo("pull", "origin", cwd=reader.path)
    assert state(reader)[oid]["label"] == "carried"
    datmo("snapshot", "checkout", oid, cwd=reader.path)
    assert reader.read("data/large.bin") == large(1)
    assert_clean(reader)


def test_content_that_is_gone_fails_the_push(team: Team, maker: Repo) -> None:
    [file] = (maker.git_dir / "datmo" / "store").glob("??/*")
    file.unlink()
    for args in (["git", "push", "origin", GLOB], ["datmo"]):
        if args[0] == "git":
            done = maker.try_git(*args[1:])
            code, said = done.returncode, done.stderr
        else:
            result = datmo("push", cwd=maker.path, check=False)
            code, said = result.code, result.stderr
            assert code == 5
        assert code != 0
        assert "data/large.bin" in said
    assert team.origin.refs("refs/datmo") == {}


def test_what_went_past_the_hook_is_missing_not_corrupt(team: Team, maker: Repo) -> None:
    maker.git("push", "-q", "--no-verify", "origin", GLOB)
    reader = team.clone("reader")
    reader.git("fetch", "-q")
    before = reader.status()
    done = datmo("snapshot", "checkout", "best", cwd=reader.path, check=False)
    assert done.code == 5
    assert "data/large.bin" in done.stderr
    assert "neither here nor on a remote" in done.stderr
    assert f"origin ({team.origin.path / 'datmo' / 'store'}): it is not there" in done.stderr
    assert "not delivered by maker <" in done.stderr
    assert reader.status() == before
    pulled = datmo("pull", "--content", cwd=reader.path, check=False)
    assert pulled.code == 5
    assert "missing: data/large.bin" in pulled.stderr
    assert "it is not there\n" in pulled.stderr
    assert "not delivered by maker <" in pulled.stderr

    datmo("push", cwd=maker.path)  # brings what went missing, though no ref moves
    datmo("snapshot", "checkout", "best", cwd=reader.path)
    assert reader.read("data/large.bin") == large(1)


def test_damaged_content_on_the_remote_is_not_taken(team: Team, maker: Repo) -> None:
    push_plainly(maker)
    [file] = (team.origin.path / "datmo" / "store").glob("??/*")
    data = bytearray(file.read_bytes())
    data[1000] ^= 1
    file.chmod(0o644)
    file.write_bytes(data)
    reader = team.clone("reader")
    reader.git("fetch", "-q")
    done = datmo("snapshot", "checkout", "best", cwd=reader.path, check=False)
    assert done.code == 5
    assert "damaged" in done.stderr
    assert not (reader.path / "data").exists()
    reader.git("remote", "add", "maker", str(maker.path))
    datmo("snapshot", "checkout", "best", cwd=reader.path)
    assert reader.read("data/large.bin") == large(1)
