"""A project that is about to be hurt."""

from __future__ import annotations

import pytest

from git_datmo.api import location, snapshot
from tests.e2e.team import large
from tests.kit.git import Repo


@pytest.fixture
def ill(project: Repo) -> Repo:
    """A project with a commit and a snapshot that has a large file."""
    project.git("config", "datmo.autoSnapshot", "false")  # its process would write meanwhile
    project.write("model.bin", large(1))
    project.write("code.py", "1\n")
    project.commit()
    snapshot.create(location.find(project.path), message="one", label="first")
    return project
