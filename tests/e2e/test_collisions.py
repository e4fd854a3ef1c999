"""Two files that were forged to have one xxh3 are two files everywhere: in the store, in a
checkout, on remotes of every kind that keeps content, in other clones, and to gc."""

from __future__ import annotations

from pathlib import Path

import pytest

from git_datmo.api import location, remote, snapshot
from git_datmo.api.verify import verify
from tests.e2e.team import Team
from tests.kit import collision
from tests.kit.checks import assert_clean
from tests.kit.content import at_once, stored
from tests.kit.git import Repo
from tests.kit.program import datmo

ONE, TWO = collision.pair()


def take(repo: Repo, message: str) -> str:
    return str(snapshot.create(location.find(repo.path), message=message).id)


def contents(repo: Repo, oid: str, into: Path) -> bytes:
    snapshot.checkout(location.find(repo.path), oid, into=str(into))
    return (into / "data.bin").read_bytes()


@pytest.fixture
def maker(tmp_path: Path) -> tuple[Team, Repo, str, str]:
    """A clone with a snapshot of each."""
    team = Team(tmp_path)
    repo = team.member("maker")
    made = []
    for content in (ONE, TWO):
        repo.write("data.bin", content)
        made.append(take(repo, "one of two"))
    assert made[0] != made[1]
    return team, repo, made[0], made[1]


def test_both_are_kept_and_told_apart(maker: tuple[Team, Repo, str, str], tmp_path: Path):
    team, repo, one, two = maker
    assert stored(repo).keys() == {ONE, TWO}
    assert contents(repo, one, tmp_path / "1") == ONE
    assert contents(repo, two, tmp_path / "2") == TWO
    datmo("snapshot", "checkout", one, cwd=repo.path)
    assert repo.read("data.bin") == ONE
    datmo("snapshot", "checkout", two, cwd=repo.path)
    assert repo.read("data.bin") == TWO
    assert_clean(repo)
    # One of them lost is missing, though the other lies under its name and is as long.
    lost = stored(repo)[ONE]
    kept = lost.read_bytes()
    lost.unlink()
    assert verify(location.find(repo.path), one).verdicts[0].content == "missing"
    assert verify(location.find(repo.path), two).ok
    lost.write_bytes(kept)
    assert verify(location.find(repo.path), [one, two]).ok

    remote.push(location.find(repo.path))
    assert stored(team.origin).keys() == {ONE, TWO}
    reader = team.member("reader")
    remote.pull(location.find(reader.path))
    # Whoever has one of them gets the other as well.
    assert contents(reader, one, tmp_path / "3") == ONE
    assert stored(reader).keys() == {ONE}
    assert contents(reader, two, tmp_path / "4") == TWO
    assert stored(reader).keys() == {ONE, TWO}
    assert_clean(reader)


def test_freeing_one_leaves_the_other(maker: tuple[Team, Repo, str, str], tmp_path: Path):
    """What lies under the plain name is only freed when nothing of that name is needed."""
    _, repo, *made = maker
    kept = 1
    at_once(repo)
    datmo("snapshot", "delete", made[1 - kept], cwd=repo.path)
    datmo("gc", cwd=repo.path)
    assert (ONE, TWO)[kept] in stored(repo)
    assert contents(repo, made[kept], tmp_path / "2") == (ONE, TWO)[kept]
    assert_clean(repo)
    datmo("snapshot", "delete", made[kept], cwd=repo.path)
    datmo("gc", cwd=repo.path)
    assert stored(repo) == {}


def test_what_is_pushed_after_its_twin_arrives(tmp_path: Path):
    """A place that has one of them is asked for the other, and gets it."""
    team = Team(tmp_path)
    first, second = team.member("first"), team.member("second")
    first.write("data.bin", ONE)
    one = take(first, "one")
    remote.push(location.find(first.path))
    second.write("data.bin", TWO)
    two = take(second, "two")
    remote.pull(location.find(second.path))
    remote.push(location.find(second.path))
    assert stored(team.origin).keys() == {ONE, TWO}
    remote.pull(location.find(first.path), content=True)
    assert stored(first).keys() == {ONE, TWO}
    for repo in (first, second):
        assert contents(repo, one, repo.path / "1") == ONE
        assert contents(repo, two, repo.path / "2") == TWO
