"""One bare repository, and a clone whose snapshots are in it: what every shape starts from."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.team import Team, large, snap
from tests.kit.git import Repo
from tests.kit.program import datmo


@pytest.fixture
def team(tmp_path: Path) -> Team:
    return Team(tmp_path)


@pytest.fixture
def maker(team: Team) -> Repo:
    """A clone that shared a snapshot labelled `best`, with a large file and a folder."""
    made = team.clone("maker")
    made.write("data/large.bin", large(1))
    made.write("src/deep/model.py", "import this\n" * 200)
    made.write("config.json", '{"lr": 0.1}')
    snap(made, "first", "--label", "best")
    datmo("push", cwd=made.path)
    return made
