"""The ways a remote can be written down, and what cannot be a place for content."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.e2e.team import BOTH, GLOB, Team, large, push_plainly, snap, state, update
from tests.kit.checks import assert_clean
from tests.kit.git import Repo
from tests.kit.program import datmo


@pytest.fixture
def team(tmp_path: Path) -> Team:
    return Team(tmp_path)


@pytest.fixture
def maker(team: Team) -> Repo:
    made = team.clone("maker")
    made.write("large.bin", large(1))
    snap(made, "first")
    return made


def relative(repo: Repo, origin: Path) -> None:
    repo.git("remote", "set-url", "origin", os.path.relpath(origin, repo.path))


def file_url(repo: Repo, origin: Path) -> None:
    repo.git("remote", "set-url", "origin", origin.as_uri())


def spaces(repo: Repo, origin: Path) -> None:
    there = origin.with_name("a place with ünïcode and 'quotes'.git")
    origin.rename(there)
    repo.git("remote", "set-url", "origin", str(there))


def instead_of(repo: Repo, origin: Path) -> None:
    repo.git("config", f"url.{origin.parent}/.insteadOf", "lab:")
    repo.git("remote", "set-url", "origin", "lab:" + origin.name)


def push_url(repo: Repo, origin: Path) -> None:
    repo.git("remote", "set-url", "origin", "https://example.invalid/x.git")
    repo.git("config", "remote.origin.pushurl", str(origin))


@pytest.mark.parametrize("written", [relative, file_url, spaces, instead_of, push_url])
@pytest.mark.parametrize("how", ["git", "datmo"])
def test_every_way_to_write_a_path_remote(
    team: Team, maker: Repo, written: Callable[[Repo, Path], None], how: str, tmp_path: Path
) -> None:
    written(maker, team.origin.path)
    if how == "git":
        push_plainly(maker)
    else:
        datmo("push", cwd=maker.path)
    [origin] = [path for path in tmp_path.glob("*.git") if path.is_dir()]
    assert len(list((origin / "datmo" / "store").glob("??/*"))) == 1
    assert len(Repo(origin).refs("refs/datmo/notes")) == 1


def test_several_push_addresses_all_get_the_content(
    team: Team, maker: Repo, tmp_path: Path
) -> None:
    second = Repo.bare(tmp_path / "second.git")
    for url in (team.origin.path, second.path):
        maker.git("config", "--add", "remote.origin.pushurl", str(url))
    datmo("push", cwd=maker.path)
    for place in (team.origin, second):
        assert len(list((place.path / "datmo" / "store").glob("??/*"))) == 1
        assert len(place.refs("refs/datmo/notes")) == 1


def test_an_address_that_is_no_remote(team: Team, maker: Repo, tmp_path: Path) -> None:
    second = Repo.bare(tmp_path / "second.git")
    datmo("push", str(second.path), cwd=maker.path)
    reader = team.clone("reader")
    datmo("pull", str(second.path), cwd=reader.path)
    assert state(reader) == state(maker)
    assert datmo("push", "nowhere", cwd=maker.path, check=False).code == 7
    assert_clean(maker)


def test_a_store_folder_of_its_own(team: Team, maker: Repo, tmp_path: Path) -> None:
    folder = tmp_path / "shared store"
    maker.git("config", "datmo.origin.store", str(folder))
    push_plainly(maker)
    assert len(list(folder.glob("??/*"))) == 1
    assert not (team.origin.path / "datmo").exists()
    reader = team.clone("reader")
    reader.git("config", "datmo.origin.store", str(folder))
    datmo("pull", "--content", cwd=reader.path)
    datmo("snapshot", "checkout", "latest", cwd=reader.path)
    assert reader.read("large.bin") == large(1)


def test_content_that_cannot_be_delivered_fails_the_push(maker: Repo) -> None:
    url = "http://127.0.0.1:9/x.git"
    refs = maker.refs("refs/datmo/notes")
    lines = "".join(f"{n} {oid} {n} {'0' * 40}\n" for n, oid in refs.items())
    done = datmo("hook", "pre-push", "origin", url, cwd=maker.path, input=lines, check=False)
    assert done.code == 7
    assert "Failed to connect" in done.stderr or "unable to access" in done.stderr
    assert url in done.stderr


def test_a_remote_added_after_init_gets_its_fetch_line(team: Team, tmp_path: Path) -> None:
    late = Repo.init(tmp_path / "late")
    datmo("init", cwd=late.path)
    late.write("a", "1")
    snap(late, "one")
    late.git("remote", "add", "origin", str(team.origin.path))
    datmo("push", cwd=late.path)
    lines = late.git("config", "--get-all", "remote.origin.fetch").splitlines()
    assert "+refs/datmo/*:refs/datmo-remotes/origin/*" in lines
    datmo("cleanup", "--yes", cwd=late.path)
    assert "datmo" not in late.git("config", "--get-all", "remote.origin.fetch")


@pytest.mark.parametrize(
    "damage", ["delete", "delete the local copy", "rewind", "garbage", "empty", "both empty"]
)
def test_our_own_refs_heal(team: Team, maker: Repo, damage: str) -> None:
    update(maker, "latest", "--label", "kept")
    before = state(maker)
    [(name, tip)] = maker.refs("refs/datmo/notes").items()
    match damage:
        case "delete":
            maker.git("update-ref", "-d", name)
        case "delete the local copy":
            maker.git("update-ref", "-d", "refs/datmo-local/notes")
        case "rewind":
            maker.git("update-ref", name, f"{tip}^")
        case "garbage":
            (maker.git_dir / name).write_text("garbage\n")
        case "empty":
            (maker.git_dir / "refs/datmo-local/notes").write_text("")
        case "both empty":
            (maker.git_dir / "refs/datmo-local/notes").write_text("")
            (maker.git_dir / name).write_text("")
    assert state(maker) == before
    push_plainly(maker)
    reader = team.clone("reader")
    reader.git("fetch", "-q")
    assert state(reader) == before
    assert maker.refs("refs/datmo/notes") == {name: tip}
    assert_clean(maker)


def test_a_forced_fetch_over_our_own_refs_loses_nothing(team: Team, maker: Repo) -> None:
    push_plainly(maker)
    update(maker, "latest", "--label", "unpushed")
    before = state(maker)
    maker.git("fetch", "-q", "origin", "+" + BOTH)  # sets our chain back to what was pushed
    assert state(maker) == before
    push_plainly(maker)
    reader = team.clone("reader")
    reader.git("fetch", "-q")
    assert state(reader) == before


def test_a_copied_clone_takes_an_id_of_its_own(team: Team, maker: Repo, tmp_path: Path) -> None:
    copy = Repo(shutil.copytree(maker.path, tmp_path / "copy", symlinks=True))
    assert state(copy) == state(maker)
    for number, repo in enumerate((maker, copy, maker, copy)):
        update(repo, "latest", "--stats", f'{{"n{number}": 1}}')
        push_plainly(repo)
    for repo in (maker, copy):
        datmo("fetch", cwd=repo.path)
    assert state(maker) == state(copy)
    [row] = state(copy).values()
    assert row["stats"] == {"n0": 1, "n1": 1, "n2": 1, "n3": 1}
    assert len(team.origin.refs("refs/datmo/notes")) == 2
    assert_clean(copy)


def test_a_clone_set_back_to_a_backup_goes_on_under_a_new_id(
    team: Team, maker: Repo, tmp_path: Path
) -> None:
    """The worst backup: it restores the same file, inode and all."""
    saved = maker.refs("refs/datmo-local", "refs/datmo")
    update(maker, "latest", "--stats", '{"after": 1}')
    push_plainly(maker)
    for name, oid in saved.items():
        maker.git("update-ref", name, oid)
    update(maker, "latest", "--stats", '{"restored": 1}')
    datmo("push", cwd=maker.path)
    [row] = state(maker).values()
    assert row["stats"] == {"after": 1, "restored": 1}
    assert len(team.origin.refs("refs/datmo/notes")) == 2
    assert maker.git("push", "-q", "origin", GLOB) == ""


def test_remote_show_asks_every_push_address(team: Team, maker: Repo, tmp_path: Path) -> None:
    datmo("push", cwd=maker.path)
    second = Repo.bare(tmp_path / "second.git")
    for url in (team.origin.path, second.path):
        maker.git("config", "--add", "remote.origin.pushurl", str(url))
    [shown] = datmo("remote", "show", "--json", cwd=maker.path).json()
    assert shown["due"] == 3
    assert shown["more_places"] == [str(second.path / "datmo" / "store")]
    said = datmo("remote", "show", cwd=maker.path).stdout
    assert "second.git/datmo/store" in said
    assert "3 refs to be pushed" in said
    datmo("push", cwd=maker.path)
    assert datmo("remote", "show", "--json", cwd=maker.path).json()[0]["due"] == 0
    shutil.rmtree(second.path)
    failed = datmo("remote", "show", "--json", cwd=maker.path, check=False)
    assert failed.code == 7
    assert "second.git" in str(failed.json()[0]["errors"])


def test_what_cannot_be_reached_is_not_called_read_only(team: Team, maker: Repo) -> None:
    maker.git("remote", "set-url", "origin", "http://127.0.0.1:9/x.git")
    failed = datmo("remote", "show", cwd=maker.path, check=False)
    assert failed.code == 7
    assert "\n  access" not in failed.stdout


def test_another_pusher_who_brings_the_same_ref_at_the_same_time(team: Team, maker: Repo) -> None:
    datmo("push", cwd=maker.path)
    other = team.clone("other")
    other.write("large.bin", large(2))
    snap(other, "second")
    [(shared, oid)] = team.origin.refs("refs/datmo/environments").items()
    assert shared in other.refs()
    # Both saw a remote without it; the first one's arrives while the second one's is taken.
    team.origin.git("update-ref", "-d", shared)
    hook = team.origin.path / "hooks" / "pre-receive"
    hook.write_text(
        f"#!/bin/sh\nunset GIT_QUARANTINE_PATH\nrm -f '{hook}'\n"
        f"exec git update-ref {shared} {oid}\n"
    )
    hook.chmod(0o755)
    pushed = datmo("push", cwd=other.path, check=False)
    assert pushed.code == 0, pushed.stderr
    assert not hook.exists()
    assert team.origin.refs("refs/datmo/environments") == {shared: oid}
    assert len(team.origin.refs("refs/datmo/notes")) == 2


def test_a_reader_hears_that_content_may_lie_in_another_place(
    team: Team, maker: Repo, tmp_path: Path
) -> None:
    maker.git("config", "datmo.origin.store", str(tmp_path / "elsewhere"))
    datmo("push", cwd=maker.path)
    reader = team.clone("reader")
    datmo("pull", cwd=reader.path)
    [oid] = state(reader)
    missed = datmo("snapshot", "checkout", oid, cwd=reader.path, check=False)
    assert missed.code == 5
    assert "datmo.<remote>.store" in missed.stderr
