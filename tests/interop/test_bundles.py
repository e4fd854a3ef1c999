"""Bundles: a file that holds everything but large content."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.team import BOTH, Team, large, snap, state
from tests.kit.checks import assert_clean, assert_git_clean
from tests.kit.git import Repo, run_git
from tests.kit.program import datmo


@pytest.fixture
def bundle(maker: Repo, tmp_path: Path) -> Path:
    """Everything that the maker's repository holds, in a file."""
    file = tmp_path / "all.bundle"
    maker.git("bundle", "create", "-q", str(file), "--all")
    return file


def cloned(bundle: Path, path: Path) -> Repo:
    run_git("clone", "-q", "-b", "main", str(bundle), str(path))
    made = Repo(path)
    datmo("init", cwd=made.path)
    datmo("pull", cwd=made.path)
    return made


def test_a_clone_of_a_bundle_lists_everything(maker: Repo, bundle: Path, tmp_path: Path) -> None:
    reader = cloned(bundle, tmp_path / "reader")
    assert state(reader) == state(maker)
    shown = datmo("snapshot", "inspect", "best", "--json", cwd=reader.path).json()
    assert shown["config"] == {"lr": 0.1}
    assert_git_clean(reader)


def test_content_that_a_bundle_lacks_is_missing_not_damaged(
    team: Team, maker: Repo, bundle: Path, tmp_path: Path
) -> None:
    reader = cloned(bundle, tmp_path / "reader")
    failed = datmo("snapshot", "checkout", "best", cwd=reader.path, check=False)
    assert failed.code == 5
    assert "neither here nor on a remote" in failed.stderr
    assert "data/large.bin" in failed.stderr
    pulled = datmo("pull", "--content", cwd=reader.path, check=False)
    assert pulled.code == 5
    assert "missing: data/large.bin" in pulled.stderr

    reader.git("remote", "add", "hub", str(team.origin.path))
    datmo("snapshot", "checkout", "best", cwd=reader.path)
    assert reader.read("data/large.bin") == large(1)
    assert_clean(reader)


def test_a_folder_beside_the_bundle_carries_the_content(
    maker: Repo, bundle: Path, tmp_path: Path
) -> None:
    store = tmp_path / "content"
    maker.git("config", "datmo.stick.store", str(store))
    away = Repo.bare(tmp_path / "away.git")
    maker.git("remote", "add", "stick", str(away.path))
    datmo("push", "stick", cwd=maker.path)

    reader = cloned(bundle, tmp_path / "reader")
    reader.git("config", "datmo.origin.store", str(store))
    datmo("snapshot", "checkout", "best", cwd=reader.path)
    assert reader.read("data/large.bin") == large(1)
    assert_clean(reader)


def test_a_bundle_of_our_refs_alone_adds_to_a_clone(
    team: Team, maker: Repo, tmp_path: Path
) -> None:
    file = tmp_path / "datmo.bundle"
    maker.git("bundle", "create", "-q", str(file), "--glob=refs/datmo/*", "--not", "main")
    reader = team.clone("reader")
    reader.git("fetch", "-q", str(file), BOTH)
    assert state(reader) == state(maker)
    datmo("snapshot", "checkout", "best", cwd=reader.path)
    assert reader.read("data/large.bin") == large(1)


def test_a_later_bundle_brings_what_is_new(maker: Repo, bundle: Path, tmp_path: Path) -> None:
    reader = cloned(bundle, tmp_path / "reader")
    maker.write("more.txt", "more")
    second = snap(maker, "second")
    maker.git("bundle", "create", "-q", str(bundle), "--all")
    reader.git("fetch", "-q")
    assert second in state(reader)
    reader.write("mine.txt", "mine")
    mine = snap(reader, "mine")
    back = tmp_path / "back.bundle"
    reader.git("bundle", "create", "-q", str(back), "--glob=refs/datmo/*")
    datmo("pull", str(back), cwd=maker.path)
    assert state(maker) == state(reader)
    assert mine in state(maker)
    assert_clean(maker)
