"""Which content a push looks for at the remote."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.team import GLOB, Team, large, snap
from tests.kit.git import Repo
from tests.kit.program import datmo


@pytest.fixture
def team(tmp_path: Path) -> Team:
    return Team(tmp_path)


def contents(team: Team) -> list[Path]:
    return list((team.origin.path / "datmo" / "store").glob("??/*"))


@pytest.mark.parametrize("plainly", [True, False])
def test_what_is_brought_back_is_delivered(team: Team, plainly: bool) -> None:
    """Its content was not sent while it was deleted, or was freed there meanwhile."""
    maker = team.clone("maker")
    maker.write("large.bin", large(1))
    oid = snap(maker, "first")

    def push(repo: Repo) -> None:
        if plainly:
            repo.git("push", "-q", "origin", GLOB)
        else:
            datmo("push", cwd=repo.path)

    datmo("snapshot", "delete", oid, cwd=maker.path)
    push(maker)
    assert contents(team) == []
    datmo("snapshot", "undelete", oid, cwd=maker.path)
    push(maker)
    assert len(contents(team)) == 1

    datmo("snapshot", "delete", oid, cwd=maker.path)
    push(maker)
    for file in contents(team):
        file.unlink()
    datmo("snapshot", "undelete", oid, cwd=maker.path)
    push(maker)
    reader = team.clone("reader")
    datmo("pull", "--content", cwd=reader.path)
    datmo("snapshot", "checkout", oid, cwd=reader.path)
    assert reader.read("large.bin") == large(1)


@pytest.mark.parametrize("plainly", [True, False])
def test_content_freed_after_a_push_that_failed_is_delivered_again(
    team: Team, plainly: bool
) -> None:
    """Until refs name it, nothing at the remote tells that it is needed."""
    maker = team.clone("maker")
    snap(maker, "before")
    datmo("push", cwd=maker.path)
    maker.write("large.bin", large(1))
    snap(maker, "first")
    hook = team.origin.path / "hooks" / "pre-receive"
    hook.write_text("#!/bin/sh\nexit 1\n")
    hook.chmod(0o755)
    assert datmo("push", cwd=maker.path, check=False).code == 7
    assert len(contents(team)) == 1
    contents(team)[0].unlink()
    hook.unlink()
    if plainly:
        maker.git("push", "-q", "origin", GLOB)
    else:
        datmo("push", cwd=maker.path)
    assert len(contents(team)) == 1


def test_damage_at_a_remote_is_told_with_its_place_and_can_be_put_right(team: Team) -> None:
    maker = team.clone("maker")
    maker.write("large.bin", large(1))
    oid = snap(maker, "first")
    datmo("push", cwd=maker.path)
    (file,) = contents(team)
    file.chmod(0o644)
    file.write_bytes(bytes(file.stat().st_size))
    reader = team.clone("reader")
    datmo("pull", cwd=reader.path)
    refused = datmo("snapshot", "checkout", oid, cwd=reader.path, check=False)
    assert refused.code == 5
    assert f"origin ({team.origin.path}" in refused.stderr
    assert "push --content" in refused.stderr
    file.unlink()
    datmo("push", "--content", cwd=maker.path)
    datmo("snapshot", "checkout", oid, cwd=reader.path)
    assert reader.read("large.bin") == large(1)
