"""Taking back what should never have been recorded: here, on the remote, in every clone."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.team import GLOB, Team, large, push_plainly, snap, state
from tests.kit.checks import assert_clean, assert_git_clean, untouched
from tests.kit.git import Repo
from tests.kit.program import datmo

SECRET = "password=hunter2-hunter2\n"


@pytest.fixture
def team(tmp_path: Path) -> Team:
    return Team(tmp_path)


@pytest.fixture
def ada(team: Team) -> Repo:
    """A clone with two shared snapshots: one with a secret and a large file, one without."""
    made = team.clone("ada")
    made.write("token.txt", SECRET)
    made.write("data/secret.bin", large(1))
    made.write("data/kept.bin", large(2))
    snap(made, "bad", "--label", "bad")
    for name in ("token.txt", "data/secret.bin"):
        (made.path / name).unlink()
    snap(made, "good", "--label", "good")
    datmo("push", cwd=made.path)
    return made


def purge(repo: Repo, *args: str, code: int = 0) -> dict[str, Any]:
    """`purge --yes --json`; its document."""
    done = datmo("purge", *args, "--yes", "--json", cwd=repo.path, check=False)
    assert done.code == code, done.stdout + done.stderr
    found: dict[str, Any] = done.json()
    return found


def sync(*repos: Repo) -> None:
    """Everybody pulls and pushes, twice."""
    for _ in range(2):
        for repo in repos:
            datmo("pull", cwd=repo.path)
            datmo("push", cwd=repo.path)


def stored(folder: Path) -> int:
    """The content files in the store below a git directory."""
    return len(list((folder / "datmo" / "store").glob("??/*")))


def reachable(repo: Repo, oid: str, *options: str) -> bool:
    """Whether any ref (and with options, more) still reaches an object."""
    listed = repo.git("rev-list", "--all", "--objects", *options)
    return any(line.split(" ")[0] == oid for line in listed.splitlines())


def gone_for_good(repo: Repo, *oids: str) -> None:
    """After git's own pruning the objects do not exist any more, and all else is sound."""
    for oid in oids:
        assert not reachable(repo, oid)
    repo.git("gc", "--quiet", "--prune=now")
    for oid in oids:
        assert repo.try_git("cat-file", "-e", oid).returncode != 0
    assert_git_clean(repo)


def messages(repo: Repo) -> list[str]:
    return sorted(row["message"] for row in state(repo).values())


def blob_of(repo: Repo, text: str) -> str:
    return repo.git("hash-object", "--stdin", input=text)


def test_a_secret_is_taken_back_everywhere(team: Team, ada: Repo) -> None:
    bob = team.clone("bob")
    datmo("pull", "--content", cwd=bob.path)
    bad = datmo("snapshot", "inspect", "bad", "--json", cwd=ada.path).json()["id"]
    datmo("snapshot", "update", bad, "-m", "bob looked at it", cwd=bob.path)
    bob.write("mine.py", "pass\n")
    snap(bob, "of bob")
    datmo("push", cwd=bob.path)
    assert (stored(ada.common_dir), stored(bob.common_dir), stored(team.origin.path)) == (2, 2, 2)

    with untouched(ada):
        done = purge(ada, "bad")
    assert [(row["id"], row["named"]) for row in done["purged"]] == [(bad, True)]
    assert (done["files"], done["size"]) == (1, len(large(1)))
    [origin] = done["remotes"]
    assert (origin["error"], origin["files"], origin["size"]) == (None, 1, len(large(1)))
    assert len(done["absorbed"]) == 1
    named = {(h["kind"], h["where"].partition(" ")[2]) for h in done["holders"]}
    assert named == {("snapshot", "(data/kept.bin)"), ("objects", "")}
    assert messages(ada) == ["good", "of bob"]
    assert (stored(ada.common_dir), stored(team.origin.path)) == (1, 1)
    secret = blob_of(ada, SECRET)
    gone_for_good(ada, bad, secret)
    gone_for_good(team.origin, bad, secret)
    assert_clean(ada)

    told = datmo("pull", cwd=bob.path).stderr
    assert "purged" in told
    assert messages(bob) == ["good", "of bob"]
    assert stored(bob.common_dir) == 1
    sync(bob, ada)
    gone_for_good(bob, bad, secret)
    gone_for_good(team.origin, bad, secret)
    assert state(ada) == state(bob)
    datmo("snapshot", "checkout", "good", cwd=bob.path)
    assert bob.read("data/kept.bin") == large(2)
    for repo in (ada, bob):
        assert_clean(repo)
    fresh = team.clone("fresh")
    datmo("pull", "--content", cwd=fresh.path)
    assert state(fresh) == state(ada)
    assert_clean(fresh)


