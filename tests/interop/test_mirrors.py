"""Mirrors: of a hub, of a working clone, by fetch and by push; and bare repositories as hubs."""

from __future__ import annotations

from pathlib import Path

from tests.e2e.team import BOTH, GLOB, Team, large, push_plainly, snap, state, update
from tests.kit.checks import assert_clean, assert_git_clean
from tests.kit.git import Repo, run_git
from tests.kit.program import datmo


def mirror(of: Repo, path: Path) -> Repo:
    run_git("clone", "-q", "--mirror", str(of.path), str(path))
    return Repo(path)


def test_reading_in_a_hub_leaves_its_refs_to_everybody(team: Team, maker: Repo) -> None:
    before = team.origin.refs()
    assert state(team.origin) == state(maker)
    datmo("snapshot", "inspect", "best", cwd=team.origin.path)
    assert team.origin.refs() == before
    datmo("init", cwd=team.origin.path)
    assert state(team.origin) == state(maker)
    datmo("fsck", cwd=team.origin.path)
    assert {name: team.origin.refs().get(name) for name in before} == before


def test_a_mirror_of_a_hub_has_everything_and_serves_others(
    team: Team, maker: Repo, tmp_path: Path
) -> None:
    copy = mirror(team.origin, tmp_path / "copy.git")
    assert copy.refs() == team.origin.refs()
    assert state(copy) == state(maker)
    datmo("pull", "--content", cwd=copy.path)
    assert team.origin.refs().items() <= copy.refs().items()

    reader = Repo(tmp_path / "reader")
    run_git("clone", "-q", str(copy.path), str(reader.path))
    datmo("init", cwd=reader.path)
    datmo("pull", cwd=reader.path)
    datmo("snapshot", "checkout", "best", cwd=reader.path)
    assert reader.read("data/large.bin") == large(1)

    update(maker, "best", "--message", "newer")
    datmo("push", cwd=maker.path)
    copy.git("remote", "update", "--prune")
    assert copy.refs() == team.origin.refs()
    assert state(copy) == state(maker)
    datmo("pull", cwd=reader.path)
    assert [state(reader)[oid]["message"] for oid in state(maker)] == ["newer"]
    assert_clean(copy)


def test_a_mirror_is_not_the_clone_it_copies(team: Team, maker: Repo, tmp_path: Path) -> None:
    copy = mirror(maker, tmp_path / "backup.git")
    assert "refs/datmo-local/notes" in copy.refs()
    assert state(copy) == state(maker)
    refused = datmo("init", cwd=copy.path, check=False)
    assert refused.code == 4
    assert "this is a mirror" in refused.stderr
    for words in (["push"], ["snapshot", "update", "best", "--message", "no"]):
        assert datmo(*words, cwd=copy.path, check=False).code == 3
    assert copy.refs() == maker.refs()

    update(maker, "best", "--message", "newer")
    copy.git("remote", "update", "--prune")
    assert state(copy) == state(maker)
    assert_clean(maker)


def test_a_mirror_that_takes_over_is_a_clone_of_its_own(
    team: Team, maker: Repo, tmp_path: Path
) -> None:
    copy = mirror(maker, tmp_path / "backup.git")
    maker.path.rename(tmp_path / "lost")
    copy.git("config", "--unset-all", "remote.origin.fetch")
    copy.git("config", "--unset", "remote.origin.mirror")
    copy.git("remote", "set-url", "origin", str(team.origin.path))
    datmo("init", cwd=copy.path)
    [oid] = state(copy)
    update(copy, oid, "--label", "kept")
    datmo("push", cwd=copy.path)
    assert len(team.origin.refs("refs/datmo/notes")) == 2
    lost = Repo(tmp_path / "lost")
    update(lost, oid, "--message", "goes on")
    datmo("push", cwd=lost.path)
    for repo in (copy, lost):
        datmo("fetch", cwd=repo.path)
    assert state(copy) == state(lost)
    assert (state(copy)[oid]["label"], state(copy)[oid]["message"]) == ("kept", "goes on")
    assert_clean(copy)


