"""Disks that are full, have no inodes left, or let nobody write: one sentence, and nothing lost."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from git_datmo.api.project import init
from tests.kit.git import Repo
from tests.kit.program import datmo
from tests.torture import disk
from tests.torture.campaign import Campaign
from tests.torture.checker import apart, temporary
from tests.torture.sweep import GOOD, ids
from tests.torture.world import opened

pytestmark = pytest.mark.torture
ROUNDS = 40


def made(place: Path) -> Repo:
    """A project whose git directory lies on the small disk, and its work tree beside it."""
    git_dir, work = place / "repo.git", place.parent / "work"
    repo = Repo.init(work, "--separate-git-dir", str(git_dir))
    for key, value in (("datmo.largeFile", "2k"), ("datmo.autoSnapshot", "false")):
        repo.git("config", key, value)
    repo.git("config", "gc.auto", "0")
    repo.write("code.py", "print(1)\n")
    repo.commit()
    with opened(repo) as project:
        init(project, program=[*GOOD])
    return repo


def fill(campaign: Campaign, repo: Repo, files: int, size: int) -> set[str]:
    """Snapshots of something new until there is no room; all that were acknowledged."""
    acknowledged = set[str]()
    for number in range(ROUNDS):
        for name in range(files):
            repo.write(f"data/{name}", os.urandom(size))
        done = datmo("snapshot", "create", "-m", f"{number}", "--json", cwd=repo.path, check=False)
        acknowledged |= {*ids(done.stdout).values()}
        if done.code:
            assert done.code == 4, done.stderr
            said = ("no space left on the disk that holds", "and the disk of the store has")
            assert any(words in done.stderr for words in said), done.stderr
            assert "hint: free some space" in done.stderr
            assert "Traceback" not in done.stderr
            campaign.injected = campaign.effective = 1
            break
    return acknowledged


def judge(campaign: Campaign, repo: Repo, place: Path, acknowledged: set[str]) -> None:
    """All is whole while the disk is full, and goes on when there is room again."""
    assert temporary(place / "repo.git" / "datmo") == []
    campaign.harm.add(apart(repo, acknowledged, next_too=False))
    listed = datmo("snapshot", "ls", "--all", "--json", cwd=repo.path).json()
    campaign.harm.lost += list(acknowledged - {row["id"] for row in listed})
    for filler in place.glob("filler*"):
        filler.unlink()
    for file in (repo.path / "data").iterdir():
        file.unlink()
    campaign.harm.add(apart(repo, acknowledged))
    campaign.acknowledged = len(acknowledged)


def test_a_full_disk(campaign: Campaign, tmp_path: Path) -> None:
    with disk.tmpfs(tmp_path, megabytes=3) as place:
        repo = made(place)
        (place / "filler").write_bytes(bytes(400_000))
        acknowledged = fill(campaign, repo, 1, 300_000)
        judge(campaign, repo, place, acknowledged)
    campaign.assert_sound(effective=1, acknowledged=3)


def test_no_inodes_left(campaign: Campaign, tmp_path: Path) -> None:
    with disk.ext4(tmp_path, "-N", "200") as small:
        repo = made(small.path)
        for number in range(24):
            (small.path / f"filler{number}").touch()
        acknowledged = fill(campaign, repo, 3, 3_000)
        judge(campaign, repo, small.path, acknowledged)
    campaign.assert_sound(effective=1, acknowledged=1)


def test_a_disk_that_becomes_read_only(campaign: Campaign, tmp_path: Path) -> None:
    with disk.ext4(tmp_path) as small:
        repo = made(small.path)
        said = datmo("snapshot", "create", "-m", "first", "--json", cwd=repo.path)
        acknowledged = {*ids(said.stdout).values()}
        small.read_only()
        repo.write("code.py", "print(2)\n")
        for words in (("snapshot", "create", "-m", "second"), ("run", "--", "true")):
            campaign.injected += 1
            done = datmo(*words, cwd=repo.path, check=False)
            campaign.effective += done.code != 0
            assert "Traceback" not in done.stderr
            assert "read-only" in done.stderr, (words, done)
        [oid] = acknowledged
        assert datmo("snapshot", "ls", "--json", cwd=repo.path).json()[0]["id"] == oid
        assert datmo("snapshot", "inspect", oid, "--json", cwd=repo.path).json()["id"] == oid
        datmo("snapshot", "checkout", oid, "--into", str(tmp_path / "out"), cwd=repo.path)
        campaign.harm.add(apart(repo, acknowledged, next_too=False))
        campaign.acknowledged = 1
    campaign.assert_sound(effective=2)


def test_the_harness_notices_content_that_is_cut_short(campaign: Campaign, tmp_path: Path) -> None:
    """The control: a store that took a part of a file for all of it."""
    with disk.tmpfs(tmp_path, megabytes=3) as place:
        repo = made(place)
        acknowledged = fill(campaign, repo, 1, 300_000)
        content = next((place / "repo.git" / "datmo" / "store").glob("??/*"))
        content.chmod(0o644)
        os.truncate(content, 100_000)
        campaign.harm.add(apart(repo, acknowledged, next_too=False))
    campaign.assert_harmed("incomplete")