def test_what_stands_on_it_goes_too_and_the_rest_stays(team: Team, ada: Repo) -> None:
    bad = datmo("snapshot", "checkout", "bad", "--json", cwd=ada.path).json()["id"]
    ran = datmo(
        "run", "--json", "--", "sh", "-c", "cp token.txt out.txt; echo done: 1", cwd=ada.path
    ).json()
    before, after = ran["before_id"], ran["after_id"]
    datmo("push", cwd=ada.path)
    planned = datmo("purge", "bad", before, "--dry-run", "--json", cwd=ada.path).json()
    assert planned["dry_run"]
    done = purge(ada, "bad", before)
    for found in (planned, done):
        assert {row["id"] for row in found["purged"]} == {bad, before, after, ran["id"]}
        assert {row["id"] for row in found["purged"] if row["named"]} == {bad, before}
    assert datmo("ls", "--all", "--json", cwd=ada.path).json() == []
    assert messages(ada) == ["good"]
    gone_for_good(ada, bad, before, after, ran["commit"], blob_of(ada, SECRET))
    gone_for_good(team.origin, bad, before, after, ran["commit"], blob_of(ada, SECRET))
    assert_clean(ada)


def test_a_dry_run_changes_nothing_and_names_the_rest(team: Team, ada: Repo) -> None:
    before = (ada.refs(), team.origin.refs(), stored(ada.common_dir))
    shown = datmo("purge", "bad", "--dry-run", cwd=ada.path).stdout
    assert "snapshot" in shown
    assert "1 stored file (1.0 MiB)" in shown
    asked = datmo("purge", "bad", cwd=ada.path, input="n\n", check=False)
    assert asked.code == 4
    assert (ada.refs(), team.origin.refs(), stored(ada.common_dir)) == before


def test_the_same_bytes_in_other_snapshots_are_named_and_can_go_along(
    team: Team, ada: Repo
) -> None:
    ada.write("token.txt", SECRET)
    ada.write("more.py", "pass\n")
    other = snap(ada, "the token again")
    ada.git("add", "token.txt")
    # What the hook starts in the background must not come in between: it is done here and now.
    ada.git("-c", "datmo.autoSnapshot=false", "commit", "-qm", "oops")
    datmo("hook", "post-commit", ada.head(), cwd=ada.path)
    planned = datmo("purge", "bad", "--dry-run", "--json", cwd=ada.path).json()
    held = {(h["kind"], h["where"]) for h in planned["holders"]}
    assert ("snapshot", f"{other[:12]} (token.txt)") in held
    assert ("history", "token.txt") in held

    wider = datmo("purge", "bad", "--path", "token.txt", "--dry-run", "--json", cwd=ada.path)
    automatic = {row["id"] for row in state(ada).values() if not row["visible"]}
    found = {row["id"] for row in wider.json()["purged"]}
    assert other in found
    assert automatic <= found
    done = purge(ada, "bad", "--path", "token.txt")
    assert {h["kind"] for h in done["holders"]} == {"history", "objects"}
    assert messages(ada) == ["good"]
    absent = datmo("purge", "good", "--path", "nowhere", "--yes", cwd=ada.path, check=False)
    assert absent.code == 3


def test_the_users_own_refs_are_named_and_left(ada: Repo) -> None:
    bad = datmo("snapshot", "inspect", "bad", "--json", cwd=ada.path).json()["id"]
    ada.git("branch", "keep", bad)
    ada.git("tag", "-a", "-m", "x", "v1", bad)
    with untouched(ada):
        done = purge(ada, "bad")
    held = {h["where"]: h["advice"] for h in done["holders"] if h["kind"] in ("ref", "reflog")}
    assert held["refs/heads/keep"] == "git branch -D keep"
    assert held["refs/tags/v1"] == "git tag -d v1"
    assert any(where.startswith("refs/heads/keep (") for where in held)
    assert ada.git("rev-parse", "keep") == bad
    assert messages(ada) == ["good"]


