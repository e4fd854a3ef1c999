"""Content of living snapshots leaves a clone when nothing protects it and a remote has it."""

from __future__ import annotations

import json
import shutil
import time

import pytest

from git_datmo.api import gc as verb
from git_datmo.model.freed import Amount, Freed
from git_datmo.records.project import Project
from tests.e2e.team import Team, large, snap
from tests.kit.checks import assert_clean, untouched
from tests.kit.content import stored
from tests.kit.git import Repo
from tests.kit.program import datmo

FIVE = range(1, 6)


@pytest.fixture
def five(tmp_path) -> tuple[Team, Repo, dict[int, str]]:
    """A clone with five pushed snapshots, each with another large file; it stands on the fifth."""
    team = Team(tmp_path)
    repo = team.clone("ada")
    made = {}
    for number in FIVE:
        repo.write("large.bin", large(number))
        made[number] = snap(repo, f"number {number}", "--stats", json.dumps({"n": number}))
    datmo("push", cwd=repo.path)
    return team, repo, made


def gc(repo: Repo, **given: object) -> Freed:
    return verb.gc(Project.open(repo.path), **given)  # type: ignore[arg-type]


def here(repo: Repo) -> set[int]:
    """The numbers whose content is in the store."""
    found = stored(repo)
    return {number for number in FIVE if large(number) in found}


def test_it_leaves_and_comes_back(five: tuple[Team, Repo, dict[int, str]]):
    team, repo, made = five
    with untouched(repo):
        planned = gc(repo, keep_last=2, dry_run=True)
        done = gc(repo, keep_last=2)
    assert here(repo) == {4, 5}
    assert {row.snapshot for row in done.rows} == {made[1], made[2], made[3]}
    assert [row.name for row in planned.rows] == [row.name for row in done.rows]
    assert done.kinds == {"elsewhere": 3}
    assert (done.leaving, done.only_copy) == (3, Amount())
    datmo("fsck", cwd=repo.path)  # a remote has it: nothing is wrong
    datmo("snapshot", "checkout", made[2], cwd=repo.path)
    assert repo.read("large.bin") == large(2)
    assert here(repo) == {2, 4, 5}
    assert len(stored(team.origin)) == 5


def test_what_protects(five: tuple[Team, Repo, dict[int, str]]):
    _, repo, made = five
    datmo("snapshot", "update", made[1], "--label", "best", cwd=repo.path)
    gc(repo, keep="stats.n == 3")
    assert here(repo) == {1, 3, 5}  # the label, the expression, where the work tree stands
    gc(repo, older_than="1h")
    assert here(repo) == {1, 3, 5}
    gc(repo, keep="stats.n == 2", keep_last=3)
    assert here(repo) == {1, 3, 5}
    gc(repo, older_than="0")
    assert here(repo) == {1, 5}


def test_sessions_count_apart(five: tuple[Team, Repo, dict[int, str]]):
    _, repo, _ = five
    datmo("session", "create", "other", cwd=repo.path)
    repo.write("large.bin", large(6))
    snap(repo, "six")
    datmo("push", cwd=repo.path)
    gc(repo, keep_last=1)
    assert here(repo) == {5}
    assert large(6) in stored(repo)


def test_only_copies_stay(five: tuple[Team, Repo, dict[int, str]]):
    team, repo, _ = five
    for content, file in stored(team.origin).items():
        if content in (large(1), large(2)):
            file.unlink()
    repo.write("large.bin", large(7))
    snap(repo, "never pushed")
    repo.write("large.bin", large(8))
    snap(repo, "stands on this")
    done = gc(repo, keep_last=0)
    assert here(repo) == {1, 2}
    assert {large(7), large(8)} <= stored(repo).keys()
    assert done.only_copy.files == 3
    assert done.leaving == 6
    shutil.move(team.origin.path, team.root / "away.git")
    assert gc(repo, keep_last=0).rows == ()
    assert here(repo) == {1, 2}


def test_content_that_arrived_without_its_snapshot_is_no_second_copy(
    five: tuple[Team, Repo, dict[int, str]],
):
    """A push that was cut off before its refs: another clone's gc may free it there."""
    team, repo, _ = five
    repo.write("large.bin", large(9))
    snap(repo, "cut off")
    repo.write("large.bin", large(5))
    snap(repo, "back on five")
    file = stored(repo)[large(9)]
    there = team.origin.path / "datmo/store" / file.parent.name / file.name
    there.parent.mkdir(exist_ok=True)
    shutil.copy(file, there)
    done = gc(repo, keep_last=0)
    assert large(9) in stored(repo)
    assert done.only_copy.files == 1


@pytest.mark.parametrize("way", ["path", "link", "store"])
def test_a_remote_that_is_this_clone_is_no_second_copy(
    five: tuple[Team, Repo, dict[int, str]], way: str
):
    team, repo, _ = five
    shutil.rmtree(team.origin.path / "datmo/store")
    if way == "path":
        repo.git("remote", "set-url", "origin", str(repo.path))
    elif way == "link":
        (team.origin.path / "datmo/store").symlink_to(repo.git_dir / "datmo/store")
    else:
        repo.git("config", "datmo.origin.store", str(repo.git_dir / "datmo/store"))
    done = gc(repo, keep_last=0)
    assert done.rows == ()
    assert done.only_copy.files == 4
    assert "own store" in done.notices[0]
    assert here(repo) == set(FIVE)
    assert len(stored(repo)) == 5  # the probe is gone


def test_what_others_share_stays(five: tuple[Team, Repo, dict[int, str]]):
    _, repo, made = five
    repo.write("large.bin", large(1))
    repo.write("second.bin", large(2))
    snap(repo, "first again, with the second")
    datmo("push", cwd=repo.path)
    gc(repo, keep_last=1)
    assert here(repo) == {1, 2}
    assert_clean(repo)
    assert made


def test_a_label_given_meanwhile_protects(five: tuple[Team, Repo, dict[int, str]]):
    _, repo, made = five

    def agree(found: Freed) -> bool:
        assert len(found.rows) == 3
        datmo("snapshot", "update", made[1], "--label", "kept", cwd=repo.path)
        return True

    time.sleep(0.01)
    done = gc(repo, keep_last=2, agree=agree)
    assert here(repo) == {1, 4, 5}
    assert len(done.rows) == 2
