from __future__ import annotations

from pathlib import Path

import pytest

from git_datmo.hooks.install import install
from tests.hooks.fake import Fake
from tests.kit.git import Repo


@pytest.fixture
def fake(tmp_path: Path) -> Fake:
    """A stand-in for the program."""
    return Fake.make(tmp_path)


@pytest.fixture
def hooked(repo: Repo, fake: Fake) -> Repo:
    """A repository with one commit, and after it our hooks."""
    repo.write("a.txt", "a\n")
    repo.commit("first")
    install(repo.git_dir / "hooks", fake.words)
    return repo
