"""The folders of runs that are under way, and that nothing of them stays."""

from __future__ import annotations

import os
from pathlib import Path

from git_datmo.records import flights
from git_datmo.records.project import Project
from tests.kit import nobody
from tests.kit.git import Repo


def test_what_its_user_cannot_list_goes_too() -> None:
    def check(folder: Path) -> None:
        (folder / ".gitconfig").write_text("[user]\nname = N\nemail = n@example.com\n")
        flight = flights.create(Project.open(Repo.init(folder / "repo").path))
        locked = flight.path / "upper" / "locked"
        locked.mkdir(parents=True)
        (locked / "file").touch()
        locked.chmod(0)
        flight.discard()
        assert os.listdir(flight.path.parent) == []

    nobody.run(check)