def test_a_mirrored_push_leaves_folders_alone(team: Team, maker: Repo) -> None:
    datmo("push", cwd=maker.path)
    head = team.origin.git("rev-parse", "main")
    names = ("refs/datmo-folders/ada/x/one", "refs/datmo-live/" + "a" * 32)
    for name in names:
        team.origin.git("update-ref", name, head)
    refused = maker.try_git("push", "--mirror", "origin")
    assert refused.returncode != 0
    assert "2 refs of folders on origin (refs/datmo-folders/ada/x/one)" in refused.stderr
    assert set(names) <= team.origin.refs().keys()
    maker.git("push", "-q", "origin", f":{names[0]}", f":{names[1]}")
    maker.git("push", "-q", "--mirror", "origin")


def test_a_mirrored_push_harms_nobody(team: Team, maker: Repo) -> None:
    other = team.clone("other")
    other.write("other.txt", "other")
    theirs = snap(other, "theirs")
    datmo("push", cwd=other.path)

    before = team.origin.refs()
    for words in (["--mirror", "origin"], ["--prune", "origin", GLOB]):
        refused = maker.try_git("push", *words)
        assert refused.returncode != 0
        assert "would delete the notes of 1 other clone" in refused.stderr
        assert team.origin.refs() == before
    maker.git("push", "-q", "--no-verify", "--mirror", "origin")  # deletes what others pushed
    assert "refs/datmo-local/notes" in team.origin.refs()
    assert_git_clean(team.origin)
    for repo in (other, team.clone("late")):
        repo.git("fetch", "-q", "--prune")
        datmo("pull", cwd=repo.path)
    [first] = state(maker)
    assert set(state(other)) == {first, theirs}
    datmo("push", cwd=other.path)
    maker.git("fetch", "-q", "--prune")
    assert state(maker) == state(other)
    datmo("push", cwd=maker.path)
    late = team.clone("later")
    late.git("fetch", "-q", "origin", BOTH)
    assert set(state(late)) == {first, theirs}
    for repo in (maker, other, late):
        assert_clean(repo)


def test_a_remote_that_is_mirrored_by_push_goes_on(team: Team, maker: Repo, tmp_path: Path) -> None:
    backup = Repo.bare(tmp_path / "backup.git")
    maker.git("remote", "add", "--mirror=push", "backup", str(backup.path))
    for number in range(2):
        maker.write("n.txt", str(number))
        snap(maker, f"number {number}")
        maker.git("push", "-q", "backup")
        assert backup.refs() == maker.refs()
        datmo("push", "origin", cwd=maker.path)
    assert state(backup) == state(maker)
    restored = tmp_path / "out"
    datmo("snapshot", "checkout", "best", "--into", restored, cwd=backup.path)
    assert (restored / "data/large.bin").read_bytes() == large(1)


def test_a_bare_clone_with_work_trees(team: Team, maker: Repo, tmp_path: Path) -> None:
    run_git("clone", "-q", "--bare", str(team.origin.path), str(tmp_path / "bare.git"))
    bare = Repo(tmp_path / "bare.git")
    bare.git("config", "remote.origin.fetch", "+refs/heads/*:refs/remotes/origin/*")
    bare.git("worktree", "add", "-q", str(tmp_path / "work"), "main")
    work = Repo(tmp_path / "work")
    datmo("init", cwd=work.path)
    datmo("pull", cwd=work.path)
    work.write("mine.txt", "mine")
    mine = snap(work, "mine")
    work.git("fetch", "-q", "origin", BOTH)
    assert set(state(work)) == set(state(bare)) == {*state(maker), mine}
    work.git("push", "-q", "origin", GLOB)
    datmo("pull", cwd=maker.path)
    assert state(maker) == state(work)
    assert datmo("snapshot", "create", cwd=bare.path, check=False).code == 4
    assert_clean(work)


def test_a_working_clone_as_a_hub(team: Team, maker: Repo, tmp_path: Path) -> None:
    """Somebody pushes straight into the clone that another works in."""
    other = Repo(tmp_path / "other")
    run_git("clone", "-q", str(maker.path), str(other.path))
    datmo("init", cwd=other.path)
    datmo("pull", cwd=other.path)
    other.write("other.txt", "other")
    theirs = snap(other, "theirs")
    push_plainly(other)
    assert theirs in state(maker)
    maker.write("more.txt", "more")
    snap(maker, "more")
    other.git("fetch", "-q", "--prune")
    assert state(other) == state(maker)
    update(other, theirs, "--label", "again")
    push_plainly(other)
    assert state(other) == state(maker)
    for repo in (maker, other):
        assert_clean(repo)