def test_an_offline_clone_that_comes_back_and_pushes_is_passed_over(team: Team, ada: Repo) -> None:
    bob = team.clone("bob")
    datmo("pull", "--content", cwd=bob.path)
    bad = datmo("snapshot", "checkout", "bad", "--json", cwd=bob.path).json()["id"]
    ran = datmo("run", "--json", "--", "sh", "-c", "cp token.txt copy.txt", cwd=bob.path).json()
    datmo("snapshot", "update", bad, "-l", "best", cwd=bob.path)
    bob.git("checkout", "-q", "--", ".")
    for path in ("token.txt", "copy.txt", "data/secret.bin"):
        (bob.path / path).unlink()
    snap(bob, "clean work of bob")

    purge(ada, "bad")
    push_plainly(bob)
    assert reachable(team.origin, bad)
    told = datmo("pull", cwd=ada.path).stderr
    assert "still holds what was purged" in told
    assert bad not in state(ada)
    assert "clean work of bob" in messages(ada)
    assert datmo("fsck", cwd=ada.path, check=False).code in (0, 5)

    told = datmo("pull", cwd=bob.path).stderr
    assert "let go of" in told
    assert bad not in state(bob)
    sync(bob, ada)
    assert state(ada) == state(bob)
    assert "clean work of bob" in messages(bob)
    own = bob.git("for-each-ref", "--format=%(objectname)", "refs/datmo")
    for oid in (bad, ran["commit"]):
        reached = bob.git("rev-list", "--objects", *own.split())
        assert oid not in reached
        assert not reachable(team.origin, oid)
        assert not reachable(ada, oid)


def test_a_second_purge_takes_over_who_never_comes_back(team: Team, ada: Repo) -> None:
    bob = team.clone("bob")
    datmo("pull", "--content", cwd=bob.path)
    bad = datmo("snapshot", "inspect", "bad", "--json", cwd=bob.path).json()["id"]
    datmo("snapshot", "update", bad, "-l", "best", cwd=bob.path)
    bob.write("mine.py", "pass\n")
    snap(bob, "of bob")
    purge(ada, "bad")
    push_plainly(bob)
    datmo("pull", cwd=ada.path)
    assert reachable(team.origin, bad)
    done = purge(ada)
    assert done["purged"] == []
    assert len(done["absorbed"]) == 1
    assert not reachable(team.origin, bad)
    assert not reachable(ada, bad)
    assert messages(ada) == ["good", "of bob"]
    again = purge(ada)
    assert (again["absorbed"], again["clone"], again["files"]) == ([], None, 0)
    assert [remote["refs"] for remote in again["remotes"]] == [0]


def test_purging_by_the_id_once_more_is_fine(ada: Repo) -> None:
    bad = datmo("snapshot", "inspect", "bad", "--json", cwd=ada.path).json()["id"]
    purge(ada, bad)
    refs = ada.refs("refs/datmo")
    assert [row["id"] for row in purge(ada, bad)["purged"]] == [bad]
    assert ada.refs("refs/datmo") == refs


@pytest.mark.parametrize("name", ["nothing", "0" * 40, "HEAD~5"])
def test_what_is_not_here_is_not_found(ada: Repo, name: str) -> None:
    before = ada.refs()
    done = datmo("purge", name, "--yes", cwd=ada.path, check=False)
    assert done.code == 3
    assert "no snapshot, run or artifact" in done.stderr
    assert ada.refs() == before


def test_without_an_id_and_anything_purged_it_asks_for_one(ada: Repo) -> None:
    done = datmo("purge", "--yes", cwd=ada.path, check=False)
    assert done.code == 2
    assert "needs the id" in done.stderr


