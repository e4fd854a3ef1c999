"""What a gc frees of a remote: nothing that lives in any chain known here or there."""

from __future__ import annotations

import os
import time

import pytest

from git_datmo.api import gc as verb
from git_datmo.errors import Conflict, Corrupt, UsageError
from git_datmo.model.freed import Amount, Freed
from git_datmo.records import layout
from git_datmo.records.project import Project
from tests.e2e.team import Team, large, push_plainly, snap, state
from tests.kit.checks import assert_clean
from tests.kit.content import age, stored
from tests.kit.git import Repo
from tests.kit.program import datmo
from tests.records.chains import Someone


@pytest.fixture
def team(tmp_path) -> Team:
    return Team(tmp_path)


def pushed(team: Team, name: str, *numbers: int) -> tuple[Repo, list[str]]:
    """A clone that pushed a snapshot for each number; the content looks old there."""
    repo = team.clone(name)
    made = []
    for number in numbers:
        repo.write("large.bin", large(number))
        made.append(snap(repo, f"{name} {number}"))
    datmo("push", cwd=repo.path)
    age(team.origin, 30)
    return repo, made


def gc(repo: Repo, **given: object) -> Freed:
    """A remote gc, for which deletions of two days ago are old enough."""
    return verb.gc(Project.open(repo.path), remote=True, **given)  # type: ignore[arg-type]


def orphan(team: Team, number: int, days: float) -> None:
    """Content on the remote that nobody mentions."""
    store = Project.open(team.origin.path).store
    source = team.root / f"orphan{number}"
    source.write_bytes(large(number))
    with source.open("rb") as file:
        pointer = store.ingest(file.fileno(), sync=False)
    store.lock.release()
    then = time.time() - days * 86_400
    os.utime(store.path(pointer), (then, then))


def numbers(repo: Repo) -> set[int]:
    found = stored(repo)
    return {number for number in range(20) if large(number) in found}


def test_what_nobody_mentions_goes(team: Team):
    repo, _ = pushed(team, "ada", 1, 2)
    orphan(team, 3, days=15)
    orphan(team, 4, days=13)
    planned = gc(repo, dry_run=True)
    assert numbers(team.origin) == {1, 2, 3, 4}
    done = gc(repo)
    assert numbers(team.origin) == {1, 2, 4}
    assert planned.rows[0].name == done.rows[0].name
    assert done.needed == Amount(2, 2 * len(large(1)))
    assert done.young == Amount(1, len(large(4)))
    assert (done.remote, done.size) == ("origin", len(large(3)))
    assert_clean(repo)


def test_a_teammates_snapshot_is_fetched_first(team: Team):
    ada, _ = pushed(team, "ada", 1)
    pushed(team, "bob", 2)
    assert gc(ada).rows == ()
    assert numbers(team.origin) == {1, 2}


def test_what_is_unpushed_here_protects(team: Team):
    repo, _ = pushed(team, "ada", 1)
    orphan(team, 5, days=30)
    repo.write("large.bin", large(5))
    snap(repo, "not pushed yet")
    assert gc(repo).rows == ()


def test_what_was_deleted_lately_stays(team: Team):
    repo, [first, _] = pushed(team, "ada", 1, 2)
    datmo("snapshot", "delete", first, cwd=repo.path)
    datmo("push", cwd=repo.path)
    age(team.origin, 30)
    assert gc(repo).rows == ()


def test_somebody_who_pushes_meanwhile_loses_nothing(team: Team):
    ada, _ = pushed(team, "ada", 1)
    bob = team.clone("bob")
    orphan(team, 6, days=30)
    orphan(team, 7, days=30)

    def agree(found: Freed) -> bool:
        assert len(found.rows) == 2
        bob.write("large.bin", large(6))
        snap(bob, "what lies there already")
        push_plainly(bob)
        age(team.origin, 30)  # not even its age tells
        return True

    done = gc(ada, agree=agree)
    assert len(done.rows) == 1
    assert numbers(team.origin) == {1, 6}
    assert "bob" in str(state(ada))


