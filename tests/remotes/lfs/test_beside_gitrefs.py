"""Two clones keep content at one git remote in two ways: each finds its own."""

from __future__ import annotations

import pytest

from git_datmo.errors import ContentMissing
from git_datmo.remotes.gitrefs.place import GitRefs
from git_datmo.storage.git import Git
from git_datmo.storage.store import Store
from tests.contracts.places.ground import fill, nothing, some
from tests.kit.git import Repo
from tests.kit.lfsserver import Field


@pytest.fixture
def refs(lfs_field: Field) -> GitRefs:
    repo = Repo.init(lfs_field.root / "refs")
    git = Git(repo.git_dir, repo.path)
    return GitRefs(git, repo.git_dir / "datmo", "origin", str(lfs_field.origin.path), 10**9)


def test_neither_is_in_the_others_way(lfs_field: Field, refs: GitRefs) -> None:
    here = Store(lfs_field.root / "here" / "store")
    one, both, other = fill(here, some(1, 100_000), some(2, 100_000), some(3, 100_000))
    lfs = lfs_field.clone("lfs")
    lfs.put(here, [one, both], nothing)
    refs.put(here, [both, other], nothing)
    lfs.put(here, [], nothing)
    assert lfs.present([one, both, other]) == {one, both}
    assert refs.present([one, both, other]) == {both, other}
    assert {held.key for held in lfs.listing()} == {one.key, both.key}
    assert {held.key for held in refs.listing()} == {both.key, other.key}
    for place, wanted, absent in ((lfs, [one, both], other), (refs, [both, other], one)):
        target = Store(lfs_field.root / place.name[-3:] / "store")
        failed = place.get(target, [one, both, other], nothing)
        assert [type(error) for error in failed.values()] == [ContentMissing]
        assert list(failed) == [absent]
        assert target.missing(wanted) == []
    assert refs.remove(list(refs.listing())) > 0
    assert lfs.present([one, both, other]) == {one, both}


def test_a_reader_is_told_where_it_lies(lfs_field: Field, refs: GitRefs) -> None:
    here = Store(lfs_field.root / "here" / "store")
    [pointer] = fill(here, some(1, 1000))
    refs.put(here, [pointer], nothing)
    elsewhere = Store(lfs_field.root / "elsewhere" / "store")
    failed = lfs_field.clone("reader").get(elsewhere, [pointer], nothing)
    assert "datmo.origin.store git" in failed[pointer].message