def test_two_clones_purge_at_once(team: Team, ada: Repo) -> None:
    bob = team.clone("bob")
    datmo("pull", "--content", cwd=bob.path)
    bob.write("other.txt", SECRET * 2)
    snap(bob, "worse", "--label", "worse")
    (bob.path / "other.txt").unlink()
    datmo("push", cwd=bob.path)
    datmo("pull", cwd=ada.path)
    both = [
        subprocess.Popen(
            ["git-datmo", "purge", name, "--yes", "--json"],
            cwd=repo.path,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        for repo, name in ((ada, "bad"), (bob, "worse"))
    ]
    for process in both:
        out, err = process.communicate(timeout=120)
        assert process.returncode in (0, 7), (out, err)
    sync(ada, bob)
    for repo in (ada, bob):
        purge(repo)
    sync(ada, bob)
    assert state(ada) == state(bob)
    assert messages(ada) == ["good"]
    for repo in (ada, bob, team.origin):
        gone_for_good(repo, blob_of(ada, SECRET), blob_of(ada, SECRET * 2))


def test_a_remote_that_cannot_be_reached_is_made_up_for(team: Team, ada: Repo) -> None:
    bad = datmo("snapshot", "inspect", "bad", "--json", cwd=ada.path).json()["id"]
    away = team.origin.path.with_name("away.git")
    team.origin.path.rename(away)
    done = purge(ada, "bad", code=7)
    assert "ls-remote" in done["remotes"][0]["error"]
    assert stored(ada.common_dir) == 1
    away.rename(team.origin.path)
    assert reachable(team.origin, bad)
    done = purge(ada)
    assert [remote["error"] for remote in done["remotes"]] == [None]
    assert not reachable(team.origin, bad)
    assert stored(team.origin.path) == 1


def test_a_remote_that_refuses_deletions_is_named(team: Team, ada: Repo) -> None:
    hook = team.origin.write("hooks/update", f"#!/bin/sh\n[ $3 != {'0' * 40} ]\n", mode=0o755)
    done = purge(ada, "bad", code=7)
    assert "push failed" in done["remotes"][0]["error"]
    assert messages(ada) == ["good"]
    hook.unlink()
    assert [remote["error"] for remote in purge(ada)["remotes"]] == [None]


def test_without_remotes_the_remote_keeps_it_until_the_next_time(team: Team, ada: Repo) -> None:
    bad = datmo("snapshot", "inspect", "bad", "--json", cwd=ada.path).json()["id"]
    assert purge(ada, "bad", "--no-remote")["remotes"] == []
    assert reachable(team.origin, bad)
    assert stored(team.origin.path) == 2
    datmo("push", cwd=ada.path)
    assert not reachable(team.origin, bad), "a push lets go of our own former chain"
    purge(ada)
    assert stored(team.origin.path) == 1


def test_unpushed_work_is_delivered_with_its_content(team: Team, ada: Repo) -> None:
    ada.write("new.bin", large(3))
    snap(ada, "unpushed")
    purge(ada, "bad")
    fresh = team.clone("fresh")
    datmo("pull", "--content", cwd=fresh.path)
    assert messages(fresh) == ["good", "unpushed"]
    assert_clean(fresh)


def test_a_store_that_others_may_use_is_left_and_named(
    team: Team, ada: Repo, tmp_path: Path
) -> None:
    shared = tmp_path / "shared"
    ada.git("config", "datmo.origin.store", str(shared))
    datmo("push", "--content", cwd=ada.path)
    assert len(list(shared.glob("??/*"))) == 2
    done = purge(ada, "bad")
    [holder] = [h for h in done["holders"] if h["kind"] == "content"]
    assert "storeIsOurs true" in holder["advice"]
    assert len(list(shared.glob("??/*"))) == 2
    ada.git("config", "datmo.origin.storeIsOurs", "true")
    purge(ada)
    assert len(list(shared.glob("??/*"))) == 1


def test_a_plain_push_of_what_was_purged_meanwhile_is_refused_once(team: Team, ada: Repo) -> None:
    bob = team.clone("bob")
    datmo("pull", cwd=bob.path)
    bad = datmo("snapshot", "inspect", "bad", "--json", cwd=bob.path).json()["id"]
    datmo("snapshot", "update", bad, "-l", "best", cwd=bob.path)
    purge(ada, "bad")
    bob.git("fetch", "-q")
    refused = bob.try_git("push", "-q", "origin", GLOB)
    assert refused.returncode != 0
    assert "push again" in refused.stderr
    assert not reachable(team.origin, bad)
    bob.git("push", "-q", "origin", GLOB)
    assert not reachable(team.origin, bad)


def test_a_run_under_way_on_it_must_be_stopped_first(ada: Repo) -> None:
    datmo("snapshot", "checkout", "bad", cwd=ada.path)
    started = datmo("run", "--detach", "--json", "--", "sleep", "60", cwd=ada.path).json()
    try:
        before = started["before_id"]
        refused = datmo("purge", before, "--yes", cwd=ada.path, check=False)
        assert refused.code == 4
        assert "git datmo stop" in refused.stderr
    finally:
        datmo("stop", started["id"], cwd=ada.path)
