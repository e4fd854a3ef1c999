"""A hostile corpus: whatever is done with it ends well or in words, and changes nothing else."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pygit2
import pytest

from git_datmo.api import remote, snapshot
from git_datmo.errors import DatmoError, RemoteError
from git_datmo.records.project import Project
from tests.kit.git import Repo
from tests.kit.trees import Trees
from tests.torture import corpus
from tests.torture.campaign import Campaign
from tests.torture.checker import Checker
from tests.torture.world import opened

pytestmark = pytest.mark.torture


@pytest.fixture
def evil(tmp_path: Path) -> Trees:
    """A repository of raw objects."""
    return Trees(tmp_path / "evil.git")


@pytest.fixture
def project(project: Repo, tmp_path: Path) -> Repo:
    """A project with a snapshot, beside a folder that is nobody's business."""
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "f").write_text("untouched")
    with opened(project) as found:
        snapshot.create(found, message="good", label="good")
    return project


def deeds(into: Path) -> Iterator[Callable[[Project, str], object]]:
    """What somebody may do with a snapshot of a stranger."""
    yield lambda found, oid: snapshot.inspect(found, oid)
    yield lambda found, oid: snapshot.diff(found, "good", oid)
    yield lambda found, oid: snapshot.checkout(found, oid, into=into / oid[:12])
    yield lambda found, oid: snapshot.checkout(found, oid)


def test_everything_that_can_be_done_with_it(
    campaign: Campaign, project: Repo, evil: Trees, tmp_path: Path
) -> None:
    with opened(project) as found:
        good = str(snapshot.inspect(found, "good").id)
    planted = corpus.plant(evil, project)
    checker = Checker(project, outside=tmp_path / "outside", fixed=False)
    (tmp_path / "into").mkdir()
    refused = set()
    with opened(project) as found:
        listed = {str(one.id) for one in snapshot.ls(found, all=True)}
        for name, oids in planted.items():
            for oid in oids:
                campaign.injected += 1
                campaign.effective += oid in listed
                for deed in deeds(tmp_path / "into"):
                    try:
                        deed(found, oid)
                    except DatmoError:
                        refused.add(name)
    now = checker.surroundings()
    campaign.harm.escaped += [one for one in checker.before if checker.before[one] != now.get(one)]
    assert (tmp_path / "outside" / "f").read_text() == "untouched"
    # What only looks odd may well be restored; what is dangerous may not.
    for name in planted:
        if name.startswith(("name", "file", "mode", "twice", "two", "deep", "nul", "pointer")):
            assert name in refused, f"{name!r} was taken"
    campaign.acknowledged = 1
    with opened(project) as found:
        assert str(snapshot.inspect(found, "good").id) == good
        snapshot.create(found, message="goes on", stats={"n": 1})
    campaign.assert_sound(effective=50)


def test_the_harness_notices_who_follows_links(
    campaign: Campaign, project: Repo, evil: Trees, tmp_path: Path
) -> None:
    """The control: files written to the path that their tree spells."""
    planted = corpus.plant(evil, project)
    checker = Checker(project, outside=tmp_path / "outside", fixed=False)
    git = pygit2.Repository(str(project.git_dir))
    for name, oids in planted.items():
        if name.startswith(("name", "file", "two", "twice")):
            campaign.injected += 1
            for oid in oids:
                naively(git, git[git[oid].peel(pygit2.Commit).tree_id], bytes(project.path))
    now = checker.surroundings()
    campaign.harm.escaped += [one for one in now if checker.before.get(one) != now[one]]
    campaign.assert_harmed("escaped")


def naively(git: pygit2.Repository, tree: pygit2.Object, folder: bytes, depth: int = 0) -> None:
    """A restore as one would write it first."""
    assert isinstance(tree, pygit2.Tree)
    for entry in tree:
        path = os.path.join(folder, entry.raw_name or b"")
        found = git.get(entry.id)
        try:
            if isinstance(found, pygit2.Tree) and depth < 3:
                os.makedirs(path, exist_ok=True)
                naively(git, found, path, depth + 1)
            elif isinstance(found, pygit2.Blob) and entry.filemode == pygit2.enums.FileMode.LINK:
                os.symlink(found.data, path)
            elif isinstance(found, pygit2.Blob):
                with open(path, "wb") as file:
                    file.write(found.data)
        except (OSError, ValueError):
            continue


@pytest.mark.parametrize("by", ["path", "bundle"])
def test_what_a_fetch_of_ours_receives(
    campaign: Campaign, project: Repo, evil: Trees, tmp_path: Path, by: str
) -> None:
    """From a repository none of it; a bundle is not checked by every git, a checkout always is."""
    source, address = Repo(evil.path), evil.path
    for name, oids in dict(corpus.trees(evil)).items():
        if name.startswith(("name b'.git'", "name b'..'", "name b'a/b'", "twice")):
            text = f"tree {oids[0]}\nauthor E <e@e> 1 +0000\ncommitter E <e@e> 1 +0000\n\n{name}\n"
            made = evil.raw("commit", text.encode())
            campaign.injected += 1
            ref = source.path / "refs" / "datmo" / "snapshots" / made
            ref.parent.mkdir(parents=True, exist_ok=True)
            ref.write_text(f"{made}\n")
    if by == "bundle":
        address = tmp_path / "evil.bundle"
        source.git("bundle", "create", "-q", str(address), "--all")
    project.git("remote", "add", "evil", str(address))
    project.git("config", "--add", "remote.evil.fetch", "+refs/datmo/*:refs/datmo-remotes/evil/*")
    checker = Checker(project, outside=tmp_path / "outside")
    with opened(project) as found:
        try:
            remote.fetch(found, "evil")
        except RemoteError:
            assert project.refs("refs/datmo-remotes/evil") == {}
        else:
            assert by == "bundle"
        for oid in source.refs("refs/datmo/snapshots").values():
            with pytest.raises(DatmoError):
                snapshot.checkout(found, oid)
    now = checker.surroundings()
    campaign.harm.escaped += [one for one in now if checker.before.get(one) != now[one]]
    campaign.effective = campaign.acknowledged = campaign.injected
    campaign.assert_sound(effective=3)
