"""Whatever order things come in: what a remote's chains speak of has its content there."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from git_datmo.api import location
from git_datmo.api.remote import push
from tests.e2e.team import Team, large, push_plainly, snap, state, update
from tests.kit.checks import assert_clean
from tests.kit.program import datmo

LONG_AGO = "2020-01-01T00:00:00Z"


@pytest.fixture
def team(tmp_path: Path) -> Team:
    return Team(tmp_path)


def whole(team: Team, *expected: bytes) -> None:
    """A fresh clone has all content, `expected` among it, byte for byte."""
    fresh = team.clone("fresh")
    done = datmo("pull", "--content", "--json", cwd=fresh.path, check=False)
    assert done.code == 0, done.stdout
    assert_clean(fresh)
    held = {path.read_bytes() for path in (fresh.path / ".git/datmo/store").glob("??/*")}
    assert held >= set(expected)
    shutil.rmtree(fresh.path)


def with_idle_chains(team: Team, count: int) -> None:
    for number in range(count):
        made = team.clone(f"job-{number}")
        datmo(
            "snapshot", "create", "-m", f"{number}", cwd=made.path,
            env={"GIT_COMMITTER_DATE": LONG_AGO},
        )  # fmt: skip
        datmo("push", cwd=made.path)


@pytest.mark.parametrize("limit", [100, 3])
def test_a_snapshot_made_while_a_push_is_under_way_waits_for_the_next(
    team: Team, limit: int
) -> None:
    with_idle_chains(team, 4)
    ada = team.clone("ada")
    ada.git("config", "datmo.maxChains", str(limit))
    ada.write("one.bin", large(1))
    snap(ada, "one")
    datmo("pull", cwd=ada.path)
    made: list[str] = []

    def meanwhile(count: int) -> None:
        if not made:
            ada.write("two.bin", large(2))
            made.append(snap(ada, "two"))

    push(location.find(ada.path), progress=meanwhile)
    assert made
    whole(team, large(1))
    datmo("push", cwd=ada.path)
    whole(team, large(1), large(2))


def test_taking_over_chains_does_not_count_as_delivery(team: Team) -> None:
    with_idle_chains(team, 4)
    ada = team.clone("ada")
    snap(ada, "one")
    datmo("push", cwd=ada.path)
    datmo("pull", cwd=ada.path)
    ada.git("config", "datmo.maxChains", "3")
    ada.write("two.bin", large(2))
    snap(ada, "two")
    done = datmo("push", "--no-content", "--json", cwd=ada.path).json()
    assert [ref for ref, _, after in done["updates"] if after is None]
    datmo("push", cwd=ada.path)
    whole(team, large(2))


def test_a_purge_does_not_count_as_delivery(team: Team) -> None:
    ada = team.clone("ada")
    snap(ada, "one")
    datmo("push", cwd=ada.path)
    ada.write("two.bin", large(2))
    snap(ada, "two")
    datmo("push", "--no-content", cwd=ada.path)
    ada.write("train.py", "three\n")
    bad = snap(ada, "three")
    datmo("purge", bad, "--yes", cwd=ada.path)
    datmo("push", cwd=ada.path)
    whole(team, large(2))


def test_a_forced_plain_push_does_not_set_others_back(team: Team) -> None:
    ada, ben = team.clone("ada"), team.clone("ben")
    snap(ada, "one")
    datmo("push", cwd=ada.path)
    ben.git("fetch", "-q", "origin", "refs/datmo/*:refs/datmo/*")
    ada.write("train.py", "two\n")
    snap(ada, "two")
    datmo("push", cwd=ada.path)
    before = team.origin.refs("refs/datmo/notes")
    snap(ben, "mine") if False else None
    ben.try_git("push", "-q", "-f", "origin", "refs/datmo/*")
    assert before.items() <= team.origin.refs("refs/datmo/notes").items()


def test_what_another_clone_brought_back_is_delivered(team: Team) -> None:
    ada, ben = team.clone("ada"), team.clone("ben")
    ada.write("one.bin", large(1))
    one = snap(ada, "one")
    datmo("snapshot", "delete", one, cwd=ada.path)
    datmo("push", cwd=ada.path)
    datmo("pull", cwd=ben.path)
    datmo("snapshot", "undelete", one, cwd=ben.path)
    datmo("push", cwd=ben.path)
    datmo("pull", cwd=ada.path)
    datmo("push", cwd=ada.path)
    whole(team, large(1))


def test_what_was_freed_and_brought_back_by_another_clone_is_delivered_again(team: Team) -> None:
    ada, ben = team.clone("ada"), team.clone("ben")
    ada.write("one.bin", large(1))
    one = snap(ada, "one")
    datmo("push", cwd=ada.path)
    datmo("snapshot", "delete", one, cwd=ada.path)
    datmo("push", cwd=ada.path)
    datmo("pull", cwd=ben.path)
    shutil.rmtree(team.origin.path / "datmo/store")  # as a gc, long after
    datmo("snapshot", "undelete", one, cwd=ben.path)
    datmo("push", cwd=ben.path)
    datmo("pull", cwd=ada.path)
    push_plainly(ada)  # no ref is new: the hook has nothing to do
    datmo("push", cwd=ada.path)
    whole(team, large(1))


def test_a_forced_plain_push_of_a_clone_that_was_set_back_loses_nothing(team: Team) -> None:
    """A backup put back with all that this clone knew of the remote, inode and all."""
    ada = team.clone("ada")
    one = snap(ada, "one")
    datmo("push", cwd=ada.path)
    saved = ada.refs("refs/datmo-local", "refs/datmo", "refs/datmo-remotes")
    update(ada, one, "--stats", '{"after": 1}')
    datmo("push", cwd=ada.path)
    for name, oid in saved.items():
        ada.git("update-ref", name, oid)
    (ada.path / ".git/datmo/index.sqlite").unlink()
    update(ada, one, "--stats", '{"restored": 1}')
    refused = ada.try_git("push", "-q", "-f", "origin", "refs/datmo/*")
    assert "git datmo pull" in refused.stderr
    datmo("pull", cwd=ada.path)
    ada.git("push", "-q", "-f", "origin", "refs/datmo/*")
    fresh = team.clone("fresh")
    datmo("pull", cwd=fresh.path)
    assert state(fresh)[one]["stats"] == {"after": 1, "restored": 1}
    assert_clean(fresh)
