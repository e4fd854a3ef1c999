"""A git remote whose content lies in a bucket: plain git and ours, both ways."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from git_datmo.remotes.objectstore.layout import MIB, PART, parts_at_once
from tests.e2e.team import GLOB, Team, large, push_plainly, snap, state
from tests.kit.checks import assert_clean, assert_git_clean
from tests.kit.git import Repo
from tests.kit.program import datmo
from tests.kit.seaweed import BUCKET, KEY, SECRET, Shelf
from tests.kit.wire import Wire, wire


@pytest.fixture
def team(tmp_path: Path) -> Team:
    return Team(tmp_path)


@pytest.fixture
def maker(team: Team, shelf: Shelf) -> Repo:
    """A clone with one snapshot that has a large file, not yet shared."""
    made = team.clone("maker")
    made.git("config", "datmo.origin.store", shelf.url)
    made.write("data/large.bin", large(1))
    snap(made, "first", "--label", "best")
    return made


@pytest.fixture
def line(shelf: Shelf) -> Iterator[Wire]:
    with wire(shelf.server.ports[3]) as made:
        yield made


def reader(team: Team, shelf: Shelf, name: str = "reader") -> Repo:
    made = team.clone(name)
    made.git("config", "datmo.origin.store", shelf.url)
    return made


@pytest.mark.parametrize("how", ["git", "datmo"])
def test_pushed_content_lies_in_the_bucket_and_comes_back(
    team: Team, maker: Repo, shelf: Shelf, how: str
) -> None:
    if how == "git":
        push_plainly(maker)
    else:
        done = datmo("push", "--json", cwd=maker.path).json()
        assert (done["content_files"], done["content_bytes"]) == (1, len(large(1)))
    assert list(shelf.sizes().values()) == [len(large(1))]
    assert not (team.origin.path / "datmo").exists()
    assert_git_clean(team.origin)

    other = reader(team, shelf)
    datmo("pull", cwd=other.path)
    assert state(other) == state(maker)
    datmo("snapshot", "checkout", "best", cwd=other.path)
    assert other.read("data/large.bin") == large(1)
    assert_clean(other)

    # What the other has from there goes there no second time.
    other.write("more.bin", large(2))
    snap(other, "second")
    assert datmo("push", "--json", cwd=other.path).json()["content_files"] == 1
    assert len(shelf.sizes()) == 2
    done = datmo("pull", "--content", "--json", cwd=maker.path).json()
    assert done["content_files"] == 1


def test_a_clone_by_one_command(team: Team, maker: Repo, shelf: Shelf) -> None:
    datmo("push", cwd=maker.path)
    made = team.root / "cloned"
    setting = f"datmo.origin.store={shelf.url}"
    datmo("clone", "--content", str(team.origin.path), str(made), "--", "-c", setting)
    cloned = Repo(made)
    assert cloned.git("config", "datmo.origin.store") == shelf.url
    [name] = shelf.sizes()
    shelf.delete(name)  # the content is here already
    datmo("snapshot", "checkout", "best", cwd=made)
    assert cloned.read("data/large.bin") == large(1)


def test_no_secret_is_kept_or_shown(team: Team, maker: Repo, shelf: Shelf) -> None:
    done = datmo("push", cwd=maker.path)
    shown = datmo("remote", "show", "origin", cwd=maker.path)
    said = done.stdout + done.stderr + shown.stdout + shown.stderr
    assert f"s3://{BUCKET}/" in shown.stdout
    assert SECRET not in said
    for repo in (maker, team.origin):
        files = [path for path in repo.git_dir.rglob("*") if path.is_file()]
        assert [path for path in files if SECRET.encode() in path.read_bytes()] == []
        assert [path for path in files if KEY.encode() in path.read_bytes()] == []


def test_a_push_without_the_right_keys_fails_and_says_why(
    team: Team, maker: Repo, shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong")
    plain = maker.try_git("push", "origin", GLOB)
    ours = datmo("push", cwd=maker.path, check=False)
    assert plain.returncode != 0
    assert ours.code == 7
    for said in (plain.stderr, ours.stderr):
        assert "secret key does not fit" in said
        assert "AWS_PROFILE" in said
        assert "Traceback" not in said
    assert team.origin.refs("refs/datmo") == {}
    shown = datmo("remote", "show", "--json", cwd=maker.path, check=False)
    assert "secret key does not fit" in shown.stdout
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    push_plainly(maker)
    assert len(shelf.sizes()) == 1


def test_an_address_with_a_password_is_refused(maker: Repo) -> None:
    maker.git("config", "datmo.origin.store", "s3://AKIA:hidden@bucket/x")
    done = datmo("push", cwd=maker.path, check=False)
    assert done.code == 2
    assert "holds a user or password" in done.stderr
    assert "hidden" not in done.stderr + done.stdout


@pytest.mark.parametrize("how", ["git", "datmo"])
def test_a_push_that_was_cut_goes_on(
    team: Team, maker: Repo, shelf: Shelf, line: Wire, how: str
) -> None:
    parts = parts_at_once(PART)
    size = (parts + 1) * PART
    maker.write("huge.bin", random.Random(3).randbytes(size))
    snap(maker, "huge")
    url = f"s3://{BUCKET}/{shelf.prefix}?endpoint=http://127.0.0.1:{line.port}"
    maker.git("config", "datmo.origin.store", url)
    # Who sends one part more than are on the way at once knows that one has arrived.
    line.limit_up = parts * PART + MIB
    if how == "git":
        assert maker.try_git("push", "origin", GLOB).returncode != 0
    else:
        done = datmo("push", cwd=maker.path, check=False)
        assert done.code == 7
        assert "try again" in done.stderr or "check the endpoint" in done.stderr
    assert team.origin.refs("refs/datmo") == {}
    assert size not in shelf.sizes().values()

    line.mend()
    if how == "git":
        push_plainly(maker)
    else:
        datmo("push", cwd=maker.path)
    assert line.up < size * 0.9
    assert size in shelf.sizes().values()
    assert shelf.uploads() == []
    assert_git_clean(team.origin)

    other = reader(team, shelf)
    datmo("pull", cwd=other.path)
    other.git("config", "datmo.origin.store", url)
    line.mend()
    line.limit_down = size * 3 // 4
    assert datmo("pull", "--content", cwd=other.path, check=False).code != 0
    line.mend()
    datmo("pull", "--content", cwd=other.path)
    assert line.down < size * 0.9
    datmo("snapshot", "checkout", "latest", cwd=other.path)
    assert other.read("huge.bin") == random.Random(3).randbytes(size)


def test_content_lost_from_the_bucket_is_missing_not_corrupt(
    team: Team, maker: Repo, shelf: Shelf
) -> None:
    push_plainly(maker)
    [name] = shelf.sizes()
    shelf.delete(name)
    other = reader(team, shelf)
    datmo("pull", cwd=other.path)
    done = datmo("snapshot", "checkout", "best", cwd=other.path, check=False)
    assert done.code == 5
    assert "data/large.bin" in done.stderr
    assert f"s3://{BUCKET}" in done.stderr
    datmo("push", "--content", cwd=maker.path)
    datmo("snapshot", "checkout", "best", cwd=other.path)
    assert other.read("data/large.bin") == large(1)


def test_a_bucket_and_a_folder_hold_the_same(
    team: Team, maker: Repo, shelf: Shelf, tmp_path: Path
) -> None:
    """Another place for the same remote: what is not here comes from where it is."""
    push_plainly(maker)
    other = reader(team, shelf)
    datmo("pull", cwd=other.path)
    second = Repo.bare(tmp_path / "second.git")
    other.git("remote", "add", "second", str(second.path))
    snap_of = next(iter(state(other)))
    datmo("snapshot", "update", snap_of, "--label", "carried", cwd=other.path)
    assert datmo("push", "second", "--json", cwd=other.path).json()["content_files"] == 1
    assert len([*(second.path / "datmo" / "store").glob("??/*")]) == 1
    assert os.path.getsize(next((second.path / "datmo" / "store").glob("??/*"))) == len(large(1))
