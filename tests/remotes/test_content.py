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