def test_what_was_asked_for_meanwhile_stays(team: Team):
    """Between the listing and the removal a pusher asked whether it is there."""
    ada, _ = pushed(team, "ada", 1)
    orphan(team, 8, days=30)

    def agree(found: Freed) -> bool:
        [path] = [p for content, p in stored(team.origin).items() if content == large(8)]
        path.touch()
        return bool(found.rows)

    assert gc(ada, agree=agree).rows == ()
    assert numbers(team.origin) == {1, 8}


def test_a_named_store_needs_a_word_that_it_is_ours(team: Team, tmp_path):
    repo, _ = pushed(team, "ada", 1)
    repo.git("config", "datmo.origin.store", str(tmp_path / "shared"))
    with pytest.raises(UsageError, match="other repositories") as refusal:
        gc(repo)
    assert "storeIsOurs" in str(refusal.value.hint)
    repo.git("config", "datmo.origin.storeIsOurs", "true")
    datmo("push", cwd=repo.path)
    assert gc(repo).rows == ()


def test_a_store_of_two_remotes_hears_both(team: Team, tmp_path):
    repo, _ = pushed(team, "ada", 1)
    other = Team(tmp_path / "other")
    shared = tmp_path / "shared"
    bob = other.clone("bob")
    bob.git("config", "datmo.origin.store", str(shared))
    bob.write("large.bin", large(9))
    snap(bob, "on the other remote")
    datmo("push", cwd=bob.path)
    for file in shared.glob("??/*"):
        os.utime(file, (1e9, 1e9))
    repo.git("remote", "add", "other", str(other.origin.path))
    for name in ("origin", "other"):
        repo.git("config", f"datmo.{name}.store", str(shared))
        repo.git("config", f"datmo.{name}.storeIsOurs", "true")
    datmo("push", "origin", cwd=repo.path)
    assert gc(repo).rows == ()
    assert large(9) in {file.read_bytes() for file in shared.glob("??/*")}


def test_a_remote_whose_chains_cannot_be_seen(team: Team):
    repo, _ = pushed(team, "ada", 1)
    team.origin.git("config", "transfer.hideRefs", "refs/datmo")
    with pytest.raises(Conflict, match="no chain can be seen"):
        gc(repo)
    assert numbers(team.origin) == {1}


def test_a_remote_that_holds_chains_which_a_fetch_does_not_bring(team: Team):
    repo, _ = pushed(team, "ada", 1)
    someone = Someone(team.origin)
    theirs = someone.snapshot()
    someone.tell({theirs: someone.line(message="theirs")})
    with pytest.raises(Conflict, match="that a fetch does not bring"):
        gc(repo)


def test_a_chain_there_that_cannot_be_read(team: Team):
    repo, _ = pushed(team, "ada", 1)
    orphan(team, 3, days=30)
    someone = Someone(team.origin)
    tip = someone.commit(layout.NOTES_MESSAGE.replace(": 1", ": 2"))
    team.origin.git("update-ref", f"refs/datmo/notes/{someone.clone}", tip)
    with pytest.raises(Corrupt, match="nothing was freed"):
        gc(repo)
    assert numbers(team.origin) == {1, 3}


def test_refusals(team: Team):
    repo, _ = pushed(team, "ada", 1)
    repo.git("config", "datmo.gcGrace", "1d")
    with pytest.raises(UsageError, match="2 days"):
        gc(repo)
    repo.git("config", "datmo.gcGrace", "2d")
    repo.git("config", "remote.origin.pushurl", str(team.root / "elsewhere.git"))
    with pytest.raises(UsageError, match="different addresses"):
        gc(repo)
    repo.git("config", "--unset", "remote.origin.pushurl")
    repo.git("config", "datmo.origin.store", "lfs")
    with pytest.raises(UsageError, match="host alone"):
        gc(repo)
