"""Artifacts between clones: content first, names told apart, and what was deleted or purged."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from git_datmo.api import artifact as artifacts
from git_datmo.api import location
from git_datmo.errors import ContentMissing
from git_datmo.records.project import Project
from tests.e2e.team import BOTH, Team, large, push_plainly
from tests.kit.checks import assert_clean, assert_git_clean
from tests.kit.content import stored
from tests.kit.git import Repo
from tests.kit.program import datmo


@pytest.fixture
def team(tmp_path: Path) -> Team:
    return Team(tmp_path)


def opened(repo: Repo) -> Project:
    """The project as a command that begins now sees it."""
    return location.find(repo.path)


def create(repo: Repo, name: str, **given: Any) -> str:
    """The id of the next version of an artifact, of the folder `m`."""
    return artifacts.create(opened(repo), name=name, paths=["m"], **given).id


def versions(repo: Repo) -> dict[str, str]:
    """The living versions by id."""
    return {one.id: one.reference for one in artifacts.ls(opened(repo), all=True)}


@pytest.fixture
def maker(team: Team) -> Repo:
    """A clone with two versions of `models/net`, each with a large file, not yet shared."""
    made = team.clone("maker")
    made.write("m/notes.txt", "a")
    made.write("m/w.bin", large(1))
    create(made, "models/net", label="best")
    made.write("m/w.bin", large(2))
    create(made, "models/net", references=["r=s3://b/r"])
    return made


@pytest.mark.parametrize("how", ["git", "datmo"])
def test_another_clone_gets_identical_bytes(team: Team, maker: Repo, how: str) -> None:
    if how == "git":
        push_plainly(maker)
    else:
        datmo("push", cwd=maker.path)
    assert_git_clean(team.origin)
    reader = team.clone("reader", init=how == "datmo")
    if how == "git":
        # A fresh clone's first fetch: refs of others lie among our own until we look.
        reader.git("fetch", "-q", "origin", BOTH)
        datmo("init", cwd=reader.path)
    else:
        datmo("fetch", cwd=reader.path)
    assert versions(reader) == versions(maker)
    assert reader.refs("refs/datmo/artifacts") == {}, "they are the maker's"
    assert large(1) not in stored(reader)
    done = datmo("pull", "origin", "best", "--json", cwd=reader.path).json()
    assert (done["content_files"], done["content_bytes"]) == (1, len(large(1)))
    datmo("artifact", "get", "models/net", "--into", "got", cwd=reader.path)
    assert reader.read("got/w.bin") == large(2)
    datmo("artifact", "get", "best", "--into", "first", cwd=reader.path)
    assert reader.read("first/w.bin") == large(1)

    # The reader goes on counting, and says what it thinks of the maker's.
    reader.write("m/x", "x")
    third = create(reader, "models/net")
    assert versions(reader)[third] == "models/net:v2"
    datmo("artifact", "update", "models/net:v1", "-l", "read", cwd=reader.path)
    datmo("artifact", "delete", "models/net:v0", cwd=reader.path)
    push_plainly(reader)
    datmo("pull", cwd=maker.path)
    assert versions(maker) == versions(reader)
    shown = artifacts.inspect(opened(maker), artifact="read")
    assert (shown.version, shown.latest) == (1, False)
    fourth = create(maker, "models/net")
    assert versions(maker)[fourth] == "models/net:v3"
    for repo in (maker, reader):
        assert_clean(repo)


def test_a_stale_glob_push_moves_nobodys_refs(team: Team, maker: Repo) -> None:
    push_plainly(maker)
    other = team.clone("other")
    other.git("fetch", "-q", "origin", BOTH)
    before = team.origin.refs("refs/datmo/artifacts")
    other.write("m/x", "x")
    mine = create(other, "models/net")
    push_plainly(other)
    after = team.origin.refs("refs/datmo/artifacts")
    assert after.items() > before.items()
    assert set(after.values()) - set(before.values()) == {mine}
    maker.git("fetch", "-q")
    assert versions(maker) == versions(other)


def test_content_that_is_nowhere_is_named(team: Team, maker: Repo) -> None:
    datmo("push", "--no-content", cwd=maker.path)
    reader = team.clone("reader")
    datmo("fetch", cwd=reader.path)
    done = datmo("artifact", "get", "models/net", "--into", "got", cwd=reader.path, check=False)
    assert done.code == 5
    assert "w.bin" in done.stderr
    assert "not delivered by maker" in done.stderr
    assert not (reader.path / "got").exists()
    reader.git("remote", "set-url", "origin", "../moved.git")
    with pytest.raises(ContentMissing, match="no repository is where origin points to"):
        artifacts.get(opened(reader), artifact="models/net")
    reader.git("remote", "set-url", "origin", str(team.origin.path))
    found = artifacts.get(
        opened(reader), artifact="models/net", path="notes.txt", into=reader.path / "got"
    )
    assert found.written == 1, "what was not asked for need not be there"
    datmo("push", "origin", "models/net", cwd=maker.path)
    datmo("artifact", "get", "models/net", "--into", "got", cwd=reader.path)
    assert reader.read("got/w.bin") == large(2)


def test_one_file_brings_no_other(team: Team) -> None:
    maker = team.clone("maker")
    for number in (1, 2, 3):
        maker.write(f"m/{number}", large(number))
    create(maker, "x")
    datmo("push", cwd=maker.path)
    reader = team.clone("reader")
    datmo("fetch", cwd=reader.path)
    artifacts.get(opened(reader), artifact="x", path="1", into=reader.path / "got")
    assert stored(reader).keys() == {large(1)}
    assert artifacts.inspect(opened(reader), artifact="x").read("2") == large(2)
    assert stored(reader).keys() == {large(1), large(2)}


def test_damaged_content_is_fetched_anew_or_refused(team: Team, maker: Repo) -> None:
    path = stored(maker)[large(2)]
    path.chmod(0o644)
    path.write_bytes(b"x" + large(2)[1:])
    done = datmo("artifact", "get", "models/net", "--into", "got", cwd=maker.path, check=False)
    assert done.code == 5
    assert not (maker.path / "got" / "w.bin").exists()
    found = datmo("fsck", "--json", cwd=maker.path, check=False).json()
    [finding] = found["findings"]
    assert finding["kind"] == "content"
    assert [versions(maker)[oid] for oid in finding["snapshots"]] == ["models/net:v1"]


def test_a_purge_takes_the_versions_that_stand_on_one(team: Team, maker: Repo) -> None:
    keys = create(maker, "other")
    datmo("push", cwd=maker.path)
    reader = team.clone("reader")
    datmo("pull", "--content", cwd=reader.path)
    views = [artifacts.get(opened(repo), artifact="best").path for repo in (maker, reader)]
    kept = artifacts.get(opened(maker), artifact=keys).path
    planned = datmo("purge", "best", "--dry-run", "--json", cwd=maker.path).json()
    assert [(row["kind"], row["named"]) for row in planned["purged"]] == [
        ("artifact", True),
        ("artifact", False),
    ]
    datmo("purge", "best", "--yes", cwd=maker.path)
    assert versions(maker) == {keys: "default/other:v0"}
    assert large(1) not in stored(maker)
    assert large(2) in stored(maker), "another artifact holds it too"
    datmo("pull", cwd=reader.path)
    assert versions(reader) == versions(maker)
    assert large(1) not in stored(reader)
    assert len(team.origin.refs("refs/datmo/artifacts")) == 1
    assert [os.path.lexists(view) for view in (*views, kept)] == [False, False, True]
    for repo in (maker, reader):
        assert_clean(repo)


def test_retired_refs_go_from_the_remote_and_nothing_is_lost(team: Team) -> None:
    maker = team.clone("maker")
    maker.git("config", "datmo.maxRefs", "3")
    maker.write("m/a", "a")
    made = [create(maker, "x") for _ in range(6)]
    datmo("push", cwd=maker.path)
    made += [create(maker, "x") for _ in range(3)]
    datmo("push", cwd=maker.path)
    there = set(team.origin.refs("refs/datmo/artifacts").values())
    assert there == set(maker.refs("refs/datmo/artifacts").values())
    assert len(there) < len(made)
    assert made[-1] in there
    reader = team.clone("reader")
    reader.git("fetch", "-q")
    assert versions(reader).keys() == set(made)
    datmo("artifact", "get", f"x:v0-{made[0][:7]}", "--into", "got", cwd=reader.path)
    assert reader.read("got/a") == b"a"


def test_clones_that_know_little(team: Team, maker: Repo, tmp_path: Path) -> None:
    """A bare hub, a shallow clone, a partial clone."""
    datmo("push", cwd=maker.path)
    newest = [oid for oid, name in versions(maker).items() if name == "models/net:v1"]
    for name, flags in (("partial", ["--filter=blob:none"]), ("shallow", ["--depth=1"])):
        url = f"file://{team.origin.path}"
        Repo.init(tmp_path / "none").git("clone", "-q", *flags, url, str(tmp_path / name))
        repo = Repo(tmp_path / name)
        datmo("init", cwd=repo.path)
        datmo("fetch", cwd=repo.path)
        assert set(newest) <= versions(repo).keys(), name
        datmo("artifact", "inspect", "models/net", "--json", cwd=repo.path)
        datmo("artifact", "get", "models/net", "--into", "got", cwd=repo.path)
        assert repo.read("got/w.bin") == large(2)
        repo.write("m/x", name)
        made = create(repo, "models/net")
        assert versions(repo)[made] == "models/net:v2"
    hub = team.origin
    rows = datmo("artifact", "ls", "--json", cwd=hub.path).json()
    assert [row["reference"] for row in rows] == ["models/net:v1"]
